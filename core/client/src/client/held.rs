//! What goes out only when the user says so: its recipient was blocked, or others would have it than it was written for.

use privmsg_protocol::UserId;
use privmsg_store::chats::{ChatId, ChatKind};
use privmsg_store::messages::HeldBy;
use privmsg_store::{Snapshot, StoreError, Tx, chats, outbox};

use super::Client;
use super::groups::refuse_gone;
use crate::error::ClientError;
use crate::sending::{Recipient, Sent, chat_kind};

/// A message that waits for the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldMessage {
    /// The message.
    pub sent: Sent,
    /// Why it waits.
    pub by: HeldBy,
    /// Who would have it, and was not there when it was written, or by another key.
    pub newcomers: Vec<UserId>,
    /// Whether they were [named](Client::note_named) to the user.
    pub named: bool,
}

impl Client {
    /// The messages that wait on this device for the user's word.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_messages(&self, to: &Recipient) -> Result<Vec<HeldMessage>, ClientError> {
        let (own, to) = (self.user_id().clone(), to.clone());
        self.read(move |at| match chats::find(at, &chat_kind(&own, &to))? {
            Some(chat) => held(at, chat),
            None => Ok(Vec::new()),
        })
        .await
    }

    /// The messages that are on their way there and not held, as far as their files are with the server.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn queued_messages(&self, to: &Recipient) -> Result<Vec<Sent>, ClientError> {
        let (own, to) = (self.user_id().clone(), to.clone());
        let look = move |at: &Snapshot<'_>| {
            let Some(chat) = chats::find(at, &chat_kind(&own, &to))? else { return Ok(Vec::new()) };
            let queued = outbox::ready(at, chat, usize::MAX >> 1)?.into_iter();
            let sent = |queued: outbox::Queued| {
                let outbox::Queued { message_id, message_row, .. } = queued;
                message_row.map(|id| Sent { id, chat, message_id })
            };
            Ok(queued.filter_map(sent).collect())
        };
        self.read(look).await
    }

    /// The messages of a chat that wait for the user's word.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_in(&self, chat: ChatId) -> Result<Vec<HeldMessage>, ClientError> {
        self.read(move |at| held(at, chat)).await
    }

    /// Those who would have these were named to the user.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn note_named(&self, shown: &[HeldMessage]) -> Result<(), ClientError> {
        let Some(chat) = shown.first().map(|held| held.sent.chat) else { return Ok(()) };
        let shown = stored(shown);
        Ok(self.context.store.write(move |tx| outbox::note_named(tx, chat, &shown)).await?)
    }

    /// Sends after all what is held as it was shown to the user, to those who were named with it: where others have come since, it is held
    /// again. Returns what is sent.
    ///
    /// # Errors
    /// [`ClientError::Blocked`] as long as the recipient is; [`ClientError::NotInGroup`]; [`ClientError`] of the database.
    pub async fn send_held(&self, to: &Recipient, shown: &[HeldMessage]) -> Result<Vec<Sent>, ClientError> {
        if let Recipient::User(user) = to
            && self.is_blocked(user).await?
        {
            return Err(ClientError::Blocked(user.clone()));
        }
        let (own, to, shown) = (self.user_id().clone(), to.clone(), stored(shown));
        let release = move |tx: &Tx<'_>| {
            let Some(chat) = chats::find(tx, &chat_kind(&own, &to))? else { return Ok(Vec::new()) };
            refuse_gone(tx, chat)?;
            let released = outbox::release(tx, chat, &shown)?;
            Ok::<_, ClientError>(released.into_iter().map(|held| of_store(chat, held).sent).collect())
        };
        self.context.store.write(release).await
    }

    /// Sends what was held for somebody who is not blocked after all.
    pub(super) async fn release_these(&self, user: &UserId, rows: Vec<i64>) -> Result<(), ClientError> {
        let kind = ChatKind::Direct { peer: user.clone() };
        let release = move |tx: &Tx<'_>| match chats::find(tx, &kind)? {
            Some(chat) => outbox::release_these(tx, chat, &rows),
            None => Ok(()),
        };
        Ok(self.context.store.write(release).await?)
    }
}

fn held(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<HeldMessage>, StoreError> {
    Ok(outbox::held(at, chat)?.into_iter().map(|held| of_store(chat, held)).collect())
}

fn of_store(chat: ChatId, held: outbox::Held) -> HeldMessage {
    let outbox::Held { message_row: id, message_id, by, newcomers, named } = held;
    HeldMessage { sent: Sent { id, chat, message_id }, by, newcomers, named }
}

fn stored(shown: &[HeldMessage]) -> Vec<outbox::Held> {
    let of = |held: &HeldMessage| outbox::Held {
        message_row: held.sent.id,
        message_id: held.sent.message_id,
        by: held.by,
        newcomers: held.newcomers.clone(),
        named: held.named,
    };
    shown.iter().map(of).collect()
}
