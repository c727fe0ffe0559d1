//! Commits that the server took and that this device could not follow: it says so, once.

use privmsg_protocol::{Epoch, GroupId};
use rusqlite::params;

use crate::sql_types::{from_sql, to_sql};
use crate::{Change, Snapshot, StoreError, Tx, groups};

/// Epochs back that are remembered: of older ones the server does not want to hear.
const KEPT: u64 = 8;

/// Notes that the commit to an epoch of a group cannot be followed. Returns `false` if that was known.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, group: &GroupId, epoch: Epoch) -> Result<bool, StoreError> {
    let id = group.as_bytes().as_slice();
    tx.sql()
        .prepare_cached("DELETE FROM unusable_commit WHERE group_id = ?1 AND epoch < ?2")?
        .execute(params![id, to_sql(epoch.0.saturating_sub(KEPT))])?;
    let noted = tx
        .sql()
        .prepare_cached("INSERT OR IGNORE INTO unusable_commit (group_id, epoch, reported) VALUES (?1, ?2, 0)")?
        .execute(params![id, to_sql(epoch.0)])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(noted > 0)
}

/// The epochs of a group whose commits the server has not been told about, the first one first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn unreported(at: &Snapshot<'_>, group: &GroupId) -> Result<Vec<Epoch>, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT epoch FROM unusable_commit WHERE group_id = ?1 AND reported = 0 ORDER BY epoch")?;
    let rows = query.query_map([group.as_bytes().as_slice()], |row| Ok(Epoch(from_sql(row.get(0)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The server has been told, or does not want to be.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn reported(tx: &Tx<'_>, group: &GroupId, epoch: Epoch) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE unusable_commit SET reported = 1 WHERE group_id = ?1 AND epoch = ?2")?
        .execute(params![group.as_bytes().as_slice(), to_sql(epoch.0)])?;
    Ok(())
}
