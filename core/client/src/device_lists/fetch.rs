//! The server is asked for somebody's device list.

use privmsg_e2ee::AccountPublicKey;
use privmsg_protocol::UserId;
use privmsg_store::chats::ChatId;
use privmsg_store::wanted_lists::{self, Wanted};

use super::learn::Learning;
use super::read;
use crate::engine::Link;
use crate::error::ClientError;

/// Asks for the newest list of somebody's who is known by this identity, and learns it. What the server has not, or what is none, is
/// the same as nothing.
pub(crate) async fn fetch(
    link: &Link,
    user: &UserId,
    identity: AccountPublicKey,
    chat: ChatId,
) -> Result<(), ClientError> {
    let theirs = match link.context.api.device_list(user).await {
        Ok(theirs) => theirs,
        Err(error) if error.ends_session() || error.retry_after().is_some() => return Err(error),
        Err(ClientError::Server { code, .. }) => {
            tracing::info!(%user, %code, "the server has no device list");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let list = match read(user, &theirs) {
        Ok(list) => list,
        Err(error @ (ClientError::Protocol(_) | ClientError::UpdateNeeded(_))) => {
            tracing::warn!(%user, %error, "the server's device list cannot be used");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let user = user.clone();
    let learnt = link.context.step(&link.identity, move |step| {
        let learning = Learning { tx: step.tx, own: step.identity, chat, now_ms: step.now_ms };
        learning.list(&user, identity, list)
    });
    link.context.emit_all(learnt.await?);
    Ok(())
}

/// Asks for a list that is missing, and notes if it was in vain.
pub(crate) async fn look_for(link: &Link, wanted: Wanted) -> Result<(), ClientError> {
    let identity =
        AccountPublicKey::from_bytes(wanted.identity).map_err(|_| ClientError::Damaged("identity of a wanted list"))?;
    fetch(link, &wanted.user, identity, wanted.chat).await?;
    let now = link.context.clock.now_ms();
    let note = link.context.store.write(move |tx| wanted_lists::in_vain(tx, &wanted, now));
    Ok(note.await?)
}
