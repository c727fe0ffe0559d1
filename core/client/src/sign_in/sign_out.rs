//! Signing out where the server cannot be asked any more.

use privmsg_protocol::UserId;
use privmsg_store::account::{self, AccountState};
use privmsg_store::sign_outs::{self, SignOutCause, SignedOut};

use crate::client::OpenError;
use crate::clock::{Clock as _, SystemClock};
use crate::error::ClientError;
use crate::profile::Profile;

/// Forgets this device's session without asking the server, which goes on knowing the device until another one signs it
/// out there. History stays readable. Returns whose it was.
///
/// # Errors
/// [`OpenError`]; [`ClientError::NotSignedIn`] if there is no session.
pub async fn sign_out_here(profile: &Profile, passphrase: Option<&str>) -> Result<UserId, OpenError> {
    let store = profile.open_store(passphrase)?;
    let forgotten = store.write(|tx| {
        let account = account::load(tx)?.filter(|account| account.state == AccountState::Ready);
        let account = account.ok_or(ClientError::NotSignedIn)?;
        sign_outs::set(tx, &SignedOut { cause: SignOutCause::Here, at_ms: SystemClock.now_ms() })?;
        Ok::<_, ClientError>(account.user_id)
    });
    Ok(forgotten.await?)
}
