//! Signing a device in, and moving it to another address of its server.
//!
//! The server is asked first. Until it has said yes nothing is written: a slip in the access key, a wrong address or a
//! Ctrl-C leave no profile behind that the next attempt would stumble over. From then on every step can be repeated,
//! and a sign-in that was cut off goes on where it stopped.
//!
//! ```text
//! new profile:        Login::introduce ─▶ the server's yes ─▶ Introduced::keep (makes the profile) ─▶ identity
//! existing profile:   Login::begin     ─▶ the server's yes ─▶ stored                                ─▶ identity
//!
//! identity:  none yet ───────────────▶ made, with the first device list, in one request
//!            there is one: it waits ─▶ linked by another device │ the recovery words: a new generation │ another identity
//! ```
//!
//! An invitation is the exception: it is traded for an access key of our own, and who lost that would be locked out. So
//! that key is stored before the trade, and a new profile is removed again if the server refuses.
//!
//! | killed | what remains |
//! |---|---|
//! | before the profile is made | nothing here. If the server had said yes, a device without certificate in the list of devices, which can be signed out; one that is *interrupted* signs it out itself |
//! | later | a profile whose sign-in goes on with the next [`Login::begin`] |

pub(crate) mod by_device;
mod draft;
mod introduced;
mod lock;
mod pending;
mod relocate;
mod sign_out;
mod steps;

use std::sync::Arc;

use privmsg_e2ee::RecoveryError;
use privmsg_protocol::{DeviceId, ErrorCode, Secret, UserId};
use privmsg_store::sign_outs::{self, SignOutCause};
use privmsg_store::{Snapshot, Store, StoreError, account, settings};

use crate::clock::{Clock, SystemClock};
use crate::error::ClientError;
use crate::net::Endpoint;
use crate::net::http::Api;
use crate::own_devices::learn;
use crate::profile::{Profile, ProfileError};

use draft::{Draft, Standing};
use lock::LoginLock;

pub(crate) use draft::new_access_key;
pub use introduced::Introduced;
pub use pending::{PendingLogin, Replacing};
pub use relocate::{Relocation, RelocationError};
pub use sign_out::sign_out_here;

/// What a user enters to sign in.
#[derive(Debug, Clone)]
pub struct Login {
    /// Where the server is.
    pub endpoint: Endpoint,
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
    /// The recovery words, with which no access key is needed.
    Words(Secret),
    /// Nothing: another device of the account lets this one in.
    Link,
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
    /// Another process is signing in with the same profile.
    #[error("another process is signing in with this profile")]
    InProgress,
    /// The recovery key is mistyped, or does not open this account's backup.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The account on the server has another identity than its backup. The server is lying, or was tampered with.
    #[error("the account backup holds another identity than the account")]
    IdentityMismatch,
    /// The account was begun anew, with another identity, as the server says: this profile belongs to the earlier one.
    #[error("the account has another identity by now than this profile")]
    BegunAnew,
    /// The answer to this device's code was made by somebody who has not seen the code, or for another device. The server is
    /// lying, or was tampered with.
    #[error("the answer to the code is forged")]
    ForgedLink,
    /// Any other failure.
    #[error(transparent)]
    Client(ClientError),
}

impl From<ClientError> for LoginError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Recovery(error) => Self::Recovery(error),
            other => Self::Client(other),
        }
    }
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
    /// How far the server's clock is ahead of this machine's, in milliseconds, if they are more than a day apart.
    pub clock_ahead_ms: Option<i64>,
}

/// What the server had to say.
#[derive(Debug)]
pub enum NewIdentity {
    /// The device is signed in: as the account's first one, whose identity was made, or by the recovery words.
    Done(LoggedIn),
    /// The account has an identity already, and the device waits to be let in.
    Waits(Box<PendingLogin>),
}

impl Login {
    /// Signs in with a profile that exists ([`Profile::create`]).
    ///
    /// # Errors
    /// [`LoginError`]; calling again goes on where this one stopped.
    pub async fn begin(self, profile: &Profile, passphrase: Option<&str>) -> Result<NewIdentity, LoginError> {
        self.begin_with(profile, passphrase, Arc::new(SystemClock)).await
    }

