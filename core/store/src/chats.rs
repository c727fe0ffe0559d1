//! Chats: what a user sees of a conversation.

use privmsg_protocol::{ConversationId, Incarnation, UserId};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::consent::{self, Consent};
use crate::position::Position;
use crate::sql_types::{from_sql, optional_key_bytes, optional_user_id};
use crate::{Change, Snapshot, StoreError, Tx};

/// Row of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
    Group {
        /// Which one: it is derived from the roster that it began with.
        conversation: ConversationId,
    },
}

/// A chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Row.
    pub id: ChatId,
    /// What it is.
    pub kind: ChatKind,
}

/// What the user wants of a chat in the list, on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// It stands above the others.
    pub pinned: bool,
    /// What comes there is not told, and does not bring it back from the archive.
    pub muted: bool,
    /// It is out of sight, until something is said there.
    pub archived: bool,
}

/// One of [`Marks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// [`Marks::pinned`].
    Pinned,
    /// [`Marks::muted`].
    Muted,
    /// [`Marks::archived`].
    Archived,
}

/// A chat in the list of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSummary {
    /// The chat.
    pub chat: Chat,
    /// Messages in it.
    pub messages: u64,
    /// Messages of others that the user has not read.
    pub unread: u64,
    /// When something last came or was written, ms; the chat's creation if nothing has.
    pub last_at: i64,
    /// Row of the last message.
    pub last_message: Option<i64>,
    /// How far the user has read.
    pub read_to: Position,
    /// Whether the user has let it in.
    pub consent: Consent,
    /// What the user wants of it.
    pub marks: Marks,
}

/// Finds or makes the chat with `kind`.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn ensure(tx: &Tx<'_>, kind: &ChatKind, now_ms: i64) -> Result<ChatId, StoreError> {
    if let Some(id) = find(tx, kind)? {
        return Ok(id);
    }
    let (name, peer, conversation) = columns(kind);
    tx.sql().execute(
        "INSERT INTO chat (kind, peer, conversation, last_at) VALUES (?1, ?2, ?3, ?4)",
        params![name, peer, conversation, now_ms],
    )?;
    let id = ChatId(tx.sql().last_insert_rowid());
    tx.changed(Change::Chat(id));
    Ok(id)
}

/// Finds the chat with `kind` without making it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find(at: &Snapshot<'_>, kind: &ChatKind) -> Result<Option<ChatId>, StoreError> {
    let (name, peer, conversation) = columns(kind);
    Ok(at
        .sql()
        .prepare_cached("SELECT id FROM chat WHERE kind = ?1 AND peer IS ?2 AND conversation IS ?3")?
        .query_row(params![name, peer, conversation], |row| row.get(0))
        .optional()?
        .map(ChatId))
}

/// Reads a chat.
///
/// # Errors
/// [`StoreError`] of the query; [`StoreError::Invalid`] if there is no such chat.
pub fn load(at: &Snapshot<'_>, id: ChatId) -> Result<Chat, StoreError> {
    Ok(summary(at, id)?.ok_or(StoreError::Invalid("chat"))?.chat)
}

const COLUMNS: &str =
    "id, kind, peer, messages, unread, last_at, last_message, read_to, conversation, pinned, muted, archived,
    (SELECT state FROM consent WHERE consent.chat = coalesce('user:' || peer, 'group:' || hex(conversation)))";

/// Reads a chat as the list of chats shows it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn summary(at: &Snapshot<'_>, id: ChatId) -> Result<Option<ChatSummary>, StoreError> {
    at.sql()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM chat WHERE id = ?1"))?
        .query_row([id.0], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// All chats, pinned ones first, and among them the one with the newest message.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn list(at: &Snapshot<'_>) -> Result<Vec<ChatSummary>, StoreError> {
    let mut query =
        at.sql().prepare_cached(&format!("SELECT {COLUMNS} FROM chat ORDER BY pinned DESC, last_at DESC, id DESC"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The highest incarnation of the conversation that this device knows of, if any.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn incarnation(at: &Snapshot<'_>, id: ChatId) -> Result<Option<Incarnation>, StoreError> {
    let known: u32 =
        at.sql().prepare_cached("SELECT incarnation FROM chat WHERE id = ?1")?.query_row([id.0], |row| row.get(0))?;
    Ok((known > 0).then_some(Incarnation(known)))
}

/// All chats with an incarnation that this device knows of, the one first in which something last came or was written.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn with_incarnations(at: &Snapshot<'_>) -> Result<Vec<(Chat, Incarnation)>, StoreError> {
    let known = "SELECT id, incarnation FROM chat WHERE incarnation > 0 ORDER BY last_at DESC, id DESC";
    let mut query = at.sql().prepare_cached(known)?;
    let rows = query.query_map([], |row| Ok((ChatId(row.get(0)?), Incarnation(row.get(1)?))))?;
    rows.map(|row| {
        let (id, incarnation) = row?;
        Ok((load(at, id)?, incarnation))
    })
    .collect()
}

/// The conversation has come to an incarnation. Never goes back.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_incarnation(tx: &Tx<'_>, id: ChatId, incarnation: Incarnation) -> Result<(), StoreError> {
    let further = tx
        .sql()
        .prepare_cached("UPDATE chat SET incarnation = ?2 WHERE id = ?1 AND incarnation < ?2")?
        .execute(params![id.0, incarnation.0])?;
    if further > 0 {
        tx.changed(Change::Chat(id));
    }
    Ok(())
}

/// The conversation goes on after an earlier incarnation than it had come to here, or after none: no server would take the
/// next one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_incarnation_back(tx: &Tx<'_>, id: ChatId, incarnation: Option<Incarnation>) -> Result<(), StoreError> {
    let number = incarnation.map_or(0, |incarnation| incarnation.0);
    tx.sql().prepare_cached("UPDATE chat SET incarnation = ?2 WHERE id = ?1")?.execute(params![id.0, number])?;
    tx.changed(Change::Chat(id));
    Ok(())
}

