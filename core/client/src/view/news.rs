//! What has changed since a view was last read.

use std::collections::BTreeSet;

use privmsg_store::chats::ChatId;
use privmsg_store::{Change, ChangeSet, Changes};

/// Collected from the feed until it is answered by a look at the database. It stays until that has succeeded, so that
/// whoever waits may be cancelled anywhere.
#[derive(Debug, Default)]
pub(super) struct News {
    /// So much that everything is read anew.
    pub(super) everything: bool,
    /// Chats whose entry in the list has changed.
    pub(super) chats: BTreeSet<ChatId>,
    /// Messages that have changed.
    pub(super) messages: BTreeSet<(ChatId, i64)>,
}

impl News {
    pub(super) fn is_empty(&self) -> bool {
        !self.everything && self.chats.is_empty() && self.messages.is_empty()
    }

    /// Waits until there is something that `wanted` lets pass, and takes what has come with it. Returns `false` once the
    /// store is closed.
    pub(super) async fn wait(&mut self, changes: &mut Changes, wanted: impl Fn(&Change) -> bool) -> bool {
        while self.is_empty() {
            let Some(set) = changes.next().await else { return false };
            self.note(&set, &wanted);
        }
        while let Some(set) = changes.try_next() {
            self.note(&set, &wanted);
        }
        true
    }

    fn note(&mut self, set: &ChangeSet, wanted: impl Fn(&Change) -> bool) {
        for change in set.iter() {
            match change {
                Change::Everything => self.everything = true,
                other if !wanted(other) => {}
                Change::Chat(chat) => drop(self.chats.insert(*chat)),
                Change::Message(chat, row) => drop(self.messages.insert((*chat, *row))),
                Change::Account | Change::Contact(_) | Change::Task(_) | Change::Holds | Change::Setting(_) => {}
            }
        }
    }
}
