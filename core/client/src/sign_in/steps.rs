//! What follows the server's yes: the account's identity, this device's certificate, its key packages.

use std::sync::Arc;

use privmsg_e2ee::{
    AccountKey, AccountSigningKey, DeviceKeys, OsRng, RecoveryError, RecoveryKey, SigningKeyCertificate,
};
use privmsg_protocol::rest::{Backup, UpdateProfile};
use privmsg_protocol::{ErrorCode, Opaque, Secret};
use privmsg_store::Store;
use privmsg_store::account::{self, Account, AccountState, Signing};

use super::lock::LoginLock;
use super::{LoggedIn, LoginError, NewIdentity};
use crate::clock::Clock;
use crate::engine::tasks::key_packages;
use crate::error::ClientError;
use crate::identity::{Identity, public_identity};
use crate::net::http::Api;

/// A sign-in that needs the account's identity key.
#[derive(Debug)]
pub struct PendingLogin {
    steps: Steps,
}

impl PendingLogin {
    /// Goes on with the recovery key: this device becomes a further one of the account.
    ///
    /// # Errors
    /// [`LoginError::Recovery`] if the words are wrong; call again with others.
    pub async fn recover(&mut self, words: &str) -> Result<LoggedIn, LoginError> {
        let key: RecoveryKey = words.parse()?;
        let backup = self.steps.api.backup().await?;
        let sealed = backup.backup.decode().ok_or(RecoveryError::Malformed)?;
        let account_key = key.open(&sealed, &self.steps.account.user_id)?;
        let profile = self.steps.api.user(&self.steps.account.user_id).await?;
        if profile.public_key.as_deref() != Some(account_key.public().to_string().as_str()) {
            return Err(LoginError::IdentityMismatch);
        }
        // Words of an attempt of our own that another device was faster than open nothing.
        self.steps.forget_identity();
        self.steps.begin_generation(&account_key).await?;
        Ok(self.steps.finish().await?)
    }

    /// Gives the account a new identity: contacts will see the change, all other devices are signed out.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn replace_identity(&mut self) -> Result<LoggedIn, LoginError> {
        self.steps.forget_identity();
        self.steps.make_identity(true).await?;
        Ok(self.steps.finish().await?)
    }
}

