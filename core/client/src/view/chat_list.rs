//! The list of chats, as it changes.

use std::cmp::Reverse;

use privmsg_store::chats::{self, ChatId};
use privmsg_store::{Change, Changes, Snapshot, StoreError};

use super::diff::{ListDiff, Noted};
use super::history::ChatEntry;
use super::news::News;
use crate::client::Client;
use crate::error::ClientError;

/// All chats, pinned ones first, and among them the one with the newest message. See [`Client::watch_chats`].
#[derive(Debug)]
pub struct ChatList {
    client: Client,
    changes: Changes,
    news: News,
    chats: Vec<ChatEntry>,
}

impl ChatList {
    pub(crate) async fn watch(client: Client) -> Result<Self, ClientError> {
        // What is committed between the two is told, and changes nothing.
        let changes = client.changes();
        let chats = client.chats().await?;
        Ok(Self { client, changes, news: News::default(), chats })
    }

    /// As it is, as far as [`ChatList::next`] has told.
    #[must_use]
    pub fn chats(&self) -> &[ChatEntry] {
        &self.chats
    }

    /// Waits until a commit has changed something in the list, and says what. `None` once the profile is closed.
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError`] of the database. What had changed is told by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<ListDiff<ChatEntry>>>, ClientError> {
        loop {
            let chats = &self.chats;
            let is_last = |chat: ChatId, row| {
                chats.iter().any(|entry| entry.summary.chat.id == chat && entry.summary.last_message == Some(row))
            };
            let wanted = |change: &Change| match change {
                Change::Chat(_) => true,
                Change::Message(chat, row) => is_last(*chat, *row),
                _ => false,
            };
            if !self.news.wait(&mut self.changes, wanted).await {
                return Ok(None);
            }
            let diffs = self.catch_up().await?;
            self.news = News::default();
            if !diffs.is_empty() {
                return Ok(Some(diffs));
            }
        }
    }

    async fn catch_up(&mut self) -> Result<Vec<ListDiff<ChatEntry>>, ClientError> {
        if self.news.everything {
            self.chats = self.client.chats().await?;
            return Ok(vec![ListDiff::Reset { items: self.chats.clone() }]);
        }
        let mut changed = self.news.chats.clone();
        changed.extend(self.news.messages.iter().map(|(chat, _)| *chat));
        let look = move |at: &Snapshot<'_>| changed.into_iter().map(|id| Ok((id, entry(at, id)?))).collect();
        let entries: Vec<_> = self.client.read(look).await?;
        let mut list = Noted::new(&mut self.chats);
        for (id, entry) in entries {
            let before = list.list().iter().position(|known| known.summary.chat.id == id);
            if let Some(index) = before
                && entry.as_ref().is_none_or(|entry| place(entry) != place(&list.list()[index]))
            {
                list.remove(index);
            }
            if let Some(entry) = entry {
                list.put(entry, place);
            }
        }
        Ok(list.into_diffs())
    }
}

fn entry(at: &Snapshot<'_>, id: ChatId) -> Result<Option<ChatEntry>, StoreError> {
    chats::summary(at, id)?.map(|summary| ChatEntry::of(at, summary)).transpose()
}

/// What [`chats::list`] sorts by.
const fn place(entry: &ChatEntry) -> Reverse<(bool, i64, ChatId)> {
    Reverse((entry.summary.marks.pinned, entry.summary.last_at, entry.summary.chat.id))
}
