//! The log of changes, by which processes that have the same profile open tell each other what they have committed.

use rusqlite::{Connection, params};

use super::changes::ChangeSet;
use crate::error::StoreError;

/// Entries that are kept. A process that is further behind reads everything.
const KEPT: i64 = 1024;

/// Enters what the transaction of `connection` has changed.
pub(super) fn enter(connection: &Connection, writer: i64, changes: &ChangeSet) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO change_log (writer, changes) VALUES (?1, ?2)")?
        .execute(params![writer, changes.to_json()])?;
    let old = connection.last_insert_rowid() - KEPT;
    connection.prepare_cached("DELETE FROM change_log WHERE id <= ?1")?.execute([old])?;
    Ok(())
}

/// The number of the last entry.
pub(super) fn newest(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.prepare_cached("SELECT coalesce(max(id), 0) FROM change_log")?.query_row([], |row| row.get(0))?)
}

/// What others than `own` have entered after entry `seen`, which moves on.
pub(super) fn read_on(connection: &Connection, own: i64, seen: &mut i64) -> Result<Vec<ChangeSet>, StoreError> {
    let newest = newest(connection)?;
    if newest - *seen > KEPT {
        *seen = newest;
        return Ok(vec![ChangeSet::everything()]);
    }
    let mut query = connection
        .prepare_cached("SELECT changes FROM change_log WHERE id > ?1 AND id <= ?2 AND writer <> ?3 ORDER BY id")?;
    let rows = query.query_map(params![*seen, newest, own], |row| {
        Ok(ChangeSet::from_json(row.get_ref(0)?.as_str().unwrap_or_default()))
    })?;
    let changes = rows.collect::<Result<_, _>>()?;
    *seen = newest;
    Ok(changes)
}