/// A device that the server knows, and that is stored.
pub(super) struct Steps {
    pub(super) store: Store,
    pub(super) api: Api,
    pub(super) account: Account,
    pub(super) clock: Arc<dyn Clock>,
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
            None => match self.make_identity(false).await {
                Err(ClientError::Server { code: ErrorCode::IdentityExists, .. }) => {
                    // Another device of the same account was faster.
                    self.forget_identity();
                    save(&self.store, &self.account).await?;
                    Ok(NewIdentity::RecoveryKeyNeeded(Box::new(PendingLogin { steps: self })))
                }
                Err(error) => Err(error.into()),
                Ok(()) => Ok(NewIdentity::Done(self.finish().await?)),
            },
            Some(public_key) if self.has_identity(public_key) => Ok(NewIdentity::Done(self.finish().await?)),
            Some(_) => Ok(NewIdentity::RecoveryKeyNeeded(Box::new(PendingLogin { steps: self }))),
        }
    }

    fn has_identity(&self, public_key: &str) -> bool {
        let own = public_identity(&self.account).ok();
        self.account.signing.is_some() && own.is_some_and(|own| own.to_string() == public_key)
    }

    /// Makes the account identity key and its recovery key, or takes those of an interrupted attempt.
    async fn make_identity(&mut self, replace: bool) -> Result<(), ClientError> {
        let (key, recovery) = match (&self.account.identity_secret, &self.account.recovery_words) {
            (Some(key), Some(words)) => (AccountKey::from_bytes(key), recovery_key(words)?),
            _ => {
                let (key, recovery) = (AccountKey::generate(&mut OsRng), RecoveryKey::generate(&mut OsRng));
                self.account.identity_secret = Some(key.to_bytes());
                self.account.recovery_words = Some(Secret::new(recovery.words().to_string()));
                self.begin_generation(&key).await?;
                (key, recovery)
            }
        };
        let backup = Opaque::encode(&recovery.seal(&key, &self.account.user_id, &mut OsRng));
        let update = UpdateProfile {
            public_key: Some(key.public().to_string()),
            replace_public_key: replace,
            ..UpdateProfile::default()
        };
        // The public key comes first: it decides which of two first devices wins, and the loser must not replace the
        // winner's backup; a replaced identity takes its backup with it. An interruption in between is made good by the
        // repetition.
        self.api.update_profile(&update).await?;
        self.api.put_backup(&Backup { backup }).await
    }

    fn forget_identity(&mut self) {
        self.account.identity = None;
        self.account.identity_secret = None;
        self.account.recovery_words = None;
        self.account.signing = None;
    }

    /// Begins a generation of the account, whose signing key is stored before anybody hears of it.
    async fn begin_generation(&mut self, key: &AccountKey) -> Result<(), ClientError> {
        let generation = self.now_s();
        let signing = key
            .begin_generation(&self.account.user_id, generation, &mut OsRng)
            .map_err(|error| ClientError::Internal { during: "beginning a generation", source: error.into() })?;
        self.account.identity = Some(*key.public().as_bytes());
        let certificate = signing.certificate().encode();
        self.account.signing = Some(Signing { key: signing.to_bytes(), certificate });
        save(&self.store, &self.account).await
    }

    /// By the server's clock: what is dated in the future by a fast one is refused by everybody until that time.
    fn now_s(&self) -> u64 {
        self.api.clock().now_s(&*self.clock).try_into().unwrap_or(0)
    }

    /// Certifies the device and leaves its key packages on the server.
    async fn finish(&mut self) -> Result<LoggedIn, ClientError> {
        let device_id = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        if self.account.certificate.is_none() {
            // An identity that an interrupted attempt made: its backup may be missing.
            self.ensure_backup().await?;
        }
        let device = DeviceKeys::from_bytes(&self.account.device_key).public();
        let certificate = signing_key(&self.account)?.certify(&device_id, &device, self.now_s());
        self.account.certificate = Some(certificate.encode());
        let mut ready = self.account.clone();
        ready.state = AccountState::Ready;
        // The device comes in by its own key from now on. An access key that was made here has to be shown yet.
        if !self.invited {
            ready.access_key = None;
        }
        ready.server_clock_ms = self.api.clock().ahead_ms(&*self.clock);
        let identity = Arc::new(Identity::of(&ready)?);
        let now = self.api.clock().now_s(&*self.clock);
        key_packages::publish(&self.store, &self.api, &identity, now).await?;
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

    async fn ensure_backup(&self) -> Result<(), ClientError> {
        let (Some(key), Some(words)) = (&self.account.identity_secret, &self.account.recovery_words) else {
            return Ok(());
        };
        match self.api.backup().await {
            Err(error) if error.is(&ErrorCode::NoBackup) => {
                let key = AccountKey::from_bytes(key);
                let backup = Opaque::encode(&recovery_key(words)?.seal(&key, &self.account.user_id, &mut OsRng));
                self.api.put_backup(&Backup { backup }).await
            }
            other => other.map(drop),
        }
    }
}

fn recovery_key(words: &Secret) -> Result<RecoveryKey, ClientError> {
    words.expose().parse().map_err(|_| ClientError::Damaged("recovery key"))
}

/// What signs for the account.
fn signing_key(account: &Account) -> Result<AccountSigningKey, ClientError> {
    let signing = account.signing.as_ref().ok_or(ClientError::NotSignedIn)?;
    SigningKeyCertificate::decode(&signing.certificate)
        .and_then(|certificate| AccountSigningKey::from_bytes(&signing.key, certificate))
        .map_err(|_| ClientError::Damaged("signing key"))
}

pub(super) async fn save(store: &Store, account: &Account) -> Result<(), ClientError> {
    let account = account.clone();
    store.write(move |tx| account::save(tx, &account)).await.map_err(ClientError::Store)
}
