//! Files of ciphertext beside the database: what is to be uploaded, and what was downloaded.
//!
//! A file and a row cannot be made in one step. So the row comes first and goes last, and whatever is cut off in between
//! leaves a row that nothing refers to: it names a file to be removed, if there is one.

use rusqlite::params;

use super::downloads;
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// What removes them.
pub const TASK: TaskName = TaskName::new("sealed_files");

/// How long a file that nothing refers to may be one that is still being made, by whichever process: encrypting takes a
/// second for half a gigabyte.
const MAKING_MS: i64 = 24 * 60 * 60 * 1000;

/// Notes a file that is going to be made.
///
/// # Errors
/// [`StoreError`] of the statement; a name that there is already among them.
pub fn insert(tx: &Tx<'_>, name: &str, now_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("INSERT INTO sealed_file (name, making_until) VALUES (?1, ?2)")?
        .execute(params![name, now_ms.saturating_add(MAKING_MS)])?;
    Ok(())
}

/// Something refers to the file now: when nothing does any more, it is not needed.
pub(super) fn name(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.sql().prepare_cached("UPDATE sealed_file SET making_until = 0 WHERE name = ?1")?.execute([name])?;
    Ok(())
}

/// Up to `limit` files that nothing needs: what referred to them is gone, which the database itself notes, and nobody is
/// making them.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn unneeded(at: &Snapshot<'_>, now_ms: i64, limit: u32) -> Result<Vec<String>, StoreError> {
    // A clock that was ahead must not keep them.
    let mut query = at.sql().prepare_cached(
        "SELECT name FROM sealed_file
         WHERE making_until <> 0 AND (making_until < ?1 OR making_until > ?2) LIMIT ?3",
    )?;
    let rows = query.query_map(params![now_ms, now_ms.saturating_add(MAKING_MS), limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A file is gone from the disk.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn remove(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    // An upload that is done keeps its row until its message is sent.
    tx.sql()
        .prepare_cached("UPDATE upload SET sealed = NULL WHERE sealed = ?1 AND file_id IS NOT NULL")?
        .execute([name])?;
    tx.sql().prepare_cached("DELETE FROM sealed_file WHERE name = ?1")?.execute([name])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Drops downloads of which there is more than `limit` bytes: those first that were not used for longest, and none that
/// was used after `used_before`, ms. Files that are still wanted are not counted. Their files are [`unneeded`] then.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn trim(tx: &Tx<'_>, limit: u64, used_before: i64) -> Result<(), StoreError> {
    let mut excess = downloads::kept_bytes(tx)?.saturating_sub(limit);
    for (id, size) in downloads::oldest(tx, used_before)? {
        if excess == 0 {
            break;
        }
        downloads::remove(tx, id)?;
        excess = excess.saturating_sub(size);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
