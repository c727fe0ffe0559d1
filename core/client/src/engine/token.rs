//! The session's token: another one in time, by the device's key. A token does not renew itself: who has copied it has it for
//! as long as it lives, and who has copied the key is noticed.

use privmsg_store::account::{self, Account};

use crate::context::Context;
use crate::error::{ClientError, Retry};
use crate::sign_in::by_device;

/// Another one is asked for when it has less than this left.
const RENEW_BEFORE_S: i64 = 7 * 24 * 3600;

/// Signs in anew where the token is about to end, or has.
pub(super) async fn renew(context: &Context, account: &Account) -> Result<(), ClientError> {
    let (now, expires_at) = (context.api.clock().now_s(&*context.clock), account.token_expires_at);
    if account.token.is_none() {
        return Err(ClientError::NotSignedIn);
    }
    if expires_at - now > RENEW_BEFORE_S {
        return Ok(());
    }
    let ended = expires_at <= now;
    match sign_in_again(context, account).await {
        // The server has answered, so the old token lives; it is good for days, and this can wait.
        Err(ClientError::Server { code, .. }) if !ended && code.retry() == Retry::Later => {
            context.api.set_token(account.token.clone());
            Ok(())
        }
        other => other,
    }
}

/// Signs the same device in again, by its key.
pub(super) async fn sign_in_again(context: &Context, account: &Account) -> Result<(), ClientError> {
    let answer = by_device::sign_in(&context.api, &context.store, account).await?;
    Ok(context.store.write(move |tx| account::set_token(tx, &answer.token, answer.expires_at)).await?)
}
