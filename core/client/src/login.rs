//! Signing a device in.
//!
//! Keys are made and stored before the server hears of them, and every step can be repeated: a sign-in that was cut off
//! goes on where it stopped.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, RecoveryError, RecoveryKey};
use privmsg_protocol::rest::{Backup, LoginRequest, RedeemRequest, UpdateProfile};
use privmsg_protocol::{DeviceId, ErrorCode, Opaque, Secret, UserId};
use privmsg_store::account::{self, Account, AccountState};
use privmsg_store::{Store, StoreError, groups};
use zeroize::Zeroizing;

use crate::clock::{Clock, SystemClock};
use crate::engine::tasks::key_packages;
use crate::error::ClientError;
use crate::identity::Identity;
use crate::net::http::Api;
use crate::profile::{Profile, ProfileError};

/// What a user enters to sign in.
#[derive(Debug, Clone)]
pub struct Login {
    /// `http://…` or `https://…`.
    pub server_url: String,
    /// From the administrator.
    pub user_id: UserId,
    /// How the user shows who they are.
    pub key: SignInKey,
    /// As the user's other devices see this one.
    pub device_name: String,
    /// `cli`, `desktop`, `android`, …
    pub device_type: &'static str,
}

/// What the administrator has handed over.
#[derive(Debug, Clone)]
pub enum SignInKey {
    /// An access key.
    Access(Secret),
    /// The key of an invitation, which is traded for a new access key.
    Invitation(Secret),
}

/// Why a sign-in did not work.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The profile cannot be opened.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The profile is signed in already, or belongs to somebody else.
    #[error("this profile is signed in as {0}")]
    AlreadySignedIn(UserId),
    /// The address has no `http://` or `https://` in front.
    #[error("the server's address must begin with http:// or https://")]
    BadAddress,
    /// The recovery key is mistyped, or does not open this account's backup.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The account on the server has another identity than its backup. The server is lying, or was tampered with.
    #[error("the account backup holds another identity than the account")]
    IdentityMismatch,
    /// Any other failure.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

/// A finished sign-in.
#[derive(Debug)]
pub struct LoggedIn {
    /// Account.
    pub user_id: UserId,
    /// This device.
    pub device_id: DeviceId,
    /// The twelve words that open the account on a further device. Only when the account identity was just made; show
    /// them, then call [`crate::Client::forget_recovery_key`].
    pub recovery_key: Option<Secret>,
    /// The access key for further devices, if this sign-in has made it. Show it, too.
    pub access_key: Option<Secret>,
}

/// What the server had to say.
#[derive(Debug)]
pub enum NewIdentity {
    /// This is the account's first device; its identity was made, and the device is signed in.
    Done(LoggedIn),
    /// The account has an identity already: its recovery key is needed.
    RecoveryKeyNeeded(Box<PendingLogin>),
}

/// A sign-in that needs the account's identity key.
#[derive(Debug)]
pub struct PendingLogin {
    steps: Steps,
}

impl Login {
    /// Signs in. The profile must exist ([`Profile::create`]).
    ///
    /// # Errors
    /// [`LoginError`]; calling again goes on where this one stopped.
    pub async fn begin(self, profile: &Profile, passphrase: Option<&str>) -> Result<NewIdentity, LoginError> {
        let store = profile.open_store(passphrase)?;
        let account = self.prepare(&store).await?;
        let api = Api::new(&account.server_url, None)?;
        let invited = match &self.key {
            SignInKey::Access(_) => false,
            SignInKey::Invitation(key) => {
                redeem(&api, &account, key).await?;
                true
            }
        };
        let (clock, device_type) = (Arc::new(SystemClock), self.device_type);
        let mut steps = Steps { store, api, account, clock, device_type, invited };
        let public_key = steps.sign_in().await?;
        match public_key {
            None => match steps.make_identity(false).await {
                Err(ClientError::Server { code: ErrorCode::IdentityExists, .. }) => {
                    // Another device of the same account was faster.
                    steps.forget_identity().await?;
                    Ok(NewIdentity::RecoveryKeyNeeded(Box::new(PendingLogin { steps })))
                }
                Err(error) => Err(error.into()),
                Ok(()) => Ok(NewIdentity::Done(steps.finish().await?)),
            },
            Some(public_key) if steps.has_identity(&public_key) => Ok(NewIdentity::Done(steps.finish().await?)),
            Some(_) => Ok(NewIdentity::RecoveryKeyNeeded(Box::new(PendingLogin { steps }))),
        }
    }

