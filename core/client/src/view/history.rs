//! A chat's messages and the gaps between them.

use privmsg_store::chats::{self, ChatId, ChatKind, ChatSummary};
use privmsg_store::group_chats::{self, Heading};
use privmsg_store::messages::{self, Cursor, Message};
use privmsg_store::position::Position;
use privmsg_store::{Snapshot, StoreError, Tx, consent, drafts, gaps, settings};

use super::message::MessageView;

/// One line of a chat's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryItem {
    /// A message.
    Message(Box<MessageView>),
    /// Here something was sent that this device never received.
    Gap {
        /// Where.
        position: Position,
        /// How many numbers of the conversation are missing; some may have been changes that nobody sees.
        missing: u64,
    },
}

/// Which part of a history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The end.
    Newest,
    /// What comes before this place.
    Before(Cursor),
    /// What comes after this place.
    After(Cursor),
    /// What is around this place: half before it, half from it on.
    Around(Cursor),
}

/// Where an item stands among the others: of two at one position the message comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Position, bool, i64);

impl HistoryItem {
    /// The message, if it is one.
    #[must_use]
    pub const fn message(&self) -> Option<&MessageView> {
        match self {
            Self::Message(message) => Some(message),
            Self::Gap { .. } => None,
        }
    }

    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Message(message) => key(message.cursor),
            Self::Gap { position, .. } => Key(*position, true, 0),
        }
    }

    /// The row of a message.
    pub(crate) fn row(&self) -> Option<i64> {
        self.message().map(|message| message.id)
    }
}

pub(crate) const fn key(cursor: Cursor) -> Key {
    Key(cursor.0, false, cursor.1)
}

/// A stretch of a chat's history, all that is in it, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) items: Vec<HistoryItem>,
    pub(crate) bounds: Bounds,
}

/// Between which places a stretch lies, both included. `None` where it reaches the beginning, or the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) from: Option<Cursor>,
    pub(crate) to: Option<Cursor>,
}

impl Bounds {
    pub(crate) fn cover(&self, wanted: Key) -> bool {
        self.from.is_none_or(|from| key(from) <= wanted) && self.to.is_none_or(|to| wanted <= key(to))
    }
}

/// Up to `limit` messages of a chat with the gaps between them.
pub(crate) fn page(at: &Snapshot<'_>, chat: ChatId, page: Page, limit: u32) -> Result<Stretch, StoreError> {
    if limit == 0 {
        return Ok(Stretch::default());
    }
    let first = |messages: &[Message], limit: u32| {
        messages.first().filter(|_| messages.len() >= limit as usize).map(Message::cursor)
    };
    let last = |messages: &[Message], limit: u32| {
        messages.last().filter(|_| messages.len() >= limit as usize).map(Message::cursor)
    };
    match page {
        Page::Newest => {
            let messages = messages::newest(at, chat, limit)?;
            let bounds = Bounds { from: first(&messages, limit), to: None };
            stretch(at, chat, messages, bounds, |_| true)
        }
        Page::Before(cursor) => {
            let messages = messages::before(at, chat, cursor, limit)?;
            let bounds = Bounds { from: first(&messages, limit), to: Some(cursor) };
            stretch(at, chat, messages, bounds, |gap| gap < key(cursor))
        }
        Page::After(cursor) => {
            let messages = messages::after(at, chat, cursor, limit)?;
            let bounds = Bounds { from: Some(cursor), to: last(&messages, limit) };
            stretch(at, chat, messages, bounds, |gap| gap > key(cursor))
        }
        Page::Around(cursor) => {
            let before = messages::before(at, chat, cursor, limit / 2)?;
            // The row at the place itself belongs to what comes from it on.
            let from = Cursor(cursor.0, cursor.1.saturating_sub(1));
            let rest = limit.saturating_sub(limit / 2);
            let after = messages::after(at, chat, from, rest)?;
            let from = if limit < 2 { Some(cursor) } else { first(&before, limit / 2) };
            let bounds = Bounds { from, to: last(&after, rest) };
            stretch(at, chat, [before, after].concat(), bounds, |_| true)
        }
    }
}

