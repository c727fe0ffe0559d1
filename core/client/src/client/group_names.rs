//! Which groups there are, and which one is meant.

use privmsg_protocol::{ConversationId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::{Snapshot, StoreError, group_chats, lags};

use super::Client;
use crate::error::ClientError;
use crate::sending::Recipient;

/// The shortest beginning of a group's id that stands for it: few enough to type, and too many to be met by chance.
pub const SHORTEST_GROUP_NAME: usize = 6;

impl Client {
    /// The group that is meant by its id, or by a beginning of it that fits no other.
    ///
    /// # Errors
    /// [`ClientError::NoSuchGroup`], [`ClientError::SeveralGroups`], [`ClientError::GroupNameTooShort`].
    pub async fn find_group(&self, id: &str) -> Result<ConversationId, ClientError> {
        self.by_the_newest(|| self.known_group(id)).await
    }

    async fn known_group(&self, id: &str) -> Result<ConversationId, ClientError> {
        let mut found: Vec<_> = self.groups().await?.into_iter().map(|(group, _)| group).collect();
        found.extend(self.unread_groups().await?);
        found.retain(|group| group.to_string().starts_with(id));
        match &*found {
            [one] if one.to_string() == id => Ok(*one),
            _ if id.len() < SHORTEST_GROUP_NAME => Err(ClientError::GroupNameTooShort(id.to_owned())),
            [one] => Ok(*one),
            [] => Err(ClientError::NoSuchGroup(id.to_owned())),
            _ => Err(ClientError::SeveralGroups { name: id.to_owned(), groups: found }),
        }
    }

    /// Groups that are joined when they are let in, of which nothing is known before.
    async fn unread_groups(&self) -> Result<Vec<ConversationId>, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let mut found = Vec::new();
            for chat in lags::all(at)?.iter().filter_map(|lag| lag.chat) {
                match chats::load(at, chat)?.kind {
                    ChatKind::Group { conversation } if group_chats::load(at, chat)?.is_none() => {
                        found.push(conversation)
                    }
                    _ => {}
                }
            }
            Ok::<_, StoreError>(found)
        };
        Ok(self.context.store.read(look).await?)
    }

    /// All groups that this device knows, with their titles, also those that the user is out of.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn groups(&self) -> Result<Vec<(ConversationId, String)>, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let mut found = Vec::new();
            for (chat, title) in group_chats::all(at)? {
                if let ChatKind::Group { conversation } = chats::load(at, chat)?.kind {
                    found.push((conversation, title));
                }
            }
            Ok::<_, StoreError>(found)
        };
        Ok(self.context.store.read(look).await?)
    }

    /// Groups in which both this user and somebody else take part, and others besides, as far as this device knows, with their
    /// titles. One of only the two is as a chat between them for whoever has blocked the other.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn groups_with(&self, user: &UserId) -> Result<Vec<(ConversationId, String)>, ClientError> {
        let mut shared = Vec::new();
        for (group, title) in self.groups().await? {
            let Some(chat) = self.chat_with(&Recipient::Group(group)).await? else { continue };
            let known = self.group(chat).await?;
            let are_more = known.people.len() > 2;
            if known.gone.is_none() && are_more && known.people.iter().any(|person| person.user_id == *user) {
                shared.push((group, title));
            }
        }
        Ok(shared)
    }
}
