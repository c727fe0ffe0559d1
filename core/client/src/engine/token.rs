//! The session's token: renewed in time, and made anew where it is too late for that.

use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::LoginRequest;
use privmsg_store::account::{self, Account};

use crate::context::Context;
use crate::error::{ClientError, Retry};

/// A token is renewed when it has less than this left.
const RENEW_BEFORE_S: i64 = 7 * 24 * 3600;

/// Renews a token that is about to end; signs in anew where it is too late for that.
///
/// A renewal kills the old token, and its answer may get lost. So the end of the old token is forgotten before (0), and
/// one that is found in that state, or past its end, is not taken for a device that was signed out.
pub(super) async fn renew(context: &Context, account: &Account) -> Result<(), ClientError> {
    let (now, expires_at) = (context.clock.now_s(), account.token_expires_at);
    let Some(token) = account.token.clone() else { return Err(ClientError::NotSignedIn) };
    if expires_at - now > RENEW_BEFORE_S {
        return Ok(());
    }
    let ended = expires_at <= now;
    let old = token.clone();
    context.store.write(move |tx| account::set_token(tx, &old, 0)).await?;
    match context.api.refresh().await {
        Ok(renewed) => {
            context.api.set_token(Some(renewed.token.clone()));
            let store = &context.store;
            Ok(store.write(move |tx| account::set_token(tx, &renewed.token, renewed.expires_at)).await?)
        }
        Err(error) if error.is(&ErrorCode::TokenExpired) => sign_in_again(context, account).await,
        Err(error) if ended && error.is(&ErrorCode::Unauthorized) => sign_in_again(context, account).await,
        // The server has answered, so the old token lives; it is good for days, and this can wait.
        Err(ClientError::Server { code, .. }) if !ended && code.retry() == Retry::Later => {
            Ok(context.store.write(move |tx| account::set_token(tx, &token, expires_at)).await?)
        }
        Err(error) => Err(error),
    }
}

/// Signs the same device in again: the server knows it by its public key.
pub(super) async fn sign_in_again(context: &Context, account: &Account) -> Result<(), ClientError> {
    let device_key = privmsg_e2ee::DeviceKeys::from_bytes(&account.device_key).public().to_string();
    let request = LoginRequest {
        user_id: account.user_id.clone(),
        access_key: account.access_key.clone(),
        device_name: Some(account.device_name.clone()),
        device_type: None,
        device_public_key: Some(device_key),
    };
    context.api.set_token(None);
    let answer = context.api.login(&request).await?;
    if Some(&answer.device_id) != account.device_id.as_ref() {
        // The server has forgotten the device; its certificate is for another name.
        return Err(ClientError::DeviceForgotten);
    }
    context.api.set_token(Some(answer.token.clone()));
    Ok(context.store.write(move |tx| account::set_token(tx, &answer.token, answer.expires_at)).await?)
}
