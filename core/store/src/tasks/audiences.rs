//! For whom what waits was written: who took part in its chat by then, as far as the user had been told.
//!
//! Of a group that is the roster up to which its chat has told what has changed, and whom the user was bringing in. By which key somebody
//! was known is asked of the contact ([`was_known`](crate::contacts::was_known)). Bytes and names here; whoever encrypts compares them
//! with who would read it.

use rusqlite::{OptionalExtension, params};

use crate::chats::{self, ChatId, ChatKind};
use crate::{Snapshot, StoreError, Tx, group_chats};

/// Those for whom something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audience(i64);

impl Audience {
    pub(crate) const fn from_column(id: i64) -> Self {
        Self(id)
    }

    pub(crate) const fn column(self) -> i64 {
        self.0
    }
}

/// Who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct People {
    /// A roster. Empty: whom the chat is with.
    pub roster: Vec<u8>,
    /// Whom the user was bringing in, as whoever encrypts has written that down.
    pub coming: String,
}

/// Who they are.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn people(at: &Snapshot<'_>, audience: Audience) -> Result<People, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT roster, coming FROM audience WHERE id = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok(People { roster: row.get(0)?, coming: row.get(1)? });
    Ok(query.query_row([audience.0], read)?)
}

/// For whom something is written in a chat now.
pub(crate) fn of_chat(tx: &Tx<'_>, chat: ChatId, coming: &str) -> Result<Audience, StoreError> {
    let roster = match chats::load(tx, chat)?.kind {
        ChatKind::SelfNotes | ChatKind::Direct { .. } => Vec::new(),
        ChatKind::Group { .. } => group_chats::told(tx, chat)?.unwrap_or_default(),
    };
    enter(tx, chat, &roster, coming)
}

/// These are meant by what is written in a chat.
pub(crate) fn enter(tx: &Tx<'_>, chat: ChatId, roster: &[u8], coming: &str) -> Result<Audience, StoreError> {
    let known = tx
        .sql()
        .prepare_cached("SELECT id FROM audience WHERE chat_id = ?1 AND roster = ?2 AND coming = ?3")?
        .query_row(params![chat.0, roster, coming], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(Audience(known));
    }
    tx.sql()
        .prepare_cached("INSERT INTO audience (chat_id, roster, coming) VALUES (?1, ?2, ?3)")?
        .execute(params![chat.0, roster, coming])?;
    Ok(Audience(tx.sql().last_insert_rowid()))
}

/// Nothing waits in a chat any more.
pub(crate) fn forget(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM audience WHERE chat_id = ?1")?.execute([chat.0])?;
    Ok(())
}
