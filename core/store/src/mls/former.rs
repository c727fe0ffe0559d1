//! What a group was for this device before it asked to join it anew: by it is read what others had said before the answer, and
//! nothing else is done with it.

use openmls_traits::storage::{CURRENT_VERSION as V, traits};
use privmsg_protocol::{Epoch, GroupId, Seq};
use rusqlite::{OptionalExtension as _, ToSql, params};

use super::provider::MlsStorage;
use super::tables::{MlsStorageError, Tables};
use crate::sql_types::{from_sql, to_sql};
use crate::{Snapshot, StoreError, Tx, epoch_ends};

/// The tables of which a group has rows.
const TABLES: [&str; 5] = ["mls_group_data", "mls_stamp", "mls_group_list", "mls_epoch_keys", "mls_past_leaves"];

/// What is known of such a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Former {
    /// Its epoch.
    pub epoch: Epoch,
    /// When it was put aside, ms.
    pub put_at: i64,
    /// What was said in it bears higher numbers than this, where that is known.
    pub begun_by: Option<Seq>,
    /// What was said in it bears lower numbers than this; none as long as the server has not answered.
    pub ended_by: Option<Seq>,
    /// The highest number that was read by it since.
    pub read_up_to: Option<Seq>,
}

/// OpenMLS storage inside a transaction, in which groups are what they were before.
#[must_use]
pub fn mls_storage<'t>(tx: &'t Tx<'t>) -> MlsStorage<'t> {
    MlsStorage::new(tx, true)
}

/// Puts the state of a group, in this epoch, aside. What was put aside before is gone.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put(
    tx: &Tx<'_>,
    id: &GroupId,
    group: &impl traits::GroupId<V>,
    epoch: Epoch,
    now_ms: i64,
) -> Result<(), StoreError> {
    forget(tx, id)?;
    let begun_by = epoch_ends::span(tx, id, epoch)?.begun_by.map(|seq| to_sql(seq.0));
    let name = |are_former| Tables { sql: tx.sql(), are_former }.name(group).map_err(unnamed);
    let (now, former) = (name(false)?, name(true)?);
    for table in TABLES {
        tx.sql().execute(&format!("UPDATE {table} SET group_id = ?2 WHERE group_id = ?1"), params![*now, *former])?;
    }
    tx.sql()
        .prepare_cached("INSERT INTO mls_former (group_id, name, epoch, put_at, begun_by) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![id.as_bytes().as_slice(), *former, to_sql(epoch.0), now_ms, begun_by])?;
    Ok(())
}

/// What was put aside of a group, if anything.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, id: &GroupId) -> Result<Option<Former>, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT epoch, put_at, begun_by, ended_by, read_up_to FROM mls_former WHERE group_id = ?1")?;
    let found = query.query_row([id.as_bytes().as_slice()], |row| {
        let seq = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(|seq| Seq(from_sql(seq))));
        let (begun_by, ended_by, read_up_to) = (seq(2)?, seq(3)?, seq(4)?);
        Ok(Former { epoch: Epoch(from_sql(row.get(0)?)), put_at: row.get(1)?, begun_by, ended_by, read_up_to })
    });
    Ok(found.optional()?)
}

/// Notes that a message was read by it that has this number.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn has_read(tx: &Tx<'_>, id: &GroupId, seq: Seq) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_former SET read_up_to = max(coalesce(read_up_to, 0), ?2) WHERE group_id = ?1")?
        .execute(params![id.as_bytes().as_slice(), to_sql(seq.0)])?;
    Ok(())
}

/// The server has given the commit that ended its epoch this number.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn is_ended(tx: &Tx<'_>, id: &GroupId, by: Seq) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_former SET ended_by = ?2 WHERE group_id = ?1")?
        .execute(params![id.as_bytes().as_slice(), to_sql(by.0)])?;
    Ok(())
}

/// Nothing more comes that was said in it.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn forget(tx: &Tx<'_>, id: &GroupId) -> Result<(), StoreError> {
    for table in TABLES {
        let sql = format!("DELETE FROM {table} WHERE group_id = (SELECT name FROM mls_former WHERE group_id = ?1)");
        tx.sql().execute(&sql, [id.as_bytes().as_slice()])?;
    }
    tx.sql().prepare_cached("DELETE FROM mls_former WHERE group_id = ?1")?.execute([id.as_bytes().as_slice()])?;
    Ok(())
}

/// Everything that was in the mailbox has come, and with it all that had crossed a join which is answered. One that is not is waited
/// for no longer than since `oldest`, ms.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn are_over(tx: &Tx<'_>, oldest: i64) -> Result<(), StoreError> {
    for id in ids(tx, "SELECT group_id FROM mls_former WHERE ended_by IS NOT NULL OR put_at < ?1", params![oldest])? {
        forget(tx, &id)?;
    }
    Ok(())
}

/// Forgets all of them.
///
/// # Errors
/// [`StoreError`] of the statements.
pub(crate) fn forget_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    for id in ids(tx, "SELECT group_id FROM mls_former", params![])? {
        forget(tx, &id)?;
    }
    Ok(())
}

fn ids(tx: &Tx<'_>, query: &'static str, parameters: &[&dyn ToSql]) -> Result<Vec<GroupId>, StoreError> {
    let mut query = tx.sql().prepare_cached(query)?;
    let rows = query.query_map(parameters, |row| row.get::<_, [u8; 16]>(0))?;
    Ok(rows.map(|id| id.map(GroupId::from_bytes)).collect::<Result<_, _>>()?)
}

pub(super) fn unnamed(error: MlsStorageError) -> StoreError {
    match error {
        MlsStorageError::Sqlite(error) => error.into(),
        MlsStorageError::Codec(_) => StoreError::Invalid("name of a group"),
    }
}
