//! Numbered steps from an empty file to the present schema.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::StoreError;

/// Step n leads to schema n + 1. None is changed once a release has had it.
const STEPS: &[&str] = &[include_str!("../../migrations/0001_initial.sql")];

/// Brings the schema up to date, as a whole or not at all: a process that is killed leaves the old one, and of two that
/// begin together one finds that the other has done it.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if version(connection)? == STEPS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let steps = STEPS.get(found..).ok_or(StoreError::Newer { found: narrow(found), known: narrow(STEPS.len()) })?;
    for step in steps {
        transaction.execute_batch(step).map_err(StoreError::Migration)?;
    }
    transaction.pragma_update(None, "user_version", narrow(STEPS.len()))?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    usize::try_from(version).map_err(|_| StoreError::Invalid("schema version"))
}

fn narrow(version: usize) -> u32 {
    version.try_into().unwrap_or(u32::MAX)
}
