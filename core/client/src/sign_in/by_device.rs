//! A known device comes in by its own key: a challenge of the server, signed. It keeps no access key.

use privmsg_e2ee::{DeviceKeys, SignIn};
use privmsg_mls_public::AnsweredChallenge;
use privmsg_protocol::rest::{ChallengePurpose, ChallengeRequest, DeviceSignIn, LoginResponse};
use privmsg_protocol::{ErrorCode, Opaque};
use privmsg_store::account::{self, Account};
use privmsg_store::sign_outs::SignOutCause;
use privmsg_store::{Store, challenges, settings};

use crate::error::ClientError;
use crate::net::http::Api;

/// Whether the server has said that it was restored from a backup and does not know this device, or not any more.
pub(super) const LOST: &str = "lost_by_server";

/// A new session of this account's device, which `api` uses from then on. The token is for the caller to keep.
///
/// # Errors
/// [`ClientError::DeviceForgotten`] if the server lets it in no more; [`ClientError::KeyInUseElsewhere`] if one of the
/// last challenges under its key was answered by somebody else. The device has then been signed out, there too; as long as
/// the server could not be told, the error is why.
pub(crate) async fn sign_in(api: &Api, store: &Store, account: &Account) -> Result<LoginResponse, ClientError> {
    api.set_token(None);
    let answer = match answer_challenge(api, store, account).await {
        // The server was restarted in between.
        Err(error) if error.is(&ErrorCode::StaleChallenge) => answer_challenge(api, store, account).await,
        other => other,
    };
    let is_lost = matches!(&answer, Err(error) if error.is(&ErrorCode::ServerRestored));
    // A line that is broken says nothing.
    if answer.as_ref().map_or_else(|error| error.code().is_some(), |_| true) {
        store.write(move |tx| settings::set(tx, LOST, is_lost.into())).await?;
    }
    let answer = match answer {
        Err(error) if error.is(&ErrorCode::InvalidCredentials) || error.is(&ErrorCode::DeviceRemoved) => {
            return Err(ClientError::DeviceForgotten(SignOutCause::Forgotten));
        }
        other => other?,
    };
    if Some(&answer.device_id) != account.device_id.as_ref() {
        return Err(ClientError::Protocol("another device than the one that has signed in"));
    }
    let signed =
        answers(account, &answer).ok_or(ClientError::Protocol("an answered challenge that this key has not signed"))?;
    api.set_token(Some(answer.token.clone()));
    if !is_used_elsewhere(store, signed).await? {
        return Ok(answer);
    }
    let left = api.logout().await;
    api.set_token(None);
    match left {
        Err(error) if !error.ends_session() => Err(error),
        _ => {
            store.write(account::put_out).await?;
            Err(ClientError::KeyInUseElsewhere)
        }
    }
}

/// Whether somebody else has answered one of the last challenges under this key. The server's word for it would be nobody's: what
/// it names is signed with the key. Once noticed it stays so, until the server has heard of it: the next sign-in would be this
/// device's own.
async fn is_used_elsewhere(store: &Store, signed: Vec<AnsweredChallenge>) -> Result<bool, ClientError> {
    let noticed = store.write(move |tx| {
        for answered in &signed {
            if !challenges::has_answered(tx, &answered.challenge)? {
                account::set_key_elsewhere(tx)?;
            }
        }
        account::is_key_elsewhere(tx)
    });
    Ok(noticed.await?)
}

/// Reads what was answered with the key of this device, if all of it was.
fn answers(account: &Account, answer: &LoginResponse) -> Option<Vec<AnsweredChallenge>> {
    let key = DeviceKeys::from_bytes(&account.device_key).public();
    let read = |one: &Opaque| {
        let answered = AnsweredChallenge::decode(&one.decode()?)?;
        let (user_id, device_id) = (account.user_id.clone(), answer.device_id.clone());
        let statement = SignIn { user_id, device_id, challenge: answered.challenge };
        statement.is_signed_by_device(&key, &answered.signature).then_some(answered)
    };
    answer.answered.iter().map(read).collect()
}

async fn answer_challenge(api: &Api, store: &Store, account: &Account) -> Result<LoginResponse, ClientError> {
    let device_id = account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
    let user_id = account.user_id.clone();
    let request = ChallengeRequest { user_id: user_id.clone(), purpose: ChallengePurpose::Device(device_id.clone()) };
    let challenge = api.challenge(&request).await?.challenge;
    let bytes = challenge.decode().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let bytes = bytes.ok_or(ClientError::Protocol("a challenge that is none"))?;
    let statement = SignIn { user_id: user_id.clone(), device_id: device_id.clone(), challenge: bytes };
    let signature = Opaque::encode(&DeviceKeys::from_bytes(&account.device_key).answer(&statement));
    store.write(move |tx| challenges::note(tx, &bytes)).await?;
    // A server that was restored may know the device by its list only.
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (device_name, device_type) = (filled(&account.device_name), filled(&account.device_type));
    let request = DeviceSignIn { user_id, device_id, challenge, signature, device_name, device_type };
    let answer = api.sign_in(&request).await?;
    store.write(move |tx| challenges::confirm(tx, &bytes)).await?;
    Ok(answer)
}
