//! What waits to be sent.

use std::path::{Path, PathBuf};

use privmsg_protocol::{Epoch, GroupId, MessageId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::chats::ChatId;
use crate::sql_types::{from_sql, group_id, message_id, to_sql};

/// A queued message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Row; grows in the order of writing.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// Message.
    pub message_id: MessageId,
    /// Encoded content.
    pub content: Vec<u8>,
    /// The message that people see; none for receipts.
    pub message_row: Option<i64>,
    /// Its ciphertext and the epoch that it is for, once encrypted.
    pub encrypted: Option<Encrypted>,
}

/// A ciphertext and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Group.
    pub group: GroupId,
    /// Epoch of the group.
    pub epoch: Epoch,
    /// MLS PrivateMessage.
    pub ciphertext: Vec<u8>,
}

/// A file to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Row.
    pub id: i64,
    /// The queued message that waits for it.
    pub outbox_id: i64,
    /// Source.
    pub path: PathBuf,
    /// Encoded attachment, once uploaded.
    pub attachment: Option<Vec<u8>>,
}

/// Queues a message.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    connection: &Connection,
    chat: ChatId,
    id: &MessageId,
    content: &[u8],
    message_row: Option<i64>,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached("INSERT INTO outbox (chat_id, message_id, content, message_row) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![chat.0, id.as_bytes().as_slice(), content, message_row])?;
    Ok(connection.last_insert_rowid())
}

/// Keeps the text that goes with files which are not uploaded yet.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_caption(connection: &Connection, id: i64, caption: &str) -> Result<(), StoreError> {
    connection.execute("UPDATE outbox SET caption = ?2 WHERE id = ?1", params![id, caption])?;
    Ok(())
}

/// Adds a file that must be uploaded first. Positions give the order within the message.
///
/// # Errors
/// [`StoreError::Invalid`] for a path that is not Unicode, or of the statement.
pub fn insert_upload(connection: &Connection, outbox_id: i64, position: u32, path: &Path) -> Result<(), StoreError> {
    let path = path.to_str().ok_or(StoreError::Invalid("path"))?;
    connection.execute(
        "INSERT INTO upload (outbox_id, position, path) VALUES (?1, ?2, ?3)",
        params![outbox_id, position, path],
    )?;
    Ok(())
}

/// Chats with something queued, the longest waiting first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn chats(connection: &Connection) -> Result<Vec<ChatId>, StoreError> {
    let mut query = connection.prepare_cached("SELECT chat_id FROM outbox GROUP BY chat_id ORDER BY min(id)")?;
    let rows = query.query_map([], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The oldest `limit` queued messages of a chat whose files are uploaded.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn ready(connection: &Connection, chat: ChatId, limit: usize) -> Result<Vec<Queued>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, message_id, content, message_row, group_id, epoch, ciphertext FROM outbox
         WHERE chat_id = ?1 AND NOT EXISTS
             (SELECT 1 FROM upload WHERE outbox_id = outbox.id AND attachment IS NULL)
         ORDER BY id LIMIT ?2",
    )?;
    let rows = query.query_map(params![chat.0, to_sql(limit as u64)], |row| {
        Ok((|| {
            let encrypted = match (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<Vec<u8>>>(6)?) {
                (Some(epoch), Some(ciphertext)) => {
                    Some(Encrypted { group: group_id(row, 4)?, epoch: Epoch(from_sql(epoch)), ciphertext })
                }
                _ => None,
            };
            Ok(Queued {
                id: row.get(0)?,
                chat,
                message_id: message_id(row, 1)?,
                content: row.get(2)?,
                message_row: row.get(3)?,
                encrypted,
            })
        })())
    })?;
    rows.map(|row| row?).collect()
}

/// Keeps the ciphertext of a queued message, in the transaction that advances the ratchet.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_encrypted(connection: &Connection, id: i64, encrypted: &Encrypted) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE outbox SET group_id = ?2, epoch = ?3, ciphertext = ?4 WHERE id = ?1")?
        .execute(params![id, encrypted.group.as_bytes().as_slice(), to_sql(encrypted.epoch.0), encrypted.ciphertext])?;
    Ok(())
}

/// Drops the ciphertext of a message that the server has refused: by the time it is sent again, others of the same
/// sender may have passed it by so far that its key is not kept any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear_encrypted(connection: &Connection, id: &MessageId) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL WHERE message_id = ?1",
        [id.as_bytes().as_slice()],
    )?;
    Ok(())
}

/// Drops ciphertexts of a group that were made before `epoch`: the server has not taken them and will not.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear_encrypted_before(connection: &Connection, group: &GroupId, epoch: Epoch) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL WHERE group_id = ?1 AND epoch < ?2",
        params![group.as_bytes().as_slice(), to_sql(epoch.0)],
    )?;
    Ok(())
}

/// Takes a message out of the queue. Returns the row of the message that people see, or `None` if nothing (or only a
/// receipt) was queued under this id.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(connection: &Connection, id: &MessageId) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached("DELETE FROM outbox WHERE message_id = ?1 RETURNING message_row")?
        .query_row([id.as_bytes().as_slice()], |row| row.get(0))
        .optional()?
        .flatten())
}

/// The next file to upload.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn next_upload(connection: &Connection) -> Result<Option<Upload>, StoreError> {
    uploads(connection, "WHERE attachment IS NULL ORDER BY id LIMIT 1", []).map(|mut found| found.pop())
}

/// The files of a queued message, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn uploads_of(connection: &Connection, outbox_id: i64) -> Result<Vec<Upload>, StoreError> {
    uploads(connection, "WHERE outbox_id = ?1 ORDER BY position", [outbox_id])
}

fn uploads(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Upload>, StoreError> {
    let sql = format!("SELECT id, outbox_id, path, attachment FROM upload {condition}");
    let mut query = connection.prepare_cached(&sql)?;
    let rows = query.query_map(parameters, |row| {
        Ok(Upload {
            id: row.get(0)?,
            outbox_id: row.get(1)?,
            path: row.get::<_, String>(2)?.into(),
            attachment: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a file is uploaded.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_uploaded(connection: &Connection, upload_id: i64, attachment: &[u8]) -> Result<(), StoreError> {
    connection.execute("UPDATE upload SET attachment = ?2 WHERE id = ?1", params![upload_id, attachment])?;
    Ok(())
}

/// Replaces the content of a queued message, once all its files are known.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_content(connection: &Connection, id: i64, content: &[u8]) -> Result<(), StoreError> {
    connection.execute("UPDATE outbox SET content = ?2 WHERE id = ?1", params![id, content])?;
    Ok(())
}

/// A queued message whose files are (being) uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedFiles {
    /// Message.
    pub message_id: MessageId,
    /// Text that goes with the files.
    pub caption: String,
    /// The message that people see.
    pub message_row: Option<i64>,
}

/// Reads a queued message with files by its row.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load_files(connection: &Connection, id: i64) -> Result<Option<QueuedFiles>, StoreError> {
    connection
        .prepare_cached("SELECT message_id, caption, message_row FROM outbox WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(
                (|| {
                    Ok(QueuedFiles { message_id: message_id(row, 0)?, caption: row.get(1)?, message_row: row.get(2)? })
                })(),
            )
        })
        .optional()?
        .transpose()
}
