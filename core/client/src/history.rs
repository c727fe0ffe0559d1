//! Messages and chats as front-ends show them.

use privmsg_e2ee::{Attachment, Body, Content};
use privmsg_protocol::{MessageId, UserId};
use privmsg_store::chats::{self, Chat, ChatId, ChatKind};
use privmsg_store::messages::{Message, MessageKind, MessageState};
use privmsg_store::{Connection, StoreError, gaps, messages, meta};

/// A message, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Row; grows in the order in which this device got or wrote them.
    pub id: i64,
    /// As its sender named it.
    pub message_id: MessageId,
    /// The chat that it is in.
    pub chat: Chat,
    /// Who wrote it.
    pub sender_id: UserId,
    /// Whether it was written on this device.
    pub outgoing: bool,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Text or caption.
    pub text: String,
    /// Files. Empty while they are still being uploaded.
    pub attachments: Vec<Attachment>,
    /// How far it has come.
    pub state: MessageState,
    /// When another user's device had it, ms.
    pub delivered_at: Option<i64>,
}

impl MessageView {
    pub(crate) fn of(connection: &Connection, message: Message) -> Result<Self, StoreError> {
        let chat = chats::load(connection, message.chat)?;
        let (text, attachments) = match Content::decode(&message.content).map(|content| content.body) {
            Ok(Body::Text(text)) => (text, Vec::new()),
            Ok(Body::Files { caption, attachments }) => (caption, attachments),
            Ok(Body::Receipt(_) | Body::Unknown(_)) | Err(_) => (String::new(), Vec::new()),
        };
        Ok(Self {
            id: message.id,
            message_id: message.message_id,
            chat,
            sender_id: message.sender_id,
            outgoing: message.outgoing,
            sent_at: message.sent_at,
            kind: message.kind,
            text,
            attachments,
            state: message.state,
            delivered_at: message.delivered_at,
        })
    }
}

/// One line of a chat's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryItem {
    /// A message.
    Message(Box<MessageView>),
    /// Here something was sent that this device never received.
    Gap {
        /// How many numbers of the conversation are missing; some may have been changes that nobody sees.
        missing: u64,
    },
}

/// A chat in the list of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatEntry {
    /// What it is.
    pub kind: ChatKind,
    /// Messages in it.
    pub messages: u64,
    /// Time of the newest one, ms.
    pub last_at: i64,
}

/// The newest `limit` messages of a chat with the gaps between them, oldest first.
pub(crate) fn newest(connection: &Connection, chat: ChatId, limit: u32) -> Result<Vec<HistoryItem>, StoreError> {
    let messages = messages::newest(connection, chat, limit)?;
    let mut gaps = gaps::of_chat(connection, chat)?.into_iter().peekable();
    // Gaps before the first message shown belong to what is not shown.
    let first = messages.first().map_or(0, |message| message.id);
    while gaps.next_if(|gap| gap.after_message < first && first != 0 && messages.len() >= limit as usize).is_some() {}
    let mut items = Vec::with_capacity(messages.len());
    for message in messages {
        while let Some(gap) = gaps.next_if(|gap| gap.after_message < message.id) {
            items.push(HistoryItem::Gap { missing: gap.missing });
        }
        items.push(HistoryItem::Message(Box::new(MessageView::of(connection, message)?)));
    }
    items.extend(gaps.map(|gap| HistoryItem::Gap { missing: gap.missing }));
    Ok(items)
}

/// Where the reader of incoming messages has got to; survives restarts.
const CURSOR: &str = "inbox_cursor";

/// What has been received and not been shown yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// In order; each is to be marked as shown.
    pub messages: Vec<MessageView>,
}

pub(crate) fn unseen(connection: &Connection, limit: u32) -> Result<Inbox, StoreError> {
    let cursor = meta::get(connection, CURSOR)?.unwrap_or(0);
    let messages = messages::received_after(connection, cursor, limit)?;
    let messages =
        messages.into_iter().map(|message| MessageView::of(connection, message)).collect::<Result<_, _>>()?;
    Ok(Inbox { messages })
}

pub(crate) fn mark_seen(connection: &Connection, id: i64) -> Result<(), StoreError> {
    // Two readers of one profile must not set each other back.
    let cursor = meta::get(connection, CURSOR)?.unwrap_or(0);
    meta::set(connection, CURSOR, cursor.max(id))
}
