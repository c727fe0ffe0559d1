//! Receipts that are owed: collected here, so that a page of incoming messages costs one receipt and not one each, and what is read at
//! once, or told by another device of the user's, none that it has arrived.

use privmsg_protocol::MessageId;
use rusqlite::params;

use crate::chats::ChatId;
use crate::sql_types::{message_id, to_sql};
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// The queue.
pub const TASK: TaskName = TaskName::new("receipts");

/// Receipts of one kind for one chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Chat.
    pub chat: ChatId,
    /// The user has read the messages; else they have arrived.
    pub read: bool,
    /// Which messages.
    pub message_ids: Vec<MessageId>,
}

/// Notes that the sender of a message is to be told that it has arrived, or was read. Whoever has read a message need not
/// be told that it has arrived.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn owe(tx: &Tx<'_>, chat: ChatId, message: &MessageId, read: bool, now_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT OR IGNORE INTO owed_receipt (chat_id, message_id, read, owed_since) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![chat.0, message.as_bytes().as_slice(), read, now_ms])?;
    if read {
        tx.sql()
            .prepare_cached("DELETE FROM owed_receipt WHERE chat_id = ?1 AND read = 0 AND message_id = ?2")?
            .execute(params![chat.0, message.as_bytes().as_slice()])?;
    }
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Another device of the user's has told that messages have arrived, or that they were read.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn is_told(tx: &Tx<'_>, chat: ChatId, messages: &[MessageId], read: bool) -> Result<(), StoreError> {
    let mut told = tx
        .sql()
        .prepare_cached("DELETE FROM owed_receipt WHERE chat_id = ?1 AND read IN (0, ?2) AND message_id = ?3")?;
    messages.iter().try_for_each(|message| {
        told.execute(params![chat.0, read, message.as_bytes().as_slice()])?;
        Ok(())
    })
}

/// Chats with some, as far as the user has let them in: until then they are held. However many are held, each chat is looked at once.
const DUE: &str = "WITH RECURSIVE owed (chat_id) AS (
        SELECT min(chat_id) FROM owed_receipt
        UNION ALL SELECT (SELECT min(chat_id) FROM owed_receipt WHERE chat_id > owed.chat_id) FROM owed
            WHERE owed.chat_id IS NOT NULL),
    due AS (SELECT owed.chat_id FROM owed JOIN chat ON chat.id = owed.chat_id JOIN consent
        ON consent.chat = coalesce('user:' || chat.peer, 'group:' || hex(chat.conversation)) AND consent.state = 'open')";

/// Since when the first one is owed, ms: that something was read since the beginning of time.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn first(at: &Snapshot<'_>) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "{DUE} SELECT min(iif(read, 0, owed_since)) FROM owed_receipt WHERE chat_id IN (SELECT chat_id FROM due)"
    );
    Ok(at.sql().prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
}

/// Nobody of a chat is to be told anything of what they have sent so far.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM owed_receipt WHERE chat_id = ?1")?.execute([chat.0])?;
    Ok(())
}

/// Takes receipts of one kind for one chat, up to `limit`, which the caller sends in the same transaction: those of which the first is
/// owed since `until_ms` at the latest, with those behind it.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn take(tx: &Tx<'_>, limit: usize, until_ms: i64) -> Result<Option<Owed>, StoreError> {
    let sql = format!(
        "{DUE} SELECT chat_id, read FROM owed_receipt
         WHERE chat_id IN (SELECT chat_id FROM due) AND (read OR owed_since <= ?1) LIMIT 1"
    );
    let mut first = tx.sql().prepare_cached(&sql)?;
    let mut rows = first.query([until_ms])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (chat, read) = (ChatId(row.get(0)?), row.get(1)?);
    drop(rows);
    let mut query = tx.sql().prepare_cached(
        "DELETE FROM owed_receipt WHERE chat_id = ?1 AND read = ?2 AND message_id IN
             (SELECT message_id FROM owed_receipt WHERE chat_id = ?1 AND read = ?2 LIMIT ?3)
         RETURNING message_id",
    )?;
    let rows = query.query_map(params![chat.0, read, to_sql(limit as u64)], |row| Ok(message_id(row, 0)))?;
    let message_ids = rows.map(|row| row?).collect::<Result<_, StoreError>>()?;
    tx.changed(Change::Task(TASK));
    Ok(Some(Owed { chat, read, message_ids }))
}
