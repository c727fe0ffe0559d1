//! Files of messages that were asked for.

use privmsg_protocol::ErrorCode;
use rusqlite::{OptionalExtension, Row, params};

use super::holds::{self, Scope};
use super::sealed_files;
use crate::chats::ChatId;
use crate::sql_types::{from_sql, to_sql};
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// The queue.
pub const TASK: TaskName = TaskName::new("downloads");

/// The failure of a file that is not the one that its message describes.
pub const ALTERED: &str = "altered_file";

/// How far a file has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DownloadState {
    /// It is waited for.
    Wanted,
    /// All of it is here, and is what the message describes.
    Here,
    /// Nobody waits for it any more. What has come of it is kept for a while.
    Stopped,
    /// It cannot be had.
    Failed(ErrorCode),
}

/// A file of a message that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Row.
    pub id: i64,
    /// The message's row.
    pub message: i64,
    /// Which of the message's files, from 0.
    pub position: u32,
    /// Where its ciphertext is, in part or whole.
    pub sealed: String,
    /// Bytes of the whole ciphertext.
    pub sealed_size: u64,
    /// How far it has come.
    pub state: DownloadState,
}

/// Asks for a file. One that has failed, waits, or was stopped, is tried at once, from where it is. `name` is for the
/// file that is going to be made, where there is none yet.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn want(
    tx: &Tx<'_>,
    message: i64,
    position: u32,
    name: &str,
    sealed_size: u64,
    now_ms: i64,
) -> Result<Download, StoreError> {
    let known = tx
        .sql()
        .prepare_cached(
            "UPDATE download SET used_at = ?3, failure = NULL, falsified = 0, state = iif(state = 'here', 'here', 'wanted')
             WHERE message_row = ?1 AND position = ?2 RETURNING id",
        )?
        .query_row(params![message, position, now_ms], |row| row.get(0))
        .optional()?;
    match known {
        Some(id) => holds::forget_of(tx, &TASK, Scope::File(id))?,
        None => {
            sealed_files::insert(tx, name, now_ms)?;
            sealed_files::name(tx, name)?;
            tx.sql()
                .prepare_cached(
                    "INSERT INTO download (message_row, position, sealed, sealed_size, state, used_at)
                     VALUES (?1, ?2, ?3, ?4, 'wanted', ?5)",
                )?
                .execute(params![message, position, name, to_sql(sealed_size), now_ms])?;
        }
    }
    note(tx, message)?;
    find(tx, message, position)?.ok_or(StoreError::Invalid("download"))
}

/// The file of a message, if it was asked for.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find(at: &Snapshot<'_>, message: i64, position: u32) -> Result<Option<Download>, StoreError> {
    Ok(collect(at, "WHERE message_row = ?1 AND position = ?2", params![message, position])?.pop())
}

/// The files of a message that were asked for, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_message(at: &Snapshot<'_>, message: i64) -> Result<Vec<Download>, StoreError> {
    collect(at, "WHERE message_row = ?1 ORDER BY position", [message])
}

/// Rows of the files that are wanted, in the order in which they were asked for.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all_wanted(at: &Snapshot<'_>) -> Result<Vec<i64>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT id FROM download WHERE state = 'wanted' ORDER BY id")?;
    Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The file with this row, if it is still wanted.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn wanted(at: &Snapshot<'_>, id: i64) -> Result<Option<Download>, StoreError> {
    Ok(collect(at, "WHERE id = ?1 AND state = 'wanted'", [id])?.pop())
}

/// Notes how far a wanted file has come; whoever waited for it is about to use it. One that nobody wants any more stays as
/// it is, unless it is whole.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_state(tx: &Tx<'_>, id: i64, state: &DownloadState, now_ms: i64) -> Result<(), StoreError> {
    // What has failed is stopped, with the reason beside it.
    let (name, failure) = match state {
        DownloadState::Wanted => ("wanted", None),
        DownloadState::Here => ("here", None),
        DownloadState::Stopped => ("stopped", None),
        DownloadState::Failed(code) => ("stopped", Some(code.as_str())),
    };
    let message = tx
        .sql()
        .prepare_cached(
            "UPDATE download SET state = ?2, failure = ?3, used_at = ?4
             WHERE id = ?1 AND (state = 'wanted' OR ?2 = 'here') RETURNING message_row",
        )?
        .query_row(params![id, name, failure, now_ms], |row| row.get(0))
        .optional()?;
    message.map_or(Ok(()), |message| note(tx, message))
}

