//! Invitations into groups that have come and were not answered yet: what they need has to be asked of the server.

use privmsg_protocol::{Epoch, GroupId, MessageId, Seq};
use rusqlite::{OptionalExtension, params};

use crate::sql_types::{from_sql, group_id, message_id, to_sql};
use crate::{Change, Snapshot, StoreError, Tx, groups, holds};

/// Invitations that are kept, and how many bytes of them. Whoever sends more gets this device by external commit, later.
const KEPT: i64 = 1_000;
const KEPT_BYTES: i64 = 64 << 20;

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Group.
    pub group: GroupId,
    /// Epoch that it leads to.
    pub epoch: Epoch,
    /// Place of the commit that it belongs to, in the group's history.
    pub seq: Option<Seq>,
    /// What it is to be acknowledged with, once it is used.
    pub message_id: MessageId,
    /// MLS Welcome.
    pub welcome: Vec<u8>,
}

/// Keeps an invitation; the last one into a group counts, and a group that was refused is looked at again for it. Returns
/// whether there was room.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put(tx: &Tx<'_>, welcome: &Welcome) -> Result<bool, StoreError> {
    let kept = tx
        .sql()
        .prepare_cached(
            "INSERT OR REPLACE INTO welcome (group_id, epoch, seq, welcome, message_id)
             SELECT ?1, ?2, ?3, ?4, ?7
             WHERE (SELECT count(*) < ?5 AND coalesce(sum(octet_length(welcome)), 0) + octet_length(?4) <= ?6 FROM welcome)",
        )?
        .execute(params![
            welcome.group.as_bytes().as_slice(),
            to_sql(welcome.epoch.0),
            welcome.seq.map(|seq| to_sql(seq.0)),
            welcome.welcome,
            KEPT,
            KEPT_BYTES,
            welcome.message_id.as_bytes().as_slice()
        ])?;
    if kept > 0 {
        holds::forget(tx, holds::Scope::Group(welcome.group))?;
    }
    tx.changed(Change::Task(groups::TASK));
    Ok(kept > 0)
}

/// The invitation into a group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, group: &GroupId) -> Result<Option<Welcome>, StoreError> {
    let key = group.as_bytes().as_slice();
    at.sql()
        .prepare_cached("SELECT epoch, seq, welcome, message_id FROM welcome WHERE group_id = ?1")?
        .query_row([key], |row| {
            Ok((|| {
                let seq = row.get::<_, Option<i64>>(1)?.map(|seq| Seq(from_sql(seq)));
                let (epoch, message_id) = (Epoch(from_sql(row.get(0)?)), message_id(row, 3)?);
                Ok(Welcome { group: *group, epoch, seq, message_id, welcome: row.get(2)? })
            })())
        })
        .optional()?
        .transpose()
}

/// Whether there is an invitation into the group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_kept(at: &Snapshot<'_>, group: &GroupId) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM welcome WHERE group_id = ?1)")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))?)
}

/// Groups with an invitation.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn groups(at: &Snapshot<'_>) -> Result<Vec<GroupId>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT group_id FROM welcome")?;
    let rows = query.query_map([], |row| Ok(group_id(row, 0)))?;
    rows.map(|row| row?).collect()
}

/// Forgets the invitation into a group: it was used, or is of no use.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM welcome WHERE group_id = ?1")?.execute([group.as_bytes().as_slice()])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}
