//! Chats: what a user sees of a conversation.

use privmsg_protocol::UserId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::sql_types::optional_user_id;

/// Row of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChatId(pub i64);

/// What a chat is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatKind {
    /// With one other user.
    Direct {
        /// The other one.
        peer: UserId,
    },
    /// Notes to oneself.
    SelfNotes,
    /// With several.
    Group,
}

/// A chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Row.
    pub id: ChatId,
    /// What it is.
    pub kind: ChatKind,
}

/// A chat in the list of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSummary {
    /// The chat.
    pub chat: Chat,
    /// Messages in it.
    pub messages: u64,
    /// Time of the newest one, ms; of the chat's creation if there is none.
    pub last_at: i64,
}

/// Finds or makes the chat with `kind`. Groups come from elsewhere: each is its own chat.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn ensure(connection: &Connection, kind: &ChatKind, now_ms: i64) -> Result<ChatId, StoreError> {
    let (name, peer) = columns(kind);
    if !matches!(kind, ChatKind::Group) {
        let existing = connection
            .prepare_cached("SELECT id FROM chat WHERE kind = ?1 AND peer IS ?2")?
            .query_row(params![name, peer], |row| row.get(0))
            .optional()?;
        if let Some(id) = existing {
            return Ok(ChatId(id));
        }
    }
    connection.execute("INSERT INTO chat (kind, peer, created_at) VALUES (?1, ?2, ?3)", params![name, peer, now_ms])?;
    Ok(ChatId(connection.last_insert_rowid()))
}

/// Finds the chat with `kind` without making it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find(connection: &Connection, kind: &ChatKind) -> Result<Option<ChatId>, StoreError> {
    let (name, peer) = columns(kind);
    Ok(connection
        .prepare_cached("SELECT id FROM chat WHERE kind = ?1 AND peer IS ?2")?
        .query_row(params![name, peer], |row| row.get(0))
        .optional()?
        .map(ChatId))
}

/// Reads a chat.
///
/// # Errors
/// [`StoreError`] of the query; [`StoreError::Invalid`] if there is no such chat.
pub fn load(connection: &Connection, id: ChatId) -> Result<Chat, StoreError> {
    let row = connection
        .prepare_cached("SELECT kind, peer FROM chat WHERE id = ?1")?
        .query_row([id.0], |row| Ok(read_kind(row, 0)))
        .optional()?;
    let kind = row.ok_or(StoreError::Invalid("chat"))??;
    Ok(Chat { id, kind })
}

/// All chats, the one with the newest message first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn list(connection: &Connection) -> Result<Vec<ChatSummary>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT c.kind, c.peer, c.id, count(m.id), coalesce(max(m.received_at), c.created_at) AS last_at
         FROM chat c LEFT JOIN message m ON m.chat_id = c.id
         GROUP BY c.id ORDER BY last_at DESC, c.id DESC",
    )?;
    let rows = query.query_map([], |row| {
        Ok((|| {
            let chat = Chat { id: ChatId(row.get(2)?), kind: read_kind(row, 0)? };
            Ok(ChatSummary { chat, messages: crate::sql_types::from_sql(row.get(3)?), last_at: row.get(4)? })
        })())
    })?;
    rows.map(|row| row?).collect()
}

fn columns(kind: &ChatKind) -> (&'static str, Option<&str>) {
    match kind {
        ChatKind::Direct { peer } => ("direct", Some(peer.as_str())),
        ChatKind::SelfNotes => ("self", None),
        ChatKind::Group => ("group", None),
    }
}

fn read_kind(row: &rusqlite::Row<'_>, first: usize) -> Result<ChatKind, StoreError> {
    let peer = optional_user_id(row, first + 1)?;
    match (row.get::<_, String>(first)?.as_str(), peer) {
        ("direct", Some(peer)) => Ok(ChatKind::Direct { peer }),
        ("self", None) => Ok(ChatKind::SelfNotes),
        ("group", None) => Ok(ChatKind::Group),
        _ => Err(StoreError::Invalid("chat")),
    }
}
