//! A front-end: lists of its own, to which it applies what the views say.

use std::time::Duration;

use privmsg_store::messages::Cursor;

use super::world::World;
use crate::view::chat_list::ChatList;
use crate::view::diff::ListDiff;
use crate::view::history::{self, ChatEntry, HistoryItem};
use crate::view::timeline::Timeline;

/// How long another handle may take to hear of a commit, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A way to turn in a history.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn {
    Older(u32),
    Newer(u32),
    Around(usize),
    Newest,
}

/// A timeline, and the list that its reader has.
pub(super) struct Shown {
    pub(super) timeline: Timeline,
    items: Vec<HistoryItem>,
}

impl Shown {
    pub(super) fn new(timeline: Timeline) -> Self {
        let items = timeline.items().to_vec();
        Self { timeline, items }
    }

    fn take(&mut self, diffs: Vec<ListDiff<HistoryItem>>) {
        diffs.into_iter().for_each(|diff| diff.apply(&mut self.items));
        assert_eq!(self.items, self.timeline.items(), "the steps lead to another list");
    }

    pub(super) async fn turn(&mut self, world: &World, turn: Turn) {
        let diffs = match turn {
            Turn::Older(count) => self.timeline.older(count).await,
            Turn::Newer(count) => self.timeline.newer(count).await,
            Turn::Newest => self.timeline.newest().await,
            Turn::Around(which) => match world.pick(which, |_| true).await {
                Some(message) => self.timeline.around(message.cursor()).await,
                None => return,
            },
        };
        self.take(diffs.unwrap());
    }

    /// What a fresh look finds in the same stretch.
    async fn fresh(&self, world: &World) -> (Vec<HistoryItem>, Option<(u64, Option<Cursor>)>) {
        let (chat, bounds) = (world.chat, self.timeline.bounds());
        let items = world.look(move |at| Ok(history::within(at, chat, bounds, u32::MAX)?.items)).await;
        let summary = world.handles[0].chat(chat).await.unwrap().unwrap().summary;
        let unread = |item: &HistoryItem| match item {
            HistoryItem::Message(message)
                if !message.outgoing && message.cursor.0 > summary.read_to && message.sender_id.as_str() != "alice" =>
            {
                Some(message.cursor)
            }
            _ => None,
        };
        let first_unread = world.all().await.iter().find_map(unread);
        (items, Some((summary.unread, first_unread)))
    }

    fn status(&self) -> Option<(u64, Option<Cursor>)> {
        self.timeline.status().map(|status| (status.summary.unread, status.first_unread))
    }

    /// Follows until it shows what a fresh look finds, and fails if it never does.
    pub(super) async fn settles(&mut self, world: &World) {
        let (fresh, status) = loop {
            let (fresh, status) = self.fresh(world).await;
            if self.items == fresh && self.status() == status {
                return;
            }
            match tokio::time::timeout(PATIENCE, self.timeline.next()).await {
                Ok(diffs) => self.take(diffs.unwrap().unwrap()),
                Err(_) => break (fresh, status),
            }
        };
        assert_eq!(self.items, fresh);
        assert_eq!(self.status(), status);
    }
}

/// The list of chats, and the one that its reader has.
pub(super) struct Listed {
    pub(super) list: ChatList,
    chats: Vec<ChatEntry>,
}

impl Listed {
    pub(super) fn new(list: ChatList) -> Self {
        let chats = list.chats().to_vec();
        Self { list, chats }
    }

    pub(super) async fn settles(&mut self, world: &World) {
        let fresh = loop {
            let fresh = world.handles[0].chats().await.unwrap();
            if self.chats == fresh {
                return;
            }
            match tokio::time::timeout(PATIENCE, self.list.next()).await {
                Ok(diffs) => {
                    diffs.unwrap().unwrap().into_iter().for_each(|diff| diff.apply(&mut self.chats));
                    assert_eq!(self.chats, self.list.chats(), "the steps lead to another list");
                }
                Err(_) => break fresh,
            }
        };
        assert_eq!(self.chats, fresh);
    }
}
