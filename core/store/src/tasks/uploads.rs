//! Files that must be uploaded before a queued message can be sent.

use std::fmt;
use std::path::PathBuf;

use privmsg_protocol::{FileId, MessageId};
use rusqlite::{OptionalExtension, Row, params};
use zeroize::Zeroizing;

use crate::chats::ChatId;
use crate::sql_types::{from_sql, key_bytes, message_id, to_sql};
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// The queue.
pub const TASK: TaskName = TaskName::new("uploads");

/// A file to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Row.
    pub id: i64,
    /// The queued message that waits for it.
    pub outbox_id: i64,
    /// Source.
    pub path: PathBuf,
    /// Its name, as the recipient sees it.
    pub name: String,
    /// Its media type.
    pub mime: String,
    /// Its size when it was queued.
    pub size: u64,
    /// Where its ciphertext is, and what opens it, once uploaded.
    pub uploaded: Option<Uploaded>,
}

/// A file on the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where the ciphertext lies.
    pub file_id: FileId,
    /// Opens it.
    pub key: Zeroizing<[u8; 32]>,
    /// SHA-256 of the file.
    pub digest: [u8; 32],
    /// Its size.
    pub size: u64,
}

/// Shows no key.
impl fmt::Debug for Uploaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploaded").field("file_id", &self.file_id).finish_non_exhaustive()
    }
}

/// A file that is to be uploaded.
#[derive(Debug, Clone)]
pub struct NewUpload<'a> {
    /// Source. The column holds Unicode.
    pub path: &'a str,
    /// Its name, as the recipient sees it.
    pub name: &'a str,
    /// Its media type.
    pub mime: &'a str,
    /// Its size now.
    pub size: u64,
}

/// A queued message whose files are (being) uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedFiles {
    /// Chat.
    pub chat: ChatId,
    /// Message.
    pub message_id: MessageId,
    /// The message that people see.
    pub message_row: Option<i64>,
    /// Encoded content, in which the files are still missing.
    pub content: Vec<u8>,
}

/// Adds a file that must be uploaded first. Positions give the order within the message.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(tx: &Tx<'_>, outbox_id: i64, position: u32, file: &NewUpload<'_>) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT INTO upload (outbox_id, position, path, name, mime, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![outbox_id, position, file.path, file.name, file.mime, to_sql(file.size)],
    )?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// The next `limit` files to upload.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn next(at: &Snapshot<'_>, limit: u32) -> Result<Vec<Upload>, StoreError> {
    collect(at, "WHERE file_id IS NULL ORDER BY id LIMIT ?1", [limit])
}

/// The files of a queued message, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_queued(at: &Snapshot<'_>, outbox_id: i64) -> Result<Vec<Upload>, StoreError> {
    collect(at, "WHERE outbox_id = ?1 ORDER BY position", [outbox_id])
}

/// The files of a message that is still waiting for them, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_message(at: &Snapshot<'_>, message: i64) -> Result<Vec<Upload>, StoreError> {
    collect(at, "WHERE outbox_id = (SELECT id FROM outbox WHERE message_row = ?1) ORDER BY position", [message])
}

/// Notes that a file is uploaded.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_uploaded(tx: &Tx<'_>, id: i64, uploaded: &Uploaded) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE upload SET file_id = ?2, key = ?3, digest = ?4, size = ?5 WHERE id = ?1",
        params![
            id,
            uploaded.file_id.as_str(),
            uploaded.key.as_slice(),
            uploaded.digest.as_slice(),
            to_sql(uploaded.size)
        ],
    )?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Reads a queued message with files by its row in the outbox.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn queued(at: &Snapshot<'_>, outbox_id: i64) -> Result<Option<QueuedFiles>, StoreError> {
    at.sql()
        .prepare_cached("SELECT chat_id, message_id, message_row, content FROM outbox WHERE id = ?1")?
        .query_row([outbox_id], |row| {
            Ok((|| {
                Ok(QueuedFiles {
                    chat: ChatId(row.get(0)?),
                    message_id: message_id(row, 1)?,
                    message_row: row.get(2)?,
                    content: row.get(3)?,
                })
            })())
        })
        .optional()?
        .transpose()
}

/// The file with this row, while its message waits.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, id: i64) -> Result<Option<Upload>, StoreError> {
    Ok(collect(at, "WHERE id = ?1", [id])?.pop())
}

fn collect(at: &Snapshot<'_>, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<Upload>, StoreError> {
    let sql = format!("SELECT id, outbox_id, path, name, mime, size, file_id, key, digest FROM upload {rest}");
    let mut query = at.sql().prepare_cached(&sql)?;
    let rows = query.query_map(parameters, |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

fn read(row: &Row<'_>) -> Result<Upload, StoreError> {
    let size = from_sql(row.get(5)?);
    let uploaded = match row.get::<_, Option<String>>(6)? {
        Some(id) => Some(Uploaded {
            file_id: FileId::new(&id).map_err(|_| StoreError::Invalid("file id"))?,
            key: Zeroizing::new(key_bytes(row, 7)?),
            digest: key_bytes(row, 8)?,
            size,
        }),
        None => None,
    };
    Ok(Upload {
        id: row.get(0)?,
        outbox_id: row.get(1)?,
        path: row.get::<_, String>(2)?.into(),
        name: row.get(3)?,
        mime: row.get(4)?,
        size,
        uploaded,
    })
}
