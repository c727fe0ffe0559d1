//! The session's token: renewed in time, and made anew where it is too late for that.

use privmsg_store::account::{self, Account};

use crate::context::Context;
use crate::error::{ClientError, Retry};
use crate::sign_in::by_device;

/// A token is renewed when it has less than this left.
const RENEW_BEFORE_S: i64 = 7 * 24 * 3600;

/// Renews a token that is about to end; signs in anew where it is too late for that, or where the answer to a renewal,
/// which kills the old token, was lost.
pub(super) async fn renew(context: &Context, account: &Account) -> Result<(), ClientError> {
    let (now, expires_at) = (context.api.clock().now_s(&*context.clock), account.token_expires_at);
    if account.token.is_none() {
        return Err(ClientError::NotSignedIn);
    }
    if expires_at - now > RENEW_BEFORE_S {
        return Ok(());
    }
    let ended = expires_at <= now;
    match context.api.refresh().await {
        Ok(renewed) => {
            context.api.set_token(Some(renewed.token.clone()));
            let store = &context.store;
            Ok(store.write(move |tx| account::set_token(tx, &renewed.token, renewed.expires_at)).await?)
        }
        Err(error) if error.needs_sign_in() => sign_in_again(context, account).await,
        // The server has answered, so the old token lives; it is good for days, and this can wait.
        Err(ClientError::Server { code, .. }) if !ended && code.retry() == Retry::Later => Ok(()),
        Err(error) => Err(error),
    }
}

/// Signs the same device in again, by its key.
pub(super) async fn sign_in_again(context: &Context, account: &Account) -> Result<(), ClientError> {
    let answer = by_device::sign_in(&context.api, &context.store, account).await?;
    Ok(context.store.write(move |tx| account::set_token(tx, &answer.token, answer.expires_at)).await?)
}
