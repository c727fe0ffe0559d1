//! Chats in which something waits to be sent, and which no group carries yet: a group is made for them.

use std::sync::Arc;

use privmsg_protocol::ErrorCode;
use privmsg_store::chats::ChatId;
use privmsg_store::group_chats::{self, Gone};
use privmsg_store::holds::{Reason, Scope};
use privmsg_store::{Snapshot, StoreError, TaskName, group_changes, groups, outbox};

use super::outbox::chat_refused;
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::group::create::open_chat;

/// Chats that are opened at once: while the server is slow about one, others need not wait.
const AT_ONCE: usize = 4;

/// The queue.
pub(crate) const TASK: TaskName = TaskName::new("open");

pub(super) struct Open;

/// Whether a group is made for a chat: not where the user takes no part any more, by a word that is signed; nor, by the server's
/// word, for what they only want to change there.
fn is_open(at: &Snapshot<'_>, chat: ChatId, is_said: bool) -> Result<bool, StoreError> {
    Ok(match group_chats::load(at, chat)?.and_then(|group| group.gone) {
        None => true,
        Some(Gone::Unknown) => is_said,
        Some(Gone::Left | Gone::Removed) => false,
    })
}

impl Task for Open {
    fn name(&self) -> TaskName {
        TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        // Before the comparison, a group may be there that this device has not heard of.
        if !link.has_compared() {
            return Ok(due);
        }
        // A group that could not go on where it was lost has changes that wait, too.
        let changed = group_changes::chats(at)?;
        let said = outbox::chats(at)?;
        for chat in said.iter().chain(changed.iter().filter(|chat| !said.contains(chat))).copied() {
            let is_open = is_open(at, chat, said.contains(&chat))?;
            if groups::of_chat(at, chat)?.is_none() && is_open && !super::outbox::is_held(at, chat)? {
                due.now.push(Scope::Chat(chat));
            }
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Scope::Chat(chat) = scope else { return Ok(()) };
            match open(&link, chat).await {
                Ok(None) => Ok(()),
                Ok(Some(code)) => {
                    Err(Failure::Hold { scope, reason: Reason::Refused(code), pause: None, is_first: false })
                }
                Err(error) => Err(Failure::of(scope, error)),
            }
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

/// Returns why nothing that is queued for the chat will be sent, if files are still being uploaded for it: they fail at their turn.
async fn open(link: &Arc<Link>, chat: ChatId) -> Result<Option<ErrorCode>, ClientError> {
    let Err(error) = open_chat(link, chat).await else { return Ok(None) };
    let code = error.code().cloned();
    if code == Some(ErrorCode::UnknownDevice) {
        // A device has gone since its key package was claimed: it is made anew with those that are there.
        return Err(error);
    }
    chat_refused(link, chat, error).await?;
    let is_left = link.context.store.read(move |at| Ok::<_, ClientError>(outbox::chats(at)?.contains(&chat))).await?;
    Ok(code.filter(|_| is_left))
}
