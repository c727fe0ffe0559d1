//! Numbers with a name: what the user has chosen, times of the last this and that, cursors.

use rusqlite::{OptionalExtension, params};

use crate::{Change, Snapshot, StoreError, Tx};

/// Reads a number.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn get(at: &Snapshot<'_>, name: &str) -> Result<Option<i64>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?)
}

/// Writes a number.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(tx: &Tx<'_>, name: &'static str, value: i64) -> Result<(), StoreError> {
    let changed = tx
        .sql()
        .prepare_cached(
            "INSERT INTO setting (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = ?2 WHERE value <> ?2",
        )?
        .execute(params![name, value])?;
    if changed > 0 {
        tx.changed(Change::Setting(name.into()));
    }
    Ok(())
}
