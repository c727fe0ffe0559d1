//! Which number of a group's history ended an epoch.
//!
//! The server takes a message only in the newest epoch, so its number lies behind the commit that began its epoch and before the one
//! that ended it. A number elsewhere is none that an honest server gives: the order of epochs, which MLS authenticates, is that of
//! numbers, too.
//!
//! A message and the commit that removes its author's device may cross: the server takes both, the message first, and whoever has
//! made the commit is behind it when the message comes. That it was said before is then shown by its number alone.

use privmsg_protocol::{Epoch, GroupId, Seq};
use rusqlite::params;

use crate::sql_types::{from_sql, to_sql};
use crate::{Snapshot, StoreError, Tx};

/// How many of them are known of a group: as of many epochs as MLS keeps keys of, and some.
const KEPT: u64 = 4;

/// How long what has crossed an end may take to come, while this device is connected, ms. The server alone says what is still on
/// its way, and would say it for as long as the keys are kept.
const CROSSING: i64 = 5 * 60 * 1000;

/// So often that begins anew with a connection: a server that breaks each before the time is over and lets this device come to the end
/// of its mailbox on none has an hour for it.
const RENEWALS: u32 = 11;

/// Notes that the commit with this number has `begun` an epoch, and ended the one before. Later ends stay: who joins may have followed
/// others before the answer says where that was.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, group: &GroupId, begun: Epoch, seq: Seq, now_ms: i64) -> Result<(), StoreError> {
    let ended = begun.0.saturating_sub(1);
    tx.sql()
        .prepare_cached(
            "INSERT OR REPLACE INTO epoch_end (group_id, epoch, seq, awaited_since) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![group.as_bytes().as_slice(), to_sql(ended), to_sql(seq.0), now_ms])?;
    tx.sql()
        .prepare_cached("DELETE FROM epoch_end WHERE group_id = ?1 AND epoch < ?2")?
        .execute(params![group.as_bytes().as_slice(), to_sql(ended.saturating_sub(KEPT - 1))])?;
    Ok(())
}

/// This device is connected again: what had crossed an end when the connection broke comes now, if it has not been so too often.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn are_awaited_again(tx: &Tx<'_>, now_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE epoch_end SET awaited_since = ?1, renewed = renewed + 1
             WHERE awaited_since IS NOT NULL AND renewed < ?2",
        )?
        .execute(params![now_ms, RENEWALS])?;
    Ok(())
}

/// Everything that was in the mailbox has come, and with it all that had crossed.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn are_over(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().prepare_cached("UPDATE epoch_end SET awaited_since = NULL WHERE awaited_since IS NOT NULL")?.execute([])?;
    Ok(())
}

/// The commits that began an epoch and ended it, as far as they are known: what was said in it has a number between theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The commit that began it.
    pub begun_by: Option<Seq>,
    /// The commit that ended it.
    pub ended_by: Option<Seq>,
}

impl Span {
    /// Whether a message of this epoch can have got this number.
    #[must_use]
    pub fn has(&self, seq: Seq) -> bool {
        self.begun_by.is_none_or(|begun| begun < seq) && self.ended_by.is_none_or(|ended| seq < ended)
    }
}

/// Between which numbers an epoch lies.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn span(at: &Snapshot<'_>, group: &GroupId, epoch: Epoch) -> Result<Span, StoreError> {
    let seq = |number: Option<i64>| number.map(|number| Seq(from_sql(number)));
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT max(seq) FILTER (WHERE epoch < ?2), min(seq) FILTER (WHERE epoch >= ?2) FROM epoch_end
             WHERE group_id = ?1",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(epoch.0)], |row| {
            Ok(Span { begun_by: seq(row.get(0)?), ended_by: seq(row.get(1)?) })
        })?)
}

/// Forgets them all: what the group's epochs are called begins anew.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM epoch_end WHERE group_id = ?1")?.execute([group.as_bytes().as_slice()])?;
    Ok(())
}

/// Whether a number lies before the end of an epoch, and in a hole that may still be filled: nobody has been told that it is
/// missing, and it is not long since. Of a number that comes later, or behind the end, nobody knows when it was written.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_awaited_from(
    at: &Snapshot<'_>,
    group: &GroupId,
    epoch: Epoch,
    seq: Seq,
    now_ms: i64,
) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM epoch_end
                     WHERE group_id = ?1 AND epoch = ?2 AND seq > ?3 AND awaited_since BETWEEN ?4 - ?5 AND ?4)
                 AND EXISTS (SELECT 1 FROM gap WHERE group_id = ?1 AND confirmed = 0 AND ?3 BETWEEN first_seq AND last_seq
                     AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1))",
        )?
        .query_row(
            params![group.as_bytes().as_slice(), to_sql(epoch.0), to_sql(seq.0), now_ms, CROSSING],
            |row| row.get(0),
        )?)
}
