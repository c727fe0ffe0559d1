//! What became of messages of one's own, for each person.

use privmsg_protocol::{MessageId, UserId};
use rusqlite::params;

use crate::chats::ChatId;
use crate::sql_types::user_id;
use crate::timeline::messages;
use crate::{Change, Snapshot, StoreError, Tx};

/// What became of a message for one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub user_id: UserId,
    /// When a device of theirs had it, ms.
    pub delivered_at: i64,
    /// When they read it, ms.
    pub read_at: Option<i64>,
}

/// A receipt of `user` for messages of `chat` that were written by `author`. The first one counts; whoever has read has
/// also received. Returns whether it says something new.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(
    tx: &Tx<'_>,
    chat: ChatId,
    author: &UserId,
    ids: &[MessageId],
    user: &UserId,
    read: bool,
    at_ms: i64,
) -> Result<bool, StoreError> {
    let mut news = false;
    let mut insert = tx.sql().prepare_cached(
        "INSERT INTO receipt (message, user_id, delivered_at, read_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET read_at = ?4 WHERE read_at IS NULL AND ?4 IS NOT NULL",
    )?;
    for id in ids {
        for message in messages::find_of(tx, chat, author, id)? {
            if insert.execute(params![message.id, user.as_str(), at_ms, read.then_some(at_ms)])? > 0 {
                tx.changed(Change::Message(chat, message.id));
                news = true;
            }
        }
    }
    Ok(news)
}

/// What became of a message, the first to have it first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, message: i64) -> Result<Vec<Receipt>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT user_id, delivered_at, read_at FROM receipt WHERE message = ?1 ORDER BY delivered_at, user_id",
    )?;
    let rows = query.query_map([message], |row| {
        Ok((|| Ok(Receipt { user_id: user_id(row, 0)?, delivered_at: row.get(1)?, read_at: row.get(2)? }))())
    })?;
    rows.map(|row| row?).collect()
}