/// Sets one of a chat's marks, or takes it away. What is pinned is not out of sight, and the other way round.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_mark(tx: &Tx<'_>, id: ChatId, mark: Mark, is_set: bool) -> Result<(), StoreError> {
    let sql = match mark {
        Mark::Pinned => "UPDATE chat SET pinned = ?2, archived = archived AND NOT ?2 WHERE id = ?1",
        Mark::Muted => "UPDATE chat SET muted = ?2 WHERE id = ?1",
        Mark::Archived => "UPDATE chat SET archived = ?2, pinned = pinned AND NOT ?2 WHERE id = ?1",
    };
    tx.sql().prepare_cached(sql)?.execute(params![id.0, is_set])?;
    tx.changed(Change::Chat(id));
    Ok(())
}

/// The user has read up to `position`. Never goes back. Returns whether there was something new.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_read_to(tx: &Tx<'_>, id: ChatId, position: Position) -> Result<bool, StoreError> {
    let moved = tx
        .sql()
        .prepare_cached("UPDATE chat SET read_to = ?2 WHERE id = ?1 AND read_to < ?2")?
        .execute(params![id.0, position.0])?;
    if moved > 0 {
        count_unread(tx, id)?;
        tx.changed(Change::Chat(id));
    }
    Ok(moved > 0)
}

/// Counts anew what is behind the reading position.
pub(crate) fn count_unread(tx: &Tx<'_>, id: ChatId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE chat SET unread =
                 (SELECT count(*) FROM message
                  WHERE chat_id = ?1 AND hidden = 0 AND position > read_to AND position < ?2
                      AND kind >= 0 AND outgoing = 0
                      AND sender_id <> (SELECT user_id FROM account))
             WHERE id = ?1",
        )?
        .execute(params![id.0, Position::QUEUED.0])?;
    Ok(())
}

/// Finds anew which message is the last.
pub(crate) fn find_last(tx: &Tx<'_>, id: ChatId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE chat SET last_message =
                 (SELECT id FROM message WHERE chat_id = ?1 AND hidden = 0 ORDER BY position DESC, id DESC LIMIT 1)
             WHERE id = ?1",
        )?
        .execute([id.0])?;
    tx.changed(Change::Chat(id));
    Ok(())
}

fn columns(kind: &ChatKind) -> (&'static str, Option<&str>, Option<&[u8]>) {
    match kind {
        ChatKind::Direct { peer } => ("direct", Some(peer.as_str()), None),
        ChatKind::SelfNotes => ("self", None, None),
        ChatKind::Group { conversation } => ("group", None, Some(conversation.as_bytes())),
    }
}

fn read(row: &rusqlite::Row<'_>) -> Result<ChatSummary, StoreError> {
    let peer = optional_user_id(row, 2)?;
    let conversation = optional_key_bytes(row, 8)?.map(ConversationId::from_bytes);
    let kind = match (row.get_ref(1)?.as_str().unwrap_or_default(), peer, conversation) {
        ("direct", Some(peer), None) => ChatKind::Direct { peer },
        ("self", None, None) => ChatKind::SelfNotes,
        ("group", None, Some(conversation)) => ChatKind::Group { conversation },
        _ => return Err(StoreError::Invalid("chat")),
    };
    Ok(ChatSummary {
        chat: Chat { id: ChatId(row.get(0)?), kind },
        messages: from_sql(row.get(3)?),
        unread: from_sql(row.get(4)?),
        last_at: row.get(5)?,
        last_message: row.get(6)?,
        read_to: Position(row.get(7)?),
        marks: Marks { pinned: row.get(9)?, muted: row.get(10)?, archived: row.get(11)? },
        consent: consent::read(row.get_ref(12)?),
    })
}

#[cfg(test)]
#[path = "chats_tests.rs"]
mod tests;
