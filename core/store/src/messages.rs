//! Messages as people read them.

use privmsg_protocol::{MessageId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::StoreError;
use crate::chats::ChatId;
use crate::sql_types::{message_id, user_id};

/// What a message is, for lists; the content itself is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Text.
    Text,
    /// Files, with or without a text.
    File,
    /// A kind that this build does not know; kept for a newer one.
    Unsupported,
    /// Notice of this device: the sender's identity key is another one than before. Has no content.
    IdentityChanged,
}

impl MessageKind {
    const ALL: [Self; 4] = [Self::Text, Self::File, Self::Unsupported, Self::IdentityChanged];

    /// The name in the database and in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::Unsupported => "unsupported",
            Self::IdentityChanged => "identity_changed",
        }
    }
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// In the outbox.
    Queued,
    /// The server has acknowledged it.
    Sent,
    /// Refused, with the server's error code.
    Failed(String),
    /// Came from elsewhere.
    Received,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row; grows in the order in which this device got or wrote them.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// As its sender named it.
    pub message_id: MessageId,
    /// Who wrote it.
    pub sender_id: UserId,
    /// Whether it was written on this device.
    pub outgoing: bool,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// By this device's clock, ms.
    pub received_at: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Encoded content.
    pub content: Vec<u8>,
    /// How far it has come.
    pub state: MessageState,
    /// When another user's device had it, ms.
    pub delivered_at: Option<i64>,
    /// When another user read it, ms.
    pub read_at: Option<i64>,
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Chat.
    pub chat: ChatId,
    /// As its sender named it.
    pub message_id: MessageId,
    /// Who wrote it.
    pub sender_id: &'a UserId,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// By this device's clock, ms.
    pub received_at: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Encoded content.
    pub content: &'a [u8],
}

/// Whether a stored message came from elsewhere or is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From another device.
    Incoming,
    /// From this one.
    Outgoing,
}

const COLUMNS: &str =
    "id, chat_id, message_id, sender_id, outgoing, sent_at, received_at, kind, content, state, failure,
                       delivered_at, read_at";

fn read(row: &Row<'_>) -> Result<Message, StoreError> {
    let kind: String = row.get(7)?;
    let state: String = row.get(9)?;
    Ok(Message {
        id: row.get(0)?,
        chat: ChatId(row.get(1)?),
        message_id: message_id(row, 2)?,
        sender_id: user_id(row, 3)?,
        outgoing: row.get(4)?,
        sent_at: row.get(5)?,
        received_at: row.get(6)?,
        kind: MessageKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or(StoreError::Invalid("message kind"))?,
        content: row.get(8)?,
        state: match state.as_str() {
            "queued" => MessageState::Queued,
            "sent" => MessageState::Sent,
            "failed" => MessageState::Failed(row.get::<_, Option<String>>(10)?.unwrap_or_default()),
            "received" => MessageState::Received,
            _ => return Err(StoreError::Invalid("message state")),
        },
        delivered_at: row.get(11)?,
        read_at: row.get(12)?,
    })
}

/// Stores a message. `None` if this sender's message is there already.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    connection: &Connection,
    message: &NewMessage<'_>,
    direction: Direction,
) -> Result<Option<i64>, StoreError> {
    let outgoing = direction == Direction::Outgoing;
    let inserted = connection
        .prepare_cached(
            "INSERT INTO message (chat_id, message_id, sender_id, outgoing, sent_at, received_at, kind, content, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (sender_id, message_id) DO NOTHING",
        )?
        .execute(params![
            message.chat.0,
            message.message_id.as_bytes().as_slice(),
            message.sender_id.as_str(),
            outgoing,
            message.sent_at,
            message.received_at,
            message.kind.as_str(),
            message.content,
            if outgoing { "queued" } else { "received" },
        ])?;
    Ok((inserted > 0).then(|| connection.last_insert_rowid()))
}

/// Reads one message by its row.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(connection: &Connection, id: i64) -> Result<Option<Message>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?
        .query_row([id], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Messages with this id. More than one only if two users chose the same.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find(connection: &Connection, id: &MessageId) -> Result<Vec<Message>, StoreError> {
    collect(connection, &format!("SELECT {COLUMNS} FROM message WHERE message_id = ?1"), [id.as_bytes().as_slice()])
}

/// The newest `limit` messages of a chat, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn newest(connection: &Connection, chat: ChatId, limit: u32) -> Result<Vec<Message>, StoreError> {
    let mut messages = collect(
        connection,
        &format!("SELECT {COLUMNS} FROM message WHERE chat_id = ?1 ORDER BY id DESC LIMIT ?2"),
        params![chat.0, limit],
    )?;
    messages.reverse();
    Ok(messages)
}

/// Messages from elsewhere that were stored after row `after`, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn received_after(connection: &Connection, after: i64, limit: u32) -> Result<Vec<Message>, StoreError> {
    collect(
        connection,
        &format!("SELECT {COLUMNS} FROM message WHERE id > ?1 AND outgoing = 0 ORDER BY id LIMIT ?2"),
        params![after, limit],
    )
}

fn collect(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<Message>, StoreError> {
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map(parameters, |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The content has changed before it was sent: its files are uploaded now.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_content(connection: &Connection, id: i64, content: &[u8]) -> Result<(), StoreError> {
    connection.execute("UPDATE message SET content = ?2 WHERE id = ?1", params![id, content])?;
    Ok(())
}

/// The server has acknowledged it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_sent(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE message SET state = 'sent' WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// It was refused, and trying again would not help.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_failed(connection: &Connection, id: i64, code: &str) -> Result<(), StoreError> {
    connection.execute("UPDATE message SET state = 'failed', failure = ?2 WHERE id = ?1", params![id, code])?;
    Ok(())
}

/// A receipt for messages of `chat` that were written by `author`. The first receipt counts; whoever has read has also
/// received.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_receipt(
    connection: &Connection,
    chat: ChatId,
    author: &UserId,
    ids: &[MessageId],
    read: bool,
    at_ms: i64,
) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(if read {
        "UPDATE message SET read_at = coalesce(read_at, ?4), delivered_at = coalesce(delivered_at, ?4)
         WHERE chat_id = ?1 AND sender_id = ?2 AND message_id = ?3"
    } else {
        "UPDATE message SET delivered_at = coalesce(delivered_at, ?4)
         WHERE chat_id = ?1 AND sender_id = ?2 AND message_id = ?3"
    })?;
    for id in ids {
        update.execute(params![chat.0, author.as_str(), id.as_bytes().as_slice(), at_ms])?;
    }
    Ok(())
}
