//! Files that must be uploaded before a queued message can be sent.

use std::fmt;
use std::path::PathBuf;

use privmsg_protocol::{FileId, MessageId};
use rusqlite::{OptionalExtension, Row, params};
use zeroize::Zeroizing;

use super::holds::{self, Scope};
use super::{ended_uploads, sealed_files};
use crate::chats::ChatId;
use crate::sql_types::{from_sql, key_bytes, message_id, optional_file_id, to_sql};
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
    /// Its size: when it was queued, and of what was encrypted, once it is.
    pub size: u64,
    /// Where its ciphertext is being made, or was when that was cut off.
    pub sealing: Option<String>,
    /// Its ciphertext, once it is encrypted.
    pub sealed: Option<Sealed>,
    /// The resumable upload on the server, once begun.
    pub upload_id: Option<FileId>,
    /// The most of the ciphertext that the server has ever confirmed, in bytes.
    pub confirmed: u64,
    /// Where the ciphertext lies on the server, once it is there.
    pub file_id: Option<FileId>,
}

/// A file as it was encrypted, once and for all attempts to upload it.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The file of ciphertext, while it is needed.
    pub name: Option<String>,
    /// Bytes of the ciphertext.
    pub len: u64,
    /// Opens it.
    pub key: Zeroizing<[u8; 32]>,
    /// SHA-256 of the plaintext.
    pub digest: [u8; 32],
    /// Bytes of the plaintext.
    pub size: u64,
}

/// Shows no key.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("name", &self.name).field("len", &self.len).finish_non_exhaustive()
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

/// Adds a file that must be uploaded first. Positions give the order within the message. Returns its row.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(tx: &Tx<'_>, outbox_id: i64, position: u32, file: &NewUpload<'_>) -> Result<i64, StoreError> {
    tx.sql().execute(
        "INSERT INTO upload (outbox_id, position, path, name, mime, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![outbox_id, position, file.path, file.name, file.mime, to_sql(file.size)],
    )?;
    tx.changed(Change::Task(TASK));
    Ok(tx.sql().last_insert_rowid())
}

/// Rows of the files that are to be uploaded, in the order in which they were queued.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all_waiting(at: &Snapshot<'_>) -> Result<Vec<i64>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT upload.id FROM upload JOIN outbox ON outbox.id = outbox_id WHERE file_id IS NULL AND held = 0 ORDER BY upload.id")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The files of a queued message, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_queued(at: &Snapshot<'_>, outbox_id: i64) -> Result<Vec<Upload>, StoreError> {
    collect(at, "WHERE outbox_id = ?1 ORDER BY position", [outbox_id])
}

/// Rows of the files that messages of a chat wait for.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<i64>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT upload.id FROM upload JOIN outbox ON outbox.id = outbox_id WHERE chat_id = ?1 AND file_id IS NULL",
    )?;
    Ok(query.query_map([chat.0], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The files of a message that is still waiting for them, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_message(at: &Snapshot<'_>, message: i64) -> Result<Vec<Upload>, StoreError> {
    collect(at, "WHERE outbox_id = (SELECT id FROM outbox WHERE message_row = ?1) ORDER BY position", [message])
}

/// Notes where a file is going to be encrypted. What was begun on the server was of another ciphertext, and is to go.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn begin_sealing(tx: &Tx<'_>, id: i64, name: &str) -> Result<(), StoreError> {
    let began = tx
        .sql()
        .prepare_cached("SELECT upload_id FROM upload WHERE id = ?1")?
        .query_row([id], |row| Ok(optional_file_id(row, 0)))
        .optional()?
        .transpose()?;
    if let Some(upload) = began.flatten() {
        ended_uploads::insert(tx, &upload)?;
    }
    let sql = "UPDATE upload SET sealed = ?2, sealed_size = NULL, upload_id = NULL, confirmed = 0 WHERE id = ?1";
    if tx.sql().execute(sql, params![id, name])? > 0 {
        sealed_files::name(tx, name)?;
    }
    Ok(())
}

/// Notes that a file is encrypted.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_sealed(tx: &Tx<'_>, id: i64, sealed: &Sealed) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE upload SET sealed = ?2, sealed_size = ?3, key = ?4, digest = ?5, size = ?6 WHERE id = ?1",
        params![
            id,
            sealed.name,
            to_sql(sealed.len),
            sealed.key.as_slice(),
            sealed.digest.as_slice(),
            to_sql(sealed.size)
        ],
    )?;
    if let Some(name) = &sealed.name {
        sealed_files::name(tx, name)?;
    }
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Notes the resumable upload on the server, or that there is none any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_upload(tx: &Tx<'_>, id: i64, upload_id: Option<&FileId>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE upload SET upload_id = ?2 WHERE id = ?1", params![id, upload_id.map(FileId::as_str)])?;
    Ok(())
}

/// Notes the most that the server has ever confirmed.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_confirmed(tx: &Tx<'_>, id: i64, bytes: u64) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE upload SET confirmed = ?2 WHERE id = ?1", params![id, to_sql(bytes)])?;
    Ok(())
}

/// Notes that a file is uploaded. Its ciphertext here is not needed any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_uploaded(tx: &Tx<'_>, id: i64, file_id: &FileId) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE upload SET file_id = ?2 WHERE id = ?1", params![id, file_id.as_str()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// The files of a queued message are not to be uploaded any more; what is on the server of them is to go.
pub(super) fn abandon(tx: &Tx<'_>, message: &MessageId) -> Result<(), StoreError> {
    let mut query = tx.sql().prepare_cached(
        "SELECT upload.id, upload_id FROM upload JOIN outbox ON outbox.id = outbox_id WHERE message_id = ?1",
    )?;
    let rows = query.query_map([message.as_bytes().as_slice()], |row| Ok((row.get(0)?, optional_file_id(row, 1))))?;
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let (row, upload) = (row.0, row.1?);
        holds::forget_of(tx, &TASK, Scope::File(row))?;
        if let Some(upload) = upload {
            ended_uploads::insert(tx, &upload)?;
        }
    }
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
    let sql = format!(
        "SELECT id, outbox_id, path, name, mime, size, sealed, sealed_size, key, digest, upload_id, file_id, confirmed
         FROM upload {rest}"
    );
    let mut query = at.sql().prepare_cached(&sql)?;
    let rows = query.query_map(parameters, |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

fn read(row: &Row<'_>) -> Result<Upload, StoreError> {
    let size = from_sql(row.get(5)?);
    let name: Option<String> = row.get(6)?;
    let len: Option<i64> = row.get(7)?;
    let sealing = if len.is_none() { name.clone() } else { None };
    let sealed = match len {
        Some(len) => Some(Sealed {
            name,
            len: from_sql(len),
            key: Zeroizing::new(key_bytes(row, 8)?),
            digest: key_bytes(row, 9)?,
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
        sealing,
        sealed,
        upload_id: optional_file_id(row, 10)?,
        file_id: optional_file_id(row, 11)?,
        confirmed: from_sql(row.get(12)?),
    })
}
