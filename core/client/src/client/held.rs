//! What goes out only when the user says so: its recipient was blocked, or others would have it than it was written for.

use privmsg_protocol::UserId;
use privmsg_store::chats::{ChatId, ChatKind};
use privmsg_store::{Snapshot, Tx, chats, outbox};

pub use privmsg_store::outbox::Held as HeldMessage;

use super::Client;
use super::groups::refuse_gone;
use crate::error::ClientError;
use crate::sending::{Recipient, Sent, chat_kind};

impl Client {
    /// The messages that wait on this device for the user's word.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_messages(&self, to: &Recipient) -> Result<Vec<HeldMessage>, ClientError> {
        let (own, to) = (self.user_id().clone(), to.clone());
        self.read(move |at| match chats::find(at, &chat_kind(&own, &to))? {
            Some(chat) => outbox::held(at, chat),
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
        self.read(move |at| outbox::held(at, chat)).await
    }

    /// Those who would have these were named to the user.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn note_named(&self, shown: &[HeldMessage]) -> Result<(), ClientError> {
        let Some(chat) = shown.first().map(|held| held.chat) else { return Ok(()) };
        let shown = shown.to_vec();
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
        let (own, to, shown) = (self.user_id().clone(), to.clone(), shown.to_vec());
        let release = move |tx: &Tx<'_>| {
            let Some(chat) = chats::find(tx, &chat_kind(&own, &to))? else { return Ok(Vec::new()) };
            refuse_gone(tx, chat)?;
            let released = outbox::release(tx, chat, &shown)?.into_iter();
            let sent = |held: HeldMessage| Sent { id: held.message_row, chat, message_id: held.message_id };
            Ok::<_, ClientError>(released.map(sent).collect())
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
