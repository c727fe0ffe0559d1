//! What follows the server's yes: the account's identity, this device's certificate, its key packages.

use std::sync::Arc;

use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, RecoveryKey};
use privmsg_mls_public::DeviceList;
use privmsg_protocol::rest::SetUpIdentity;
use privmsg_protocol::{ErrorCode, Opaque, Secret};
use privmsg_store::Store;
use privmsg_store::account::{self, Account, AccountState};

use super::lock::LoginLock;
use super::pending::PendingLogin;
use super::{LoggedIn, LoginError, NewIdentity};
use crate::clock::Clock;
use crate::engine::tasks::key_packages;
use crate::error::ClientError;
use crate::identity::{Identity, public_identity};
use crate::net::clock::ListTime;
use crate::net::http::Api;
use crate::own_devices::publish::{Publisher, signing_key};
use crate::own_devices::{generation, learn, sealed_copy};

/// A device that is stored, and that the server knows, unless it is to be linked.
pub(super) struct Steps {
    pub(super) store: Store,
    pub(super) api: Api,
    pub(super) account: Account,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) device_type: &'static str,
    /// The access key is new.
    pub(super) invited: bool,
    /// Held until the end.
    pub(super) _lock: LoginLock,
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Steps({:?})", self.account)
    }
}

impl Steps {
    /// Goes on for an account with this public identity key, if it has one yet.
    pub(super) async fn identify(mut self, public_key: Option<&str>) -> Result<NewIdentity, LoginError> {
        match public_key {
            None => match self.set_up().await {
                // Another device of the same account was faster: this one's identity is nobody's.
                Err(ClientError::Server { code: ErrorCode::IdentityExists, .. }) => {
                    self.forget_identity();
                    save(&self.store, &self.account).await?;
                    Ok(NewIdentity::Waits(Box::new(PendingLogin::new(self))))
                }
                Err(error) => Err(error.into()),
                Ok(()) => Ok(NewIdentity::Done(self.finish().await?)),
            },
            Some(public_key) if self.has_identity(public_key) => {
                self.go_on().await?;
                match self.has_identity(public_key) {
                    true => Ok(NewIdentity::Done(self.finish().await?)),
                    false => Ok(NewIdentity::Waits(Box::new(PendingLogin::new(self)))),
                }
            }
            Some(_) => Ok(NewIdentity::Waits(Box::new(PendingLogin::new(self)))),
        }
    }

    /// Whether this device signs for the account that has this key.
    fn has_identity(&self, public_key: &str) -> bool {
        let own = public_identity(&self.account).ok();
        self.account.signing.is_some() && own.is_some_and(|own| own.to_string() == public_key)
    }

    /// Repeats what an attempt that was cut off has stored: the server answers the same once more.
    async fn go_on(&mut self) -> Result<(), ClientError> {
        if self.account.identity_secret.is_some() && self.account.recovery_words.is_some() {
            return self.set_up().await;
        }
        self.publisher().catch_up().await?;
        // A device that was faster may have begun a generation since.
        self.account = self.store.read(account::load).await?.ok_or(ClientError::NotSignedIn)?;
        Ok(())
    }

    /// All that the account's identity begins with, in one request: stored together or not at all.
    async fn set_up(&mut self) -> Result<(), ClientError> {
        let identity = self.new_identity().await?;
        self.api.set_up_identity(&identity).await
    }

    /// Makes the account's identity key, its recovery key, and the first device list, or takes those of an attempt that was
    /// cut off.
    pub(super) async fn new_identity(&mut self) -> Result<SetUpIdentity, ClientError> {
        let (key, words) = match (&self.account.identity_secret, &self.account.recovery_words) {
            (Some(key), Some(words)) => (AccountKey::from_bytes(key), recovery_key(words)?),
            _ => {
                let (key, words) = (AccountKey::generate(&mut OsRng), RecoveryKey::generate(&mut OsRng));
                self.account.identity_secret = Some(key.to_bytes());
                self.account.recovery_words = Some(Secret::new(words.words().to_string()));
                self.account.signing = None;
                (key, words)
            }
        };
        if self.account.signing.is_none() || !self.first_list().await?.is_some_and(|list| self.is_in(&list)) {
            let time = self.api.clock().first(&*self.clock)?;
            self.begin_generation(&key, time).await?;
        }
        let list = self.first_list().await?.ok_or(ClientError::Damaged("device list"))?;
        let sealed = self.sealed(&key, &words)?;
        let identity = SetUpIdentity {
            public_key: key.public().to_string(),
            certificate: Opaque::encode(&list.certificate().encode()),
            device_list: Opaque::encode(&list.encode()),
            backup: Opaque::encode(&sealed),
            recovery_key: words.sign_in_key().to_string(),
        };
        save(&self.store, &self.account).await?;
        Ok(identity)
    }

