//! What will not be sent.

use privmsg_protocol::error::Retry;
use privmsg_protocol::{ErrorCode, MessageId};
use privmsg_store::chats::ChatId;
use privmsg_store::outbox::Removed;
use privmsg_store::{Snapshot, StoreError, Tx, group_chats, messages, outbox, relations};

use crate::engine::Link;
use crate::error::ClientError;
use crate::events::Event;

/// The server has refused something that a chat needs. What cannot pass ends everything that is queued for it; what can
/// is for the caller to try again.
pub(crate) async fn chat_refused(link: &Link, chat: ChatId, error: ClientError) -> Result<(), ClientError> {
    let Some(code) = error.code().filter(|code| code.retry() == Retry::Never && !error.ends_session()).cloned() else {
        return Err(error);
    };
    // Files that are still being uploaded fail at their turn.
    let look = move |at: &Snapshot<'_>| {
        let is_out = group_chats::load(at, chat)?.is_some_and(|group| group.gone.is_some());
        Ok::<_, StoreError>((outbox::ready(at, chat, usize::MAX >> 1)?, is_out))
    };
    let (queued, is_out) = link.context.store.read(look).await?;
    let code = if is_out { ErrorCode::NotAMember } else { code };
    for message in queued {
        give_up(link, message.message_id, code.clone()).await?;
    }
    Ok(())
}

/// Nothing that is queued for a chat will be sent.
pub(crate) fn fail_all(tx: &Tx<'_>, chat: ChatId, code: &ErrorCode) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    for message in outbox::all_but_uploading(tx, chat)? {
        let row = fail(tx, &message, code.as_str())?.and_then(|failed| failed.message_row);
        events.extend(row.map(|id| Event::Failed { id, chat, code: code.clone() }));
    }
    Ok(events)
}

/// Returns what has failed by that. What was only to be said again has arrived once, and has not.
pub(super) fn fail(tx: &Tx<'_>, id: &MessageId, code: &str) -> Result<Option<Removed>, StoreError> {
    let removed = outbox::withdraw(tx, id)?;
    let has_failed = match removed.and_then(|removed| removed.message_row) {
        Some(row) => messages::set_failed(tx, row, code)?,
        None => {
            relations::withdraw(tx, id)?;
            true
        }
    };
    if has_failed {
        outbox::refuse(tx, id, code)?;
    }
    Ok(removed.filter(|_| has_failed))
}

#[cfg(test)]
#[path = "failing_tests.rs"]
mod tests;

/// Takes a message out of the outbox for good.
pub(in crate::engine) async fn give_up(link: &Link, id: MessageId, code: ErrorCode) -> Result<(), ClientError> {
    let reason = code.clone();
    let removed = link.context.store.write(move |tx| fail(tx, &id, reason.as_str())).await?;
    if let Some(removed) = removed
        && let Some(row) = removed.message_row
    {
        link.context.emit(Event::Failed { id: row, chat: removed.chat, code });
    }
    Ok(())
}
