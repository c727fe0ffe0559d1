//! What the user wants to be another in a group of people, until it is, or cannot be.

use rusqlite::{OptionalExtension, params};

use crate::chats::ChatId;
use crate::{Change, Snapshot, StoreError, Tx, groups};

/// Failures that are kept for whoever waits for them.
const KEPT_FAILURES: i64 = 100;

/// A change that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Row.
    pub id: i64,
    /// What is wanted, as JSON.
    pub change: Vec<u8>,
    /// The last row of the queue by then.
    pub behind: i64,
    /// When it was wanted, ms.
    pub wanted_at: i64,
}

/// What has become of a wanted change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It waits.
    Waiting,
    /// It is as it was wanted.
    Done,
    /// It will not be, for this reason.
    Failed(String),
}

/// Wants a change. Returns its row.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn want(tx: &Tx<'_>, chat: ChatId, change: &[u8], now_ms: i64) -> Result<i64, StoreError> {
    tx.sql().execute(
        "INSERT INTO group_change (chat_id, change, wanted_at, behind)
         VALUES (?1, ?2, ?3, (SELECT coalesce(max(id), 0) FROM outbox))",
        params![chat.0, change, now_ms],
    )?;
    tx.changed(Change::Task(groups::TASK));
    Ok(tx.sql().last_insert_rowid())
}

/// What is wanted of a chat, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<Wanted>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, change, behind, wanted_at FROM group_change WHERE chat_id = ?1 AND failure IS NULL ORDER BY id",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Wanted { id: row.get(0)?, change: row.get(1)?, behind: row.get(2)?, wanted_at: row.get(3)? })
    };
    let rows = query.query_map([chat.0], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether anything is wanted of a chat.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn any(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM group_change WHERE chat_id = ?1 AND failure IS NULL)";
    Ok(at.sql().prepare_cached(sql)?.query_row([chat.0], |row| row.get(0))?)
}

/// Chats in which changes wait.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn chats(at: &Snapshot<'_>) -> Result<Vec<ChatId>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT DISTINCT chat_id FROM group_change WHERE failure IS NULL")?;
    let rows = query.query_map([], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// It is as it was wanted.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn done(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM group_change WHERE id = ?1")?.execute([id])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// It will not be.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn fail(tx: &Tx<'_>, id: i64, why: &str) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE group_change SET failure = ?2 WHERE id = ?1", params![id, why])?;
    tx.sql().execute(
        "DELETE FROM group_change WHERE failure IS NOT NULL AND id <= (SELECT max(id) FROM group_change) - ?1",
        [KEPT_FAILURES],
    )?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// What has become of a change.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn fate(at: &Snapshot<'_>, id: i64) -> Result<Fate, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT failure FROM group_change WHERE id = ?1")?;
    let row: Option<Option<String>> = query.query_row([id], |row| row.get(0)).optional()?;
    Ok(match row {
        None => Fate::Done,
        Some(None) => Fate::Waiting,
        Some(Some(why)) => Fate::Failed(why),
    })
}