    /// As [`Login::begin`], with a clock of one's own.
    ///
    /// # Errors
    /// As [`Login::begin`].
    pub async fn begin_with(
        self,
        profile: &Profile,
        passphrase: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<NewIdentity, LoginError> {
        let lock = LoginLock::take(profile)?;
        let store = profile.open_store(passphrase)?;
        let existing = store.read(account::load).await.map_err(ClientError::Store)?;
        let signed_out = store.read(sign_outs::load).await.map_err(ClientError::Store)?;
        let is_linked = matches!(self.key, SignInKey::Link);
        // Nothing tells before it is let in: that it was begun anew is the server's word, which a key or the words have said again.
        if is_linked && signed_out.is_some_and(|signed_out| signed_out.cause == SignOutCause::Replaced) {
            return Err(LoginError::BegunAnew);
        }
        let standing = match is_linked {
            true if left_out(&store).await? => Standing::LeftOut,
            false if was_lost(&store).await? => Standing::Lost,
            _ => Standing::In,
        };
        let mut draft = Draft::new(self, existing, standing, lock, clock)?;
        draft.ask(Some(&store)).await?;
        if draft.is_begun_anew() {
            draft.withdraw().await;
            return Err(LoginError::BegunAnew);
        }
        draft.store(&store).await?;
        draft.redeem(&store).await?;
        draft.identify(store).await
    }

    /// Asks the server before there is a profile. It is made by [`Introduced::keep`], once somebody has chosen how.
    ///
    /// # Errors
    /// [`LoginError`]; nothing was left in the profile's folder that another attempt would mind.
    pub async fn introduce(self, profile: &Profile) -> Result<Introduced, LoginError> {
        let lock = LoginLock::take(profile)?;
        let mut draft = Draft::new(self, None, Standing::In, lock, Arc::new(SystemClock))?;
        draft.ask(None).await?;
        Ok(Introduced::new(draft, profile.clone()))
    }
}

/// Whether the profile is of a device that is signed in, and does not stand in its account's device list any more, as far as it
/// knows or the server says: it shows a code to be let in again, under the key that it has.
pub(crate) async fn left_out(store: &Store) -> Result<bool, ClientError> {
    let look = |at: &Snapshot<'_>| {
        let Some(account) = signed_in(at)? else { return Ok(None) };
        let stands = learn::stands(&learn::known(at, &account)?, &account);
        Ok::<_, ClientError>(Some((account, stands)))
    };
    match store.read(look).await? {
        Some((account, true)) => Ok(Api::of(&account).own_profile().await.is_ok_and(|own| own.waiting)),
        Some((_, false)) => Ok(true),
        None => Ok(false),
    }
}

/// Whether the profile is of a device that is signed in as far as it knows, and the server was restored from a backup and does not know
/// it: perhaps the account is younger than the backup, and was made anew.
pub(crate) async fn was_lost(store: &Store) -> Result<bool, ClientError> {
    let look = |at: &Snapshot<'_>| match settings::get(at, by_device::LOST)? {
        Some(1) => signed_in(at),
        _ => Ok(None),
    };
    let Some(account) = store.read(look).await? else { return Ok(false) };
    let api = Api::of(&account);
    match api.own_profile().await {
        Err(error) if error.needs_sign_in() || error.is(&ErrorCode::ServerRestored) => {}
        _ => return Ok(false),
    }
    match by_device::sign_in(&api, store, &account).await {
        Ok(answer) => {
            store.write(move |tx| account::set_token(tx, &answer.token, answer.expires_at)).await?;
            Ok(false)
        }
        Err(error) => Ok(error.is(&ErrorCode::ServerRestored)),
    }
}

fn signed_in(at: &Snapshot<'_>) -> Result<Option<account::Account>, StoreError> {
    Ok(account::load(at)?.filter(|account| account.state == account::AccountState::Ready))
}
