//! A chat's messages and the gaps between them.

use privmsg_store::chats::{self, ChatId, ChatSummary};
use privmsg_store::messages::{self, Cursor, Message};
use privmsg_store::position::Position;
use privmsg_store::{Snapshot, StoreError, Tx, gaps, settings};

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

/// Up to `limit` messages of a chat with the gaps between them, oldest first.
pub(crate) fn page(at: &Snapshot<'_>, chat: ChatId, page: Page, limit: u32) -> Result<Vec<HistoryItem>, StoreError> {
    let messages = match page {
        Page::Newest => messages::newest(at, chat, limit)?,
        Page::Before(cursor) => messages::before(at, chat, cursor, limit)?,
        Page::After(cursor) => messages::after(at, chat, cursor, limit)?,
        Page::Around(cursor) => {
            let mut messages = messages::before(at, chat, cursor, limit / 2)?;
            // The row at the place itself belongs to what comes from it on.
            let from = Cursor(cursor.0, cursor.1.saturating_sub(1));
            messages.extend(messages::after(at, chat, from, limit.saturating_sub(limit / 2))?);
            messages
        }
    };
    let (from, to) = bounds(page, &messages, limit);
    let mut gaps =
        gaps::of_chat(at, chat)?.into_iter().filter(|gap| from <= gap.position && gap.position < to).peekable();
    let chat = chats::load(at, chat)?;
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        while let Some(gap) = gaps.next_if(|gap| gap.position < message.position) {
            items.push(HistoryItem::Gap { position: gap.position, missing: gap.missing });
        }
        items.push(HistoryItem::Message(Box::new(MessageView::in_chat(at, chat.clone(), message)?)));
    }
    items.extend(gaps.map(|gap| HistoryItem::Gap { position: gap.position, missing: gap.missing }));
    Ok(items)
}

/// Between which positions gaps belong to a page: a gap is shown on the page of the message behind it, and the one behind
/// all messages with the newest.
fn bounds(page: Page, messages: &[Message], limit: u32) -> (Position, Position) {
    let full = messages.len() >= limit as usize;
    let (first, last) =
        (messages.first().map(|message| message.position), messages.last().map(|message| message.position));
    let end = Position(i64::MAX);
    match page {
        Page::Newest => (if full { first.unwrap_or(Position::START) } else { Position::START }, end),
        Page::Before(cursor) => (if full { first.unwrap_or(Position::START) } else { Position::START }, cursor.0),
        Page::After(cursor) => (cursor.0, if full { last.unwrap_or(end) } else { end }),
        Page::Around(_) => (first.unwrap_or(Position::START), last.unwrap_or(end)),
    }
}

/// Where the reader of incoming messages has got to; survives restarts.
const CURSOR: &str = "inbox_cursor";

/// What has been received and not been shown yet, in order.
pub(crate) fn unseen(at: &Snapshot<'_>, limit: u32) -> Result<Vec<MessageView>, StoreError> {
    let cursor = settings::get(at, CURSOR)?.unwrap_or(0);
    let messages = messages::received_after(at, cursor, limit)?;
    messages.into_iter().map(|message| MessageView::of(at, message)).collect()
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
}

impl ChatEntry {
    pub(crate) fn of(at: &Snapshot<'_>, summary: ChatSummary) -> Result<Self, StoreError> {
        let last = match summary.last_message {
            Some(id) => messages::load(at, id)?,
            None => None,
        };
        let last = last.map(|message| MessageView::in_chat(at, summary.chat.clone(), message)).transpose()?;
        Ok(Self { summary, last: last.map(Box::new) })
    }
}
