//! What was refused for good, for whoever waits for a message that people do not see as one.

use privmsg_protocol::MessageId;
use rusqlite::{OptionalExtension, params};

use crate::{Snapshot, StoreError, Tx};

/// The refusal of a message that its author has taken back before it left.
pub const WITHDRAWN: &str = "withdrawn";

/// Refusals that are kept, for whoever waits for a message that people do not see as one.
const REFUSALS: i64 = 1000;

/// Notes that a message was refused for good.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn refuse(tx: &Tx<'_>, id: &MessageId, code: &str) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT OR REPLACE INTO refusal (message_id, code) VALUES (?1, ?2)",
        params![id.as_bytes().as_slice(), code],
    )?;
    let old = tx.sql().last_insert_rowid() - REFUSALS;
    tx.sql().execute("DELETE FROM refusal WHERE id <= ?1", [old])?;
    Ok(())
}

/// Why a message was refused for good, if it was, not long ago.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn refusal(at: &Snapshot<'_>, id: &MessageId) -> Result<Option<String>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT code FROM refusal WHERE message_id = ?1")?
        .query_row([id.as_bytes().as_slice()], |row| row.get(0))
        .optional()?)
}
