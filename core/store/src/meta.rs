//! Small numbers with a name: times of the last this and that, cursors.

use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;

/// Reads a number.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn get(connection: &Connection, key: &str) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Writes a number.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(connection: &Connection, key: &str, value: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")?
        .execute(params![key, value])?;
    Ok(())
}
