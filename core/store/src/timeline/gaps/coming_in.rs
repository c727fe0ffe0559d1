//! From which number on a device takes part that has come in by itself.

use privmsg_protocol::{GroupId, Seq};
use rusqlite::{OptionalExtension, params};

use super::{LAST, fill, highest, hole_around, insert, keep, set_highest, shown};
use crate::sql_types::{from_sql, to_sql};
use crate::{Snapshot, StoreError, Tx};

/// Takes it that this device was to see everything after `seq`, and nothing before, in a group in which it had seen nothing when it
/// asked to join ([`crate::groups::note_seen`]). What it has seen since came before the answer, and lies behind its own place,
/// wherever that is said to be: only what is missing before the lowest of those numbers can be of before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn begin_after(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    let seq = seq.min(LAST);
    if seen_before(tx, group)?.0 > 0 {
        return Ok(());
    }
    if highest(tx, group)? == Some(Seq(0)) {
        return set_highest(tx, group, seq);
    }
    let Some(hole) = hole_around(tx, group, Seq(1))? else { return Ok(()) };
    tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
    keep(tx, group, to_sql(seq.0) + 1, hole.last, hole.state)?;
    shown(tx, group)
}

/// Whether a number may have been given out again: it had been seen when this device asked to join, and the answer is not there.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn may_be_anew(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    Ok(seq <= seen_before(at, group)?)
}

/// Begins anew before the place is known from which on this device takes part: what it reads now bears numbers that had been
/// seen. Nothing of what it had come to counts any more.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn begin_anew(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    crate::groups::renumber(tx, group)?;
    crate::epoch_ends::forget(tx, group)?;
    tx.sql().execute(
        "UPDATE mls_group SET last_seq = 0, seen_before = 0, reached = 0 WHERE group_id = ?1",
        [group.as_bytes().as_slice()],
    )?;
    Ok(())
}

/// Starts anew at `seq`, from which on this device takes part. What was missing before is confirmed as missing, the
/// numbers between the highest seen and `seq` too. What was behind `seq` when this device asked to join
/// ([`crate::groups::note_seen`]) is of another history: a server that was restored from a backup gives numbers out again. What
/// is behind it and has come since belongs to what begins.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn restart(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    let seq = seq.min(LAST);
    if goes_back(tx, group, seq)? {
        rewind(tx, group, seq)?;
    } else {
        // Its own place is no hole.
        fill(tx, group, seq)?;
    }
    if let Some(highest) = highest(tx, group)?
        && highest <= seq
    {
        if highest.0 > 0 && seq > highest.next() {
            insert(tx, group, highest.next(), Seq(seq.0 - 1))?;
        }
        set_highest(tx, group, seq)?;
    }
    confirm_before(tx, group, seq)
}

/// Whether a device that has asked to join anew had seen more by then than the place that it was given: the server has gone back.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn goes_back(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    Ok(seen_before(at, group)? > seq)
}

fn seen_before(at: &Snapshot<'_>, group: &GroupId) -> Result<Seq, StoreError> {
    let seen: Option<i64> = at
        .sql()
        .prepare_cached("SELECT seen_before FROM mls_group WHERE group_id = ?1")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    Ok(Seq(seen.map_or(0, from_sql)))
}

/// Confirms the holes of a group before `seq`, and of what was before it began anew.
fn confirm_before(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE gap SET confirmed = 1 WHERE group_id = ?1 AND confirmed = 0
             AND (last_seq < ?2 OR ordinal < (SELECT ordinal FROM mls_group WHERE group_id = ?1))",
        params![group.as_bytes().as_slice(), to_sql(seq.0)],
    )?;
    shown(tx, group)
}

/// What comes next is a history of its own, behind all that was said before. What was missing of that is missing for good.
fn rewind(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    if highest(tx, group)?.is_none_or(|highest| highest <= seq) {
        return Ok(());
    }
    crate::groups::renumber(tx, group)?;
    set_highest(tx, group, seq)
}
