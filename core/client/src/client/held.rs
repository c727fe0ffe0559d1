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

    /// The same of a chat.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn held_in(&self, chat: ChatId) -> Result<Vec<HeldMessage>, ClientError> {
        self.read(move |at| held(at, chat)).await
    }

    /// Sends after all what is held for these reasons, to those of whom the user was told with it: where others have come since, it is held
    /// again. Returns what is sent.
    ///
    /// # Errors
    /// [`ClientError::Blocked`] as long as the recipient is; [`ClientError::NotInGroup`]; [`ClientError`] of the database.
    pub async fn send_held(&self, to: &Recipient, reasons: &[HeldBy]) -> Result<Vec<Sent>, ClientError> {
        if let Recipient::User(user) = to
            && self.is_blocked(user).await?
        {
            return Err(ClientError::Blocked(user.clone()));
        }
        let (own, to, reasons) = (self.user_id().clone(), to.clone(), reasons.to_vec());
        let release = move |tx: &Tx<'_>| {
            let Some(chat) = chats::find(tx, &chat_kind(&own, &to))? else { return Ok(Vec::new()) };
            refuse_gone(tx, chat)?;
            let mut released = held(tx, chat)?;
            released.retain(|message| reasons.contains(&message.by));
            for by in reasons {
                outbox::release(tx, chat, by)?;
            }
            Ok::<_, ClientError>(released.into_iter().map(|message| message.sent).collect())
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
    let of = |held: outbox::Held| HeldMessage {
        sent: Sent { id: held.message_row, chat, message_id: held.message_id },
        by: held.by,
        newcomers: held.newcomers,
    };
    Ok(outbox::held(at, chat)?.into_iter().map(of).collect())
}
