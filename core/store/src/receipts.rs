//! Receipts that are owed: collected here, so that a page of incoming messages costs one receipt and not one each.

use privmsg_protocol::MessageId;
use rusqlite::{Connection, params};

use crate::StoreError;
use crate::chats::ChatId;
use crate::sql_types::{message_id, to_sql};

/// Notes that the sender of a message is to be told that it has arrived.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn owe(connection: &Connection, chat: ChatId, message: &MessageId) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO receipt_due (chat_id, message_id) VALUES (?1, ?2)")?
        .execute(params![chat.0, message.as_bytes().as_slice()])?;
    Ok(())
}

/// Chats in which receipts are owed.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn chats(connection: &Connection) -> Result<Vec<ChatId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT DISTINCT chat_id FROM receipt_due")?;
    let rows = query.query_map([], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes up to `limit` receipts of a chat, which the caller sends in the same transaction.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn take(connection: &Connection, chat: ChatId, limit: usize) -> Result<Vec<MessageId>, StoreError> {
    let mut query = connection.prepare_cached(
        "DELETE FROM receipt_due WHERE chat_id = ?1 AND message_id IN
             (SELECT message_id FROM receipt_due WHERE chat_id = ?1 LIMIT ?2)
         RETURNING message_id",
    )?;
    let rows = query.query_map(params![chat.0, to_sql(limit as u64)], |row| Ok(message_id(row, 0)))?;
    rows.map(|row| row?).collect()
}