    /// Finds or makes the account row with this device's key.
    async fn prepare(&self, store: &Store) -> Result<Account, LoginError> {
        let server_url = self.server_url.trim_end_matches('/').to_owned();
        if !(server_url.starts_with("http://") || server_url.starts_with("https://")) {
            return Err(LoginError::BadAddress);
        }
        let existing = store.read(account::load).await.map_err(ClientError::Store)?;
        let access_key = match (&self.key, &existing) {
            (SignInKey::Access(key), _) => key.clone(),
            // The server may have taken it already, and its answer been lost: the same key again gets the same answer.
            (SignInKey::Invitation(_), Some(begun))
                if begun.state == AccountState::SigningIn && begun.user_id == self.user_id =>
            {
                begun.access_key.clone()
            }
            (SignInKey::Invitation(_), _) => new_access_key()?,
        };
        let mut account = match existing {
            // Nothing has come of it, perhaps for a slip in the name.
            Some(account) if account.state == AccountState::SigningIn && account.device_id.is_none() => {
                Account { user_id: self.user_id.clone(), ..account }
            }
            Some(account) if account.state == AccountState::Ready || account.user_id != self.user_id => {
                return Err(LoginError::AlreadySignedIn(account.user_id));
            }
            // The server has taken the old device out of everything; this is a new one that knows the old history.
            Some(account) if account.state == AccountState::SignedOut => {
                store.write(groups::break_all).await?;
                let device_key = DeviceKeys::generate(&mut OsRng).to_bytes();
                Account { device_key, device_id: None, certificate: None, ..account }
            }
            Some(account) => account,
            None => Account {
                server_url: String::new(),
                user_id: self.user_id.clone(),
                access_key: access_key.clone(),
                device_name: String::new(),
                device_key: DeviceKeys::generate(&mut OsRng).to_bytes(),
                account_key: None,
                recovery_words: None,
                device_id: None,
                certificate: None,
                token: None,
                token_expires_at: 0,
                state: AccountState::SigningIn,
            },
        };
        account.server_url = server_url;
        account.access_key = access_key;
        account.device_name.clone_from(&self.device_name);
        account.state = AccountState::SigningIn;
        save(store, &account).await?;
        Ok(account)
    }
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

struct Steps {
    store: Store,
    api: Api,
    account: Account,
    clock: Arc<dyn Clock>,
    device_type: &'static str,
    /// The access key is new.
    invited: bool,
}

/// 32 random bytes, base64url.
fn new_access_key() -> Result<Secret, ClientError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|_| ClientError::NoRandomness)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// Trades an invitation for the access key that has just been made and stored.
async fn redeem(api: &Api, account: &Account, invitation_key: &Secret) -> Result<(), ClientError> {
    let request = RedeemRequest {
        user_id: account.user_id.clone(),
        invitation_key: invitation_key.clone(),
        access_key: Some(account.access_key.clone()),
    };
    match api.redeem(&request).await {
        // An earlier attempt came further: the invitation is spent and over, and its access key is good.
        Err(ClientError::Server { code: ErrorCode::InvalidCredentials, .. }) if account.device_id.is_some() => Ok(()),
        other => other.map(drop),
    }
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Steps({:?})", self.account)
    }
}

impl Steps {
    /// Signs in at the server; returns the account's public identity key, if it has one.
    async fn sign_in(&mut self) -> Result<Option<String>, ClientError> {
        let request = LoginRequest {
            user_id: self.account.user_id.clone(),
            access_key: self.account.access_key.clone(),
            device_name: Some(self.account.device_name.clone()),
            device_type: Some(self.device_type.to_owned()),
            device_public_key: Some(DeviceKeys::from_bytes(&self.account.device_key).public().to_string()),
        };
        let answer = self.api.login(&request).await?;
        self.api.set_token(Some(answer.token.clone()));
        self.account.token = Some(answer.token);
        self.account.token_expires_at = answer.expires_at;
        if self.account.device_id.as_ref() != Some(&answer.device_id) {
            self.account.device_id = Some(answer.device_id);
            self.account.certificate = None;
        }
        save(&self.store, &self.account).await?;
        Ok(answer.user.public_key)
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
        let created_at = self.clock.now_s().try_into().unwrap_or(0);
        let certificate = key.certify(&self.account.user_id, &device_id, &device, created_at);
        self.account.certificate = Some(certificate.encode());
        let mut ready = self.account.clone();
        ready.state = AccountState::Ready;
        let identity = Arc::new(Identity::of(&ready)?);
        key_packages::publish(&self.store, &self.api, &identity, self.clock.now_s()).await?;
        save(&self.store, &ready).await?;
        self.account = ready;
        Ok(LoggedIn {
            user_id: self.account.user_id.clone(),
            device_id,
            recovery_key: self.account.recovery_words.clone(),
            access_key: self.invited.then(|| self.account.access_key.clone()),
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

async fn save(store: &Store, account: &Account) -> Result<(), ClientError> {
    let account = account.clone();
    store.write(move |c| account::save(c, &account)).await.map_err(ClientError::Store)
}
