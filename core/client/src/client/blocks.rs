//! Whom the user does not want to hear of.

use privmsg_protocol::UserId;
use privmsg_protocol::rest::BlockedUser;
use privmsg_store::chats::{self, ChatId};
use privmsg_store::{Snapshot, Tx, account, blocks};

use super::Client;
use crate::content::decisions;
use crate::error::ClientError;

impl Client {
    /// Blocks somebody, on all devices of the user: when this returns, nothing that they send arrives any more, and nothing
    /// goes out to them that waits here. They are not told; the user's other devices are, by this one. What they sent before stays.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn block(&self, user: &UserId) -> Result<(), ClientError> {
        // First here: while the server is asked, the engine may send.
        let was_blocked = self.is_blocked(user).await?;
        let held = self.note_block(user, true).await?;
        match self.context.api.block(user).await {
            Ok(()) => self.say_block(user, true).await,
            Err(error) => {
                if !was_blocked {
                    self.note_block(user, false).await?;
                    self.release_these(user, held).await?;
                }
                Err(error)
            }
        }
    }

    /// Takes that back. What they have sent meanwhile does not arrive any more. What this user had written before the block, and
    /// was not sent by then, stays [held](Self::held_messages).
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn unblock(&self, user: &UserId) -> Result<(), ClientError> {
        self.context.api.unblock(user).await?;
        self.say_block(user, false).await
    }

    /// Who is blocked, as the server has it.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn blocked(&self) -> Result<Vec<BlockedUser>, ClientError> {
        Ok(self.context.api.blocked().await?.blocked)
    }

    /// Whether somebody is blocked, as far as this device knows.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_blocked(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        self.read(move |at| blocks::is_blocked(at, &user)).await
    }

    async fn say_block(&self, user: &UserId, blocked: bool) -> Result<(), ClientError> {
        let (user, now) = (user.clone(), self.context.clock.now_ms());
        let say = move |tx: &Tx<'_>| {
            let (own, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
            blocks::set(tx, &user, blocked, now)?;
            decisions::block(tx, (&own, &device), &user, blocked, now)
        };
        self.context.store.write(say).await
    }

    async fn note_block(&self, user: &UserId, blocked: bool) -> Result<Vec<i64>, ClientError> {
        let (user, now) = (user.clone(), self.context.clock.now_ms());
        Ok(self.context.store.write(move |tx| blocks::set(tx, &user, blocked, now)).await?)
    }
}

/// Refuses a chat with somebody who is blocked: they would hear of the user, and the user not of them.
pub(super) fn refuse_blocked(at: &Snapshot<'_>, chat: ChatId) -> Result<(), ClientError> {
    match blocks::in_chat(at, &chats::load(at, chat)?)? {
        Some(user) => Err(ClientError::Blocked(user)),
        None => Ok(()),
    }
}