/// Nobody writes to a file any more that is not whole: so many bytes of it are there.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_have(tx: &Tx<'_>, id: i64, bytes: u64) -> Result<(), StoreError> {
    let sql = "UPDATE download SET have = ?2 WHERE id = ?1 AND state <> 'here'";
    tx.sql().prepare_cached(sql)?.execute(params![id, to_sql(bytes)])?;
    Ok(())
}

/// What came of a file proved to be another one. Returns how often that was so since it was asked for.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn falsify(tx: &Tx<'_>, id: i64) -> Result<u32, StoreError> {
    let sql = "UPDATE download SET falsified = falsified + 1 WHERE id = ?1 RETURNING falsified";
    Ok(tx.sql().prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Somebody is going to read a file.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn touch(tx: &Tx<'_>, id: i64, now_ms: i64) -> Result<(), StoreError> {
    tx.sql().prepare_cached("UPDATE download SET used_at = ?2 WHERE id = ?1")?.execute([id, now_ms])?;
    Ok(())
}

/// What is here of a file is of no use.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let message = tx
        .sql()
        .prepare_cached("DELETE FROM download WHERE id = ?1 RETURNING message_row")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    holds::forget_of(tx, &TASK, Scope::File(id))?;
    message.map_or(Ok(()), |message| note(tx, message))
}

/// Nobody waits for the files of a message any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn stop(tx: &Tx<'_>, message: i64) -> Result<(), StoreError> {
    let mut stopping = tx.sql().prepare_cached(
        "UPDATE download SET state = 'stopped' WHERE message_row = ?1 AND state = 'wanted' RETURNING id",
    )?;
    let stopped = stopping.query_map([message], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
    stopped.into_iter().try_for_each(|id| holds::forget_of(tx, &TASK, Scope::File(id)))?;
    note(tx, message)
}

/// A message is gone, and its files with it.
pub(crate) fn remove_of(tx: &Tx<'_>, message: i64) -> Result<(), StoreError> {
    of_message(tx, message)?.into_iter().try_for_each(|download| remove(tx, download.id))
}

/// Both who fetches and who shows the message wants to know.
fn note(tx: &Tx<'_>, message: i64) -> Result<(), StoreError> {
    let sql = "SELECT chat_id FROM message WHERE id = ?1";
    let chat = tx.sql().prepare_cached(sql)?.query_row([message], |row| row.get(0))?;
    tx.changed(Change::Task(TASK));
    tx.changed(Change::Message(ChatId(chat), message));
    Ok(())
}

/// Bytes on the disk of files that nobody waits for. How long a file is that is not whole was only said, by who sent it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn kept_bytes(at: &Snapshot<'_>) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(sum(iif(state = 'here', sealed_size, have)), 0) FROM download WHERE state <> 'wanted' AND failure IS NULL";
    Ok(from_sql(at.sql().prepare_cached(sql)?.query_row([], |row| row.get(0))?))
}

/// When the one of them was used that was not used for longest, ms.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn oldest_use(at: &Snapshot<'_>) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(used_at) FROM download WHERE state <> 'wanted' AND failure IS NULL";
    Ok(at.sql().prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?.flatten())
}

/// Rows and sizes of what nobody waits for and nobody has used since `used_before`, ms; what was not used for longest
/// comes first.
pub(super) fn oldest(at: &Snapshot<'_>, used_before: i64) -> Result<Vec<(i64, u64)>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, iif(state = 'here', sealed_size, have) FROM download WHERE state <> 'wanted' AND failure IS NULL AND used_at <= ?1
         ORDER BY used_at, id",
    )?;
    let rows = query.query_map([used_before], |row| Ok((row.get(0)?, from_sql(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn collect(at: &Snapshot<'_>, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<Download>, StoreError> {
    let sql = format!("SELECT id, message_row, position, sealed, sealed_size, state, failure FROM download {rest}");
    let mut query = at.sql().prepare_cached(&sql)?;
    let rows = query.query_map(parameters, |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

fn read(row: &Row<'_>) -> Result<Download, StoreError> {
    let failure: Option<String> = row.get(6)?;
    let state = match (row.get_ref(5)?.as_str().map_err(|_| StoreError::Invalid("state of a download"))?, failure) {
        ("wanted", _) => DownloadState::Wanted,
        ("here", _) => DownloadState::Here,
        (_, Some(code)) => DownloadState::Failed(ErrorCode::from(code.as_str())),
        (_, None) => DownloadState::Stopped,
    };
    Ok(Download {
        id: row.get(0)?,
        message: row.get(1)?,
        position: row.get(2)?,
        sealed: row.get(3)?,
        sealed_size: from_sql(row.get(4)?),
        state,
    })
}
