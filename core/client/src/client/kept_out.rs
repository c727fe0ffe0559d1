//! Groups into which others have put the user, and of which they hear nothing: somebody whom they have blocked or declined has, or they
//! had left twice. For the others there they take part.

use privmsg_protocol::rest::KeptOut;
use privmsg_protocol::{ConversationId, GroupId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::group_chats::Heading;
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{Change, Snapshot, StoreError, Tx, account, blocks, group_chats};

use super::Client;
use crate::content::decisions;
use crate::error::ClientError;

/// A group that the user hears nothing of. That it is, is the server's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutGroup {
    group: GroupId,
    /// What it is called everywhere.
    pub conversation: ConversationId,
    /// Who has put the user in, whom they have blocked or declined. Nobody: they have left it twice, and were put in again.
    pub by: Option<UserId>,
    /// Whether it is a block that keeps it from them.
    pub is_blocked: bool,
    /// What people called it when the user was in it, if they were.
    pub title: Option<String>,
    /// The user does not want to be asked about it.
    pub is_turned_down: bool,
}

impl Client {
    /// Groups that the user hears nothing of.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn kept_out(&self) -> Result<Vec<KeptOutGroup>, ClientError> {
        let said = self.context.api.requests().await?.kept_out;
        self.read(move |at| {
            let mut kept = Vec::with_capacity(said.len());
            for KeptOut { group_id: group, chat_id: conversation, by } in said {
                let kind = ChatKind::Group { conversation };
                let is_turned_down = consent::of(at, &kind)? == Consent::Declined;
                let heading = chats::find(at, &kind)?.map(|chat| group_chats::heading(at, chat)).transpose()?.flatten();
                let title = heading.and_then(Heading::title);
                let is_blocked = match &by {
                    Some(by) => blocks::is_blocked(at, by)?,
                    None => false,
                };
                kept.push(KeptOutGroup { group, conversation, by, is_blocked, title, is_turned_down });
            }
            Ok(kept)
        })
        .await
    }

    /// Hears of such a group after all. The engine joins it; what was said there until then does not come.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn let_in(&self, kept: &KeptOutGroup) -> Result<(), ClientError> {
        // Before the server shows the group: as long as it is not let in, it is not joined.
        self.note(kept.conversation, true).await?;
        self.context.api.accept(&kept.group).await
    }

    /// Does not want to be asked about such a group again, on any device. Nothing changes for the others there.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn turn_down(&self, kept: &KeptOutGroup) -> Result<(), ClientError> {
        self.note(kept.conversation, false).await
    }

    /// Waits until a group is there, and the user takes part in it.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_in_group(&self, conversation: ConversationId) -> Result<chats::ChatId, ClientError> {
        let mut changes = self.changes();
        let kind = ChatKind::Group { conversation };
        loop {
            let kind = kind.clone();
            let look = move |at: &Snapshot<'_>| {
                let Some(chat) = chats::find(at, &kind)? else { return Ok(None) };
                let takes_part = group_chats::load(at, chat)?.is_some_and(|known| known.gone.is_none());
                // Before the server has taken that this device joins, what others say is not for it.
                let is_in = |group: StoredGroup| group.state == groups::GroupState::Active && group.request.is_none();
                let is_in = groups::of_chat(at, chat)?.is_some_and(is_in);
                Ok::<_, StoreError>((takes_part && is_in).then_some(chat))
            };
            if let Some(chat) = self.context.store.read(look).await? {
                return Ok(chat);
            }
            if !changes.wait_for(|change| matches!(change, Change::Chat(_) | Change::Task(_))).await {
                return Err(StoreError::Closed.into());
            }
        }
    }

    async fn note(&self, conversation: ConversationId, open: bool) -> Result<(), ClientError> {
        let now = self.context.clock.now_ms();
        let decided = move |tx: &Tx<'_>| {
            let (user, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
            decisions::decide(tx, (&user, &device), ChatKind::Group { conversation }, open, now)
        };
        self.context.store.write(decided).await
    }
}
