//! An account before it is stored: what the server is asked with.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privmsg_e2ee::{DeviceKeys, OsRng, RecoveryKey, SignIn};
use privmsg_protocol::rest::{
    ChallengePurpose, ChallengeRequest, LoginRequest, LoginResponse, RecoverySignIn, RedeemRequest,
};
use privmsg_protocol::{DeviceId, ErrorCode, Opaque, Secret};
use privmsg_store::account::{self, Account, AccountState};
use privmsg_store::{Store, groups, key_packages};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::lock::LoginLock;
use super::pending::PendingLogin;
use super::steps::{Steps, save};
use super::{Login, LoginError, NewIdentity, SignInKey, by_device};
use crate::clock::Clock;
use crate::error::ClientError;
use crate::identity::public_identity;
use crate::net::NetworkError;
use crate::net::http::Api;

/// How often a sign-in is asked for whose answer was lost. The same device key is the same device each time.
const ATTEMPTS: u32 = 2;

/// How long taking a sign-in back may take.
const WITHDRAWAL: Duration = Duration::from_secs(5);

/// How a profile stands that is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server lets its device in.
    In,
    /// Its device does not stand in the account's device list any more.
    LeftOut,
    /// The server was restored from a backup, and does not know its device.
    Lost,
}

/// A sign-in in memory.
pub(super) struct Draft {
    account: Account,
    /// As it was stored.
    before: Option<Account>,
    /// The profile is of a device that was in, and is none any more.
    is_new_device: bool,
    api: Api,
    clock: Arc<dyn Clock>,
    device_type: &'static str,
    /// To be spent.
    invitation: Option<Secret>,
    /// With which no access key is needed.
    words: Option<Secret>,
    /// The server's yes: the account's identity key, if it has one.
    answer: Option<Option<String>>,
    lock: LoginLock,
}