/// What stands within `bounds`, up to `limit` messages of it, from the oldest on.
pub(crate) fn within(at: &Snapshot<'_>, chat: ChatId, mut bounds: Bounds, limit: u32) -> Result<Stretch, StoreError> {
    let from = bounds.from.unwrap_or(Cursor(Position::START, i64::MIN));
    let to = bounds.to.unwrap_or(Cursor(Position(i64::MAX), i64::MAX));
    let messages = messages::between(at, chat, from, to, limit)?;
    if messages.len() >= limit as usize {
        bounds.to = messages.last().map(Message::cursor).or(bounds.to);
    }
    stretch(at, chat, messages, bounds, |_| true)
}

/// The gaps within `bounds`.
pub(crate) fn gaps(at: &Snapshot<'_>, chat: ChatId, bounds: Bounds) -> Result<Vec<HistoryItem>, StoreError> {
    let from = bounds.from.map_or(Position::START, |from| from.0);
    let to = bounds.to.map_or(Position(i64::MAX), |to| to.0);
    let gaps = gaps::between(at, chat, from, to)?.into_iter();
    let items = gaps.map(|gap| HistoryItem::Gap { position: gap.position, missing: gap.missing });
    Ok(items.filter(|gap| bounds.cover(gap.key())).collect())
}

fn stretch(
    at: &Snapshot<'_>,
    chat: ChatId,
    messages: Vec<Message>,
    bounds: Bounds,
    wanted: impl Fn(Key) -> bool,
) -> Result<Stretch, StoreError> {
    let mut gaps = gaps(at, chat, bounds)?;
    gaps.retain(|gap| wanted(gap.key()));
    let chat = chats::load(at, chat)?;
    let mut items = gaps;
    items.reserve(messages.len());
    for message in messages {
        items.push(HistoryItem::Message(Box::new(MessageView::in_chat(at, chat.clone(), message)?)));
    }
    items.sort_by_key(HistoryItem::key);
    Ok(Stretch { items, bounds })
}

/// Where the reader of incoming messages has got to; survives restarts.
const CURSOR: &str = "inbox_cursor";

/// What has been received and not been shown yet, in order.
pub(crate) fn unseen(at: &Snapshot<'_>, limit: u32) -> Result<Vec<MessageView>, StoreError> {
    let cursor = settings::get(at, CURSOR)?.unwrap_or(0);
    let messages = messages::received_after(at, cursor, limit)?;
    messages.into_iter().map(|message| MessageView::of(at, message)).collect()
}

/// Whether a received message has been shown.
pub(crate) fn is_seen(at: &Snapshot<'_>, id: i64) -> Result<bool, StoreError> {
    Ok(settings::get(at, CURSOR)?.unwrap_or(0) >= id)
}

/// Everything received up to row `id` has been shown.
pub(crate) fn mark_seen(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    // Two readers of one profile must not set each other back.
    let cursor = settings::get(tx, CURSOR)?.unwrap_or(0);
    settings::set(tx, CURSOR, cursor.max(id))
}

/// A chat in the list of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatEntry {
    /// The chat, and what is counted.
    pub summary: ChatSummary,
    /// The last message.
    pub last: Option<Box<MessageView>>,
    /// Of a group.
    pub heading: Option<Heading>,
    /// What the user has begun to write there.
    pub draft: Option<String>,
    /// Nothing of it is to be told as it comes: see [`crate::Client::is_kept_away`].
    pub is_kept_away: bool,
}

impl ChatEntry {
    pub(crate) fn of(at: &Snapshot<'_>, summary: ChatSummary) -> Result<Self, StoreError> {
        let last = match summary.last_message {
            Some(id) => messages::load(at, id)?,
            None => None,
        };
        let last = last.map(|message| MessageView::in_chat(at, summary.chat.clone(), message)).transpose()?;
        let heading = match summary.chat.kind {
            ChatKind::Group { .. } => group_chats::heading(at, summary.chat.id)?,
            ChatKind::Direct { .. } | ChatKind::SelfNotes => None,
        };
        let is_kept_away = consent::is_kept_away(at, summary.chat.id)?;
        let draft = drafts::of(at, &summary.chat.kind)?;
        Ok(Self { summary, last: last.map(Box::new), heading, draft, is_kept_away })
    }
}