    /// The identity, sealed with the words, as an attempt that was cut off has sealed it: the copy here is what the server has.
    fn sealed(&mut self, key: &AccountKey, words: &RecoveryKey) -> Result<Vec<u8>, ClientError> {
        let user_id = self.account.user_id.clone();
        let opens = |sealed: &Vec<u8>| words.open(sealed, &user_id).is_ok_and(|opened| opened.public() == key.public());
        if let Some(sealed) = sealed_copy::newest(&self.account).filter(opens) {
            return Ok(sealed);
        }
        let sealed = words.seal(key, &user_id, &mut OsRng);
        let copy = sealed_copy::sign(key, &user_id, words, sealed.clone());
        self.account.sealed_identity = Some(sealed_copy::encode(&copy)?);
        Ok(sealed)
    }

    /// The list that this device has made.
    async fn first_list(&self) -> Result<Option<DeviceList>, ClientError> {
        let account = self.account.clone();
        let known = self.store.read(move |at| learn::known(at, &account)).await?;
        Ok(known.lists().first().cloned())
    }

    fn is_in(&self, list: &DeviceList) -> bool {
        let key = DeviceKeys::from_bytes(&self.account.device_key).public();
        self.account.device_id.as_ref().is_some_and(|id| list.has(id, &key))
    }

    pub(super) fn forget_identity(&mut self) {
        self.account.identity = None;
        self.account.identity_secret = None;
        self.account.recovery_words = None;
        self.account.sealed_identity = None;
        self.account.signing = None;
    }

    /// Begins a generation of the account in which this device is the only one.
    pub(super) async fn begin_generation(&mut self, key: &AccountKey, time: ListTime) -> Result<(), ClientError> {
        let now = (self.clock.now_ms(), time);
        generation::begin(&self.store, &mut self.account, key, Vec::new(), now).await
    }

    /// By the server's clock: what is dated in the future by a fast one is refused by everybody until that time.
    fn now_s(&self) -> u64 {
        self.api.clock().now_s(&*self.clock).try_into().unwrap_or(0)
    }

    pub(super) fn publisher(&self) -> Publisher<'_> {
        let (api, store, account) = (&self.api, &self.store, &self.account);
        Publisher { api, store, account, clock: &*self.clock, told: None }
    }

    /// Certifies the device, unless another one has, and leaves its key packages on the server.
    pub(super) async fn finish(&mut self) -> Result<LoggedIn, ClientError> {
        let device_id = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        if self.account.certificate.is_none() {
            let device = DeviceKeys::from_bytes(&self.account.device_key).public();
            let certificate = signing_key(&self.account)?.certify(&device_id, &device, self.now_s());
            self.account.certificate = Some(certificate.encode());
        }
        let mut ready = self.account.clone();
        ready.state = AccountState::Ready;
        ready.link_secret = None;
        // The device comes in by its own key from now on. An access key that was made here has to be shown yet.
        if !self.invited {
            ready.access_key = None;
        }
        ready.server_clock_ms = self.api.clock().ahead_ms(&*self.clock);
        let identity = Arc::new(Identity::of(&ready)?);
        let times = key_packages::Times::now(&self.api, &*self.clock);
        key_packages::publish(&self.store, &self.api, &identity, times).await?;
        save(&self.store, &ready).await?;
        self.account = ready;
        Ok(LoggedIn {
            user_id: self.account.user_id.clone(),
            device_id,
            recovery_key: self.account.recovery_words.clone(),
            access_key: self.account.access_key.clone(),
            clock_ahead_ms: self.api.clock().far_off(&*self.clock),
        })
    }
}

fn recovery_key(words: &Secret) -> Result<RecoveryKey, ClientError> {
    words.expose().parse().map_err(|_| ClientError::Damaged("recovery key"))
}

pub(super) async fn save(store: &Store, account: &Account) -> Result<(), ClientError> {
    let account = account.clone();
    store.write(move |tx| account::save(tx, &account)).await.map_err(ClientError::Store)
}
