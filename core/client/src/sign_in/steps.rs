//! What follows the server's yes: the account's identity, this device's certificate, its key packages.

use std::sync::Arc;

use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, RecoveryError, RecoveryKey};
use privmsg_protocol::rest::{Backup, UpdateProfile};
use privmsg_protocol::{ErrorCode, Opaque, Secret};
use privmsg_store::Store;
use privmsg_store::account::{self, Account, AccountState};

use super::lock::LoginLock;
use super::{LoggedIn, LoginError, NewIdentity};
use crate::clock::Clock;
use crate::engine::tasks::key_packages;
use crate::error::ClientError;
use crate::identity::Identity;
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
        self.steps.account.account_key = Some(account_key.to_bytes());
        // Words of an attempt of our own that another device was faster than open nothing.
        self.steps.account.recovery_words = None;
        save(&self.steps.store, &self.steps.account).await?;
        Ok(self.steps.finish().await?)
    }

    /// Gives the account a new identity: contacts will see the change, all other devices are signed out.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn replace_identity(&mut self) -> Result<LoggedIn, LoginError> {
        self.steps.forget_identity().await?;
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
                    self.forget_identity().await?;
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
        self.account
            .account_key
            .as_ref()
            .is_some_and(|key| AccountKey::from_bytes(key).public().to_string() == public_key)
    }

    /// Makes the account identity key and its recovery key, or takes those of an interrupted attempt.
    async fn make_identity(&mut self, replace: bool) -> Result<(), ClientError> {
        let recovery = match (&self.account.account_key, &self.account.recovery_words) {
            (Some(_), Some(words)) => {
                words.expose().parse::<RecoveryKey>().map_err(|_| ClientError::Damaged("recovery key"))?
            }
            _ => {
                let recovery = RecoveryKey::generate(&mut OsRng);
                self.account.account_key.get_or_insert_with(|| AccountKey::generate(&mut OsRng).to_bytes());
                self.account.recovery_words = Some(Secret::new(recovery.words().to_string()));
                save(&self.store, &self.account).await?;
                recovery
            }
        };
        let key = AccountKey::from_bytes(self.account.account_key.as_ref().ok_or(ClientError::NotSignedIn)?);
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

    async fn forget_identity(&mut self) -> Result<(), ClientError> {
        self.account.account_key = None;
        self.account.recovery_words = None;
        save(&self.store, &self.account).await
    }

    /// Certifies the device and leaves its key packages on the server.
    async fn finish(&mut self) -> Result<LoggedIn, ClientError> {
        let device_id = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        let key = AccountKey::from_bytes(self.account.account_key.as_ref().ok_or(ClientError::NotSignedIn)?);
        if self.account.recovery_words.is_some() && self.account.certificate.is_none() {
            // An identity that an interrupted attempt made: its backup may be missing.
            self.ensure_backup(&key).await?;
        }
        let device = DeviceKeys::from_bytes(&self.account.device_key).public();
        // By the server's clock: what is dated in the future by a fast one is refused by everybody until that time.
        let now = self.api.clock().now_s(&*self.clock);
        let created_at = now.try_into().unwrap_or(0);
        let certificate = key.certify(&self.account.user_id, &device_id, &device, created_at);
        self.account.certificate = Some(certificate.encode());
        let mut ready = self.account.clone();
        ready.state = AccountState::Ready;
        ready.server_clock_ms = self.api.clock().ahead_ms(&*self.clock);
        let identity = Arc::new(Identity::of(&ready)?);
        key_packages::publish(&self.store, &self.api, &identity, now).await?;
        save(&self.store, &ready).await?;
        self.account = ready;
        Ok(LoggedIn {
            user_id: self.account.user_id.clone(),
            device_id,
            recovery_key: self.account.recovery_words.clone(),
            access_key: self.invited.then(|| self.account.access_key.clone()),
            clock_ahead_ms: self.api.clock().far_off(&*self.clock),
        })
    }

    async fn ensure_backup(&self, key: &AccountKey) -> Result<(), ClientError> {
        let Some(words) = &self.account.recovery_words else { return Ok(()) };
        match self.api.backup().await {
            Err(error) if error.is(&ErrorCode::NoBackup) => {
                let recovery: RecoveryKey = words.expose().parse().map_err(|_| ClientError::Damaged("recovery key"))?;
                let backup = Opaque::encode(&recovery.seal(key, &self.account.user_id, &mut OsRng));
                self.api.put_backup(&Backup { backup }).await
            }
            other => other.map(drop),
        }
    }
}

pub(super) async fn save(store: &Store, account: &Account) -> Result<(), ClientError> {
    let account = account.clone();
    store.write(move |tx| account::save(tx, &account)).await.map_err(ClientError::Store)
}