impl Draft {
    pub(super) fn new(
        login: Login,
        before: Option<Account>,
        standing: Standing,
        lock: LoginLock,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoginError> {
        let is_left_out = standing == Standing::LeftOut;
        let is_out = |account: &Account| match account.state {
            AccountState::SignedOut => true,
            AccountState::Ready => standing == Standing::Lost && account.user_id == login.user_id,
            AccountState::SigningIn => false,
        };
        let is_new_device = before.as_ref().is_some_and(is_out);
        let mut account = match before.clone() {
            // Nothing has come of it, perhaps for a slip in the name.
            Some(account) if account.state == AccountState::SigningIn && account.device_id.is_none() => {
                Account { user_id: login.user_id.clone(), ..account }
            }
            Some(account) if is_left_out && account.user_id == login.user_id => account,
            Some(account)
                if (account.state == AccountState::Ready && !is_new_device) || account.user_id != login.user_id =>
            {
                return Err(LoginError::AlreadySignedIn(account.user_id));
            }
            // The server has taken the old device out of everything; this is a new one that knows the old history.
            Some(account) if is_new_device => {
                let device_key = DeviceKeys::generate(&mut OsRng).to_bytes();
                Account { device_key, device_id: None, certificate: None, signing: None, link_secret: None, ..account }
            }
            Some(account) => account,
            None => new_account(&login),
        };
        // The server may have taken the key of an invitation already, and its answer been lost: the same key again gets
        // the same answer.
        let is_begun = before
            .as_ref()
            .is_some_and(|before| before.state == AccountState::SigningIn && before.user_id == login.user_id);
        let (mut invitation, mut words) = (None, None);
        match login.key {
            SignInKey::Access(key) => account.access_key = Some(key),
            SignInKey::Invitation(key) => {
                if !is_begun || account.access_key.is_none() {
                    account.access_key = Some(new_access_key()?);
                }
                invitation = Some(key);
            }
            SignInKey::Words(given) => {
                let known = account.device_id.take();
                account.device_id = Some(known.map_or_else(new_device_id, Ok)?);
                words = Some(given);
            }
            SignInKey::Link => {
                let known = account.device_id.take();
                account.device_id = Some(known.map_or_else(new_device_id, Ok)?);
            }
        }
        login.endpoint.keep_in(&mut account);
        if !is_left_out {
            account.device_name = login.device_name;
            login.device_type.clone_into(&mut account.device_type);
            account.state = AccountState::SigningIn;
            account.token = None;
        }
        let (api, device_type) = (Api::new(login.endpoint), login.device_type);
        api.set_token(account.token.clone());
        Ok(Self { account, before, is_new_device, api, clock, device_type, invitation, words, answer: None, lock })
    }

    /// Asks whether the key is good. An invitation cannot be asked about without spending it, but for whether the server
    /// is there; a device that is to be linked has none.
    pub(super) async fn ask(&mut self, store: Option<&Store>) -> Result<(), LoginError> {
        if let Some(words) = self.words.clone() {
            return match (self.sign_in_by_words(&words).await, store) {
                // An attempt that was cut off came as far as the list: the device is let in by its key.
                (Err(LoginError::Client(error)), Some(store)) if error.is(&ErrorCode::DeviceExists) => {
                    let answer = by_device::sign_in(&self.api, store, &self.account).await?;
                    self.entered(answer);
                    Ok(())
                }
                (asked, _) => asked,
            };
        }
        if self.invitation.is_some() || self.account.access_key.is_none() {
            return Ok(self.api.health().await.map(drop)?);
        }
        match (self.sign_in().await, store) {
            // It stands in the account's list meanwhile: the identity that it had begun has taken effect.
            (Err(error), Some(store))
                if error.is(&ErrorCode::SignatureRequired) && self.account.device_id.is_some() =>
            {
                let answer = by_device::sign_in(&self.api, store, &self.account).await?;
                self.entered(answer);
                Ok(())
            }
            (asked, _) => Ok(asked?),
        }
    }

    /// As a new device, which waits.
    async fn sign_in_by_words(&mut self, words: &Secret) -> Result<(), LoginError> {
        let key: RecoveryKey = words.expose().parse()?;
        let user_id = self.account.user_id.clone();
        let device_id = self.account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
        let purpose = ChallengePurpose::Recovery(device_id.clone());
        let challenge = self.api.challenge(&ChallengeRequest { user_id: user_id.clone(), purpose }).await?.challenge;
        let bytes = challenge.decode().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or(ClientError::Protocol("a challenge that is none"))?;
        let statement = SignIn { user_id: user_id.clone(), device_id: device_id.clone(), challenge: bytes };
        let request = RecoverySignIn {
            user_id,
            device_id,
            device_public_key: DeviceKeys::from_bytes(&self.account.device_key).public().to_string(),
            device_name: Some(self.account.device_name.clone()),
            device_type: Some(self.device_type.to_owned()),
            challenge,
            signature: Opaque::encode(&key.answer(&statement)),
        };
        let answer = self.api.sign_in_by_words(&request).await?;
        self.entered(answer);
        Ok(())
    }

    fn access_key(&self) -> Result<Secret, ClientError> {
        self.account.access_key.clone().ok_or(ClientError::NotSignedIn)
    }

    async fn sign_in(&mut self) -> Result<(), ClientError> {
        let request = LoginRequest {
            user_id: self.account.user_id.clone(),
            access_key: self.access_key()?,
            device_name: Some(self.account.device_name.clone()),
            device_type: Some(self.device_type.to_owned()),
            device_public_key: Some(DeviceKeys::from_bytes(&self.account.device_key).public().to_string()),
        };
        let answer = insistently(&self.api, &request).await?;
        self.entered(answer);
        Ok(())
    }

    fn entered(&mut self, answer: LoginResponse) {
        self.api.set_token(Some(answer.token.clone()));
        self.account.token = Some(answer.token);
        self.account.token_expires_at = answer.expires_at;
        if self.account.device_id.as_ref() != Some(&answer.device_id) {
            self.account.device_id = Some(answer.device_id);
            self.account.certificate = None;
        }
        self.answer = Some(answer.user.public_key);
    }

    /// Whether the account has another identity by now than the one that the profile was signed in with, as the server says.
    pub(super) fn is_begun_anew(&self) -> bool {
        let known = self.before.as_ref().filter(|_| self.is_new_device);
        let known = known.and_then(|before| public_identity(before).ok());
        let published = self.answer.as_ref().and_then(Option::as_deref);
        known.zip(published).is_some_and(|(known, published)| known.to_string() != published)
    }

    /// Stores what the server has said yes to, and an invitation before the server hears of it.
    pub(super) async fn store(&self, store: &Store) -> Result<(), ClientError> {
        let (account, is_new_device) = (self.account.clone(), self.is_new_device);
        let stored = store.write(move |tx| {
            if is_new_device {
                groups::break_all(tx)?;
                key_packages::give_up_all(tx)?;
            }
            account::save(tx, &account)
        });
        stored.await.map_err(ClientError::Store)
    }

    /// Trades the invitation, if there is one, for the access key that is stored.
    pub(super) async fn redeem(&mut self, store: &Store) -> Result<(), Unredeemed> {
        let Some(invitation) = &self.invitation else { return Ok(()) };
        match (self.trade(invitation.clone()).await, &self.before) {
            (Ok(()), _) => Ok(()),
            (Err(error @ ClientError::Server { .. }), before) => {
                if let Some(before) = before {
                    save(store, before).await.map_err(Unredeemed::Unclear)?;
                }
                Err(Unredeemed::Refused(error))
            }
            (Err(error), _) => Err(Unredeemed::Unclear(error)),
        }
    }

    /// Goes on to the identity.
    pub(super) async fn identify(mut self, store: Store) -> Result<NewIdentity, LoginError> {
        let invited = self.invitation.is_some();
        if invited {
            self.sign_in().await?;
            save(&store, &self.account).await?;
        }
        let (api, account, clock, device_type) = (self.api, self.account, self.clock, self.device_type);
        let steps = Steps { store, api, account, clock, device_type, invited, _lock: self.lock };
        let begun = match self.answer {
            Some(public_key) => steps.identify(public_key.as_deref()).await?,
            None => NewIdentity::Waits(Box::new(PendingLogin::new(steps))),
        };
        match (begun, self.words) {
            (NewIdentity::Waits(mut pending), Some(words)) => {
                Ok(NewIdentity::Done(pending.recover(words.expose()).await?))
            }
            (begun, _) => Ok(begun),
        }
    }

    async fn trade(&self, invitation_key: Secret) -> Result<(), ClientError> {
        let request = RedeemRequest {
            user_id: self.account.user_id.clone(),
            invitation_key,
            access_key: Some(self.access_key()?),
        };
        match self.api.redeem(&request).await {
            // An earlier attempt came further: the invitation is spent and over, and its access key is good.
            Err(ClientError::Server { code: ErrorCode::InvalidCredentials | ErrorCode::InvitationUsed, .. })
                if self.account.device_id.is_some() =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Signs the device out again that nobody will use. What fails is in the list of devices.
    pub(super) async fn withdraw(self) {
        if self.answer.is_none() {
            return;
        }
        match timeout(WITHDRAWAL, self.api.logout()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "an unfinished sign-in stays in the list of devices"),
            Err(_) => tracing::warn!("an unfinished sign-in stays in the list of devices"),
        }
    }
}

/// An invitation that has not become an access key.
pub(super) enum Unredeemed {
    /// The server itself says no: nothing is spent.
    Refused(ClientError),
    /// It may be spent.
    Unclear(ClientError),
}

impl From<Unredeemed> for LoginError {
    fn from(unredeemed: Unredeemed) -> Self {
        let (Unredeemed::Refused(error) | Unredeemed::Unclear(error)) = unredeemed;
        error.into()
    }
}

/// A lost answer means that the server knows a device whose key is only here.
async fn insistently(api: &Api, request: &LoginRequest) -> Result<LoginResponse, ClientError> {
    let mut attempt = 1;
    loop {
        match api.login(request).await {
            Err(ClientError::Network(NetworkError::Lost(_))) if attempt < ATTEMPTS => attempt += 1,
            other => return other,
        }
    }
}

fn new_account(login: &Login) -> Account {
    Account {
        server_url: String::new(),
        proxy: None,
        fingerprint: None,
        server_clock_ms: None,
        user_id: login.user_id.clone(),
        access_key: None,
        device_name: String::new(),
        device_type: String::new(),
        device_key: DeviceKeys::generate(&mut OsRng).to_bytes(),
        identity: None,
        identity_secret: None,
        sealed_identity: None,
        signing: None,
        link_secret: None,
        recovery_words: None,
        device_id: None,
        certificate: None,
        token: None,
        token_expires_at: 0,
        state: AccountState::SigningIn,
    }
}

/// 16 random characters.
fn new_device_id() -> Result<DeviceId, ClientError> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::NoRandomness)?;
    let name: String = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Ok(DeviceId::new(&name).expect("letters and digits are a name"))
}

/// 32 random bytes, base64url.
pub(crate) fn new_access_key() -> Result<Secret, ClientError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|_| ClientError::NoRandomness)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Draft({:?})", self.account)
    }
}
