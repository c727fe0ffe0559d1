//! A known device comes in by its own key: a challenge of the server, signed. There is no access key on it.

use privmsg_e2ee::{DeviceKeys, SignIn};
use privmsg_protocol::rest::{ChallengePurpose, ChallengeRequest, DeviceSignIn, LoginResponse};
use privmsg_protocol::{ErrorCode, Opaque};
use privmsg_store::account::Account;
use privmsg_store::{Store, challenges};

use crate::error::ClientError;
use crate::net::http::Api;

/// A new session of this account's device, which `api` uses from then on. The token is for the caller to keep.
///
/// # Errors
/// [`ClientError::DeviceForgotten`] if the server lets it in no more; [`ClientError::KeyInUseElsewhere`] if the last
/// challenge under its key was answered by somebody else. The device is then signed out, which ends their session, too.
pub(crate) async fn sign_in(api: &Api, store: &Store, account: &Account) -> Result<LoginResponse, ClientError> {
    api.set_token(None);
    let answer = match answer_challenge(api, store, account).await {
        // The server was restarted in between.
        Err(error) if error.is(&ErrorCode::StaleChallenge) => answer_challenge(api, store, account).await,
        other => other,
    };
    let answer = match answer {
        Err(error) if error.is(&ErrorCode::InvalidCredentials) || error.is(&ErrorCode::DeviceRemoved) => {
            return Err(ClientError::DeviceForgotten);
        }
        other => other?,
    };
    if Some(&answer.device_id) != account.device_id.as_ref() {
        return Err(ClientError::Protocol("another device than the one that has signed in"));
    }
    api.set_token(Some(answer.token.clone()));
    let Some(last) = answer.last_challenge.clone() else { return Ok(answer) };
    let last = last.decode().ok_or(ClientError::Protocol("a challenge that is none"))?;
    if store.read(move |at| challenges::has_answered(at, &last)).await? {
        return Ok(answer);
    }
    if let Err(error) = api.logout().await {
        tracing::warn!(%error, "a device whose key somebody else has could not be signed out");
    }
    api.set_token(None);
    Err(ClientError::KeyInUseElsewhere)
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
    api.sign_in(&DeviceSignIn { user_id, device_id, challenge, signature }).await
}
