//! Messages that arrived before what they need to be decrypted.

use privmsg_protocol::{Epoch, GroupId, MessageId, Seq};
use rusqlite::params;

use crate::sql_types::to_sql;
use crate::{Snapshot, StoreError, Tx};

/// A parked message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Row.
    pub id: i64,
    /// The delivered frame's payload, as JSON.
    pub frame: String,
}

/// Messages parked for one group, and bytes for all of them, of which a group takes no more than half of what the others leave: so
/// whoever fills one leaves room in each other. What comes beyond that is lost, and shows as a gap. Whoever is invited and comes
/// back to a full mailbox (10,000, as servers come) has all of it parked until the invitation is used.
const KEPT: i64 = 32_768;
const KEPT_BYTES: i64 = 64 << 20;

/// Parks a message until `epoch`; under the same number a second time is the same. Returns whether there was room.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    tx: &Tx<'_>,
    group: &GroupId,
    (message, seq): (&MessageId, Option<Seq>),
    epoch: Epoch,
    frame: &str,
) -> Result<bool, StoreError> {
    let (group, message) = (group.as_bytes().as_slice(), message.as_bytes().as_slice());
    let full: bool = tx
        .sql()
        .prepare_cached(
            "SELECT coalesce((SELECT messages FROM parked_sum WHERE group_id = ?1), 0) >= ?2
                 OR 2 * (coalesce((SELECT bytes FROM parked_sum WHERE group_id = ?1), 0) + octet_length(?3))
                    > ?4 - (SELECT coalesce(sum(bytes), 0) FROM parked_sum WHERE group_id <> ?1)",
        )?
        .query_row(params![group, KEPT, frame, KEPT_BYTES], |row| row.get(0))?;
    if !full {
        tx.sql()
            .prepare_cached(
                "INSERT INTO parked (group_id, message_id, seq, epoch, frame) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (group_id, message_id, seq) DO NOTHING",
            )?
            .execute(params![group, message, seq.map_or(0, |seq| to_sql(seq.0)), to_sql(epoch.0), frame])?;
    }
    Ok(!full)
}

/// Everything parked for a group, in the order of arrival.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_group(at: &Snapshot<'_>, group: &GroupId) -> Result<Vec<Parked>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT id, frame FROM parked WHERE group_id = ?1 ORDER BY id")?;
    let rows =
        query.query_map([group.as_bytes().as_slice()], |row| Ok(Parked { id: row.get(0)?, frame: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What is parked for a group and can be read in `epoch`, by the server's word, in that order. What is of no epoch that
/// the group has come to is not even looked at, however much there is of it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn readable_in(at: &Snapshot<'_>, group: &GroupId, epoch: Epoch) -> Result<Vec<Parked>, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT id, frame FROM parked WHERE group_id = ?1 AND epoch <= ?2 ORDER BY epoch, id")?;
    let rows = query.query_map(params![group.as_bytes().as_slice(), to_sql(epoch.0)], |row| {
        Ok(Parked { id: row.get(0)?, frame: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether anything is parked for a group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn any(at: &Snapshot<'_>, group: &GroupId) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM parked WHERE group_id = ?1)")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))?)
}

/// Removes one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM parked WHERE id = ?1")?.execute([id])?;
    Ok(())
}

/// Removes everything parked for a group: it has been joined anew, and nothing of before can be read any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql().execute("DELETE FROM parked WHERE group_id = ?1", [group.as_bytes().as_slice()])?;
    Ok(())
}
