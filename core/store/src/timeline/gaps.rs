//! Which numbers of a group's history have been seen.
//!
//! The server numbers everything in a group without holes. Every number that arrives, on a received message or in the
//! acknowledgement of one's own, is noted here; what is missing below the highest is a hole. Holes are ordinary while
//! messages are on their way. Once the mailbox is empty they are confirmed, and shown.

use privmsg_protocol::{GroupId, Seq};
use rusqlite::{OptionalExtension, params};

use crate::chats::ChatId;
use crate::position::Position;
use crate::sql_types::{from_sql, group_id, to_sql};
use crate::{Change, Snapshot, StoreError, Tx};

/// The highest number that a group can come to: a million a second for twelve days. A server that says more is lying.
pub const LAST: Seq = Seq((1 << 40) - 1);

/// A confirmed hole, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Where the first missing number would stand.
    pub position: Position,
    /// How many numbers are missing. Some of them may have been commits, which nobody sees anyway.
    pub missing: u64,
}

/// Notes that `seq` has been seen. Returns `false` if it had been before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let seq = seq.min(LAST);
    let Some(highest) = highest(tx, group)? else {
        return Ok(true);
    };
    if seq > highest {
        if seq > highest.next() {
            insert(tx, group, highest.next(), Seq(seq.0 - 1))?;
        }
        set_highest(tx, group, seq)?;
        return Ok(true);
    }
    fill(tx, group, seq)
}

/// Whether `seq` has been seen.
///
/// # Errors
/// [`StoreError`] of the queries.
pub fn is_seen(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(highest) = highest(at, group)? else { return Ok(false) };
    Ok(seq <= highest && hole_around(at, group, seq)?.is_none())
}

/// Notes that `seq` has come, and that nobody will ever read it here: it is shown as missing. Returns `false` if it had
/// been seen before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn lose(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let new = note(tx, group, seq)?;
    if new {
        let seq = to_sql(seq.min(LAST).0);
        keep(tx, group, seq, seq, true)?;
        shown(tx, group)?;
    }
    Ok(new)
}

/// Takes all numbers from `first` to `last` as seen: they were kept from this device, because the user wants it so.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn withhold(tx: &Tx<'_>, group: &GroupId, first: Seq, last: Seq) -> Result<(), StoreError> {
    let (first, last) = (first.min(LAST), last.min(LAST));
    let Some(highest) = highest(tx, group)? else { return Ok(()) };
    if first > last {
        return Ok(());
    }
    let mut was_shown = false;
    for hole in holes_within(tx, group, first, last)? {
        tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
        keep(tx, group, hole.first, hole.last.min(to_sql(first.0) - 1), hole.confirmed)?;
        keep(tx, group, hole.first.max(to_sql(last.0) + 1), hole.last, hole.confirmed)?;
        was_shown |= hole.confirmed;
    }
    if last > highest {
        if first > highest.next() {
            insert(tx, group, highest.next(), Seq(first.0 - 1))?;
        }
        set_highest(tx, group, last)?;
    }
    if was_shown { shown(tx, group) } else { Ok(()) }
}

/// How many numbers of a group up to `seq` have not come, and may still.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn open_up_to(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<u64, StoreError> {
    let count: i64 = at
        .sql()
        .prepare_cached(
            "SELECT coalesce(sum(min(last_seq, ?2) - first_seq + 1), 0) FROM gap
             WHERE group_id = ?1 AND first_seq <= ?2 AND confirmed = 0",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.min(LAST).0)], |row| row.get(0))?;
    Ok(from_sql(count))
}

/// Takes it that this device was to see everything after `seq`, in a group in which it has seen nothing.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn begin_after(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    match highest(tx, group)? {
        Some(Seq(0)) => set_highest(tx, group, seq.min(LAST)),
        _ => Ok(()),
    }
}

/// Starts anew at `seq`, from which on this device takes part. What was missing before is confirmed as missing, the
/// numbers between the highest seen and `seq` too. What was behind `seq` when this device asked to join
/// ([`crate::groups::note_seen`]) is forgotten: a server that was restored from a backup gives numbers out again. What is
/// behind it and has come since belongs to what begins.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn restart(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    let seq = seq.min(LAST);
    let begins_anew = seen_before(tx, group)? > seq;
    if begins_anew {
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

fn seen_before(at: &Snapshot<'_>, group: &GroupId) -> Result<Seq, StoreError> {
    let seen: Option<i64> = at
        .sql()
        .prepare_cached("SELECT seen_before FROM mls_group WHERE group_id = ?1")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))
        .optional()?;
    Ok(Seq(seen.map_or(0, from_sql)))
}

/// Notes how far the server's numbering has come. What has not been seen up to there is a hole, until it arrives.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn expect(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    let seq = seq.min(LAST);
    match highest(tx, group)? {
        Some(highest) if seq > highest => {
            insert(tx, group, highest.next(), seq)?;
            set_highest(tx, group, seq)
        }
        _ => Ok(()),
    }
}

/// Confirms all holes: nothing more is on its way. Those that a group is joined anew for
/// ([`crate::lags::put_missing`]) stay open until it has been, and those of the groups `but`.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn confirm_all(tx: &Tx<'_>, but: &[GroupId]) -> Result<(), StoreError> {
    let open: Vec<_> = {
        let mut query = tx.sql().prepare_cached(
            "SELECT id, group_id, chat_id FROM gap WHERE confirmed = 0
                 AND group_id NOT IN (SELECT group_id FROM lag WHERE seq IS NOT NULL)",
        )?;
        let rows = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, group_id(row, 1), ChatId(row.get(2)?))))?;
        rows.collect::<Result<_, _>>()?
    };
    for (id, group, chat) in open {
        if !but.contains(&group?) {
            tx.sql().prepare_cached("UPDATE gap SET confirmed = 1 WHERE id = ?1")?.execute([id])?;
            tx.changed(Change::Chat(chat));
        }
    }
    Ok(())
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

/// Forgets what is behind `seq`. What comes next is a history of its own, behind all that was said before.
fn rewind(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    if highest(tx, group)?.is_none_or(|highest| highest <= seq) {
        return Ok(());
    }
    let (id, last) = (group.as_bytes().as_slice(), to_sql(seq.0));
    tx.sql().execute("DELETE FROM gap WHERE group_id = ?1 AND first_seq > ?2", params![id, last])?;
    tx.sql().execute("UPDATE gap SET last_seq = ?2 WHERE group_id = ?1 AND last_seq > ?2", params![id, last])?;
    crate::groups::renumber(tx, group)?;
    set_highest(tx, group, seq)
}

/// The confirmed holes of a chat that begin between two positions, both included, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn between(at: &Snapshot<'_>, chat: ChatId, from: Position, to: Position) -> Result<Vec<Gap>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT ordinal, first_seq, last_seq - first_seq + 1 FROM gap
         WHERE chat_id = ?1 AND (ordinal, first_seq) >= (?2, ?3) AND (ordinal, first_seq) <= (?4, ?5) AND confirmed = 1
         ORDER BY ordinal, first_seq",
    )?;
    let (from, to) = (from.ordinal_and_seq(), to.ordinal_and_seq());
    let rows = query.query_map(params![chat.0, from.0, from.1, to.0, to.1], |row| {
        let position = Position::numbered(row.get(0)?, Seq(from_sql(row.get(1)?)));
        Ok(Gap { position, missing: from_sql(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn highest(at: &Snapshot<'_>, group: &GroupId) -> Result<Option<Seq>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT last_seq FROM mls_group WHERE group_id = ?1")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))
        .optional()?
        .map(|seq| Seq(from_sql(seq))))
}

fn set_highest(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET last_seq = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), to_sql(seq.0)])?;
    Ok(())
}

fn insert(tx: &Tx<'_>, group: &GroupId, first: Seq, last: Seq) -> Result<(), StoreError> {
    keep(tx, group, to_sql(first.0), to_sql(last.0), false)
}

fn keep(tx: &Tx<'_>, group: &GroupId, first: i64, last: i64, confirmed: bool) -> Result<(), StoreError> {
    // What is lost one after the other is one hole, however much of it there is.
    if confirmed && first <= last {
        let extended = tx
            .sql()
            .prepare_cached(
                "UPDATE gap SET last_seq = ?3 WHERE group_id = ?1 AND last_seq = ?2 - 1 AND confirmed = 1
                     AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
            )?
            .execute(params![group.as_bytes().as_slice(), first, last])?;
        if extended > 0 {
            return Ok(());
        }
    }
    tx.sql()
        .prepare_cached(
            "INSERT INTO gap (group_id, chat_id, ordinal, first_seq, last_seq, confirmed)
             SELECT group_id, chat_id, ordinal, ?2, ?3, ?4 FROM mls_group WHERE group_id = ?1 AND ?2 <= ?3",
        )?
        .execute(params![group.as_bytes().as_slice(), first, last, confirmed])?;
    Ok(())
}

struct Hole {
    id: i64,
    first: i64,
    last: i64,
    confirmed: bool,
}

fn hole_around(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<Option<Hole>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT id, first_seq, last_seq, confirmed FROM gap
             WHERE group_id = ?1 AND first_seq <= ?2 AND last_seq >= ?2",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.0)], |row| {
            Ok(Hole { id: row.get(0)?, first: row.get(1)?, last: row.get(2)?, confirmed: row.get(3)? })
        })
        .optional()?)
}

fn holes_within(at: &Snapshot<'_>, group: &GroupId, first: Seq, last: Seq) -> Result<Vec<Hole>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, first_seq, last_seq, confirmed FROM gap
         WHERE group_id = ?1 AND first_seq <= ?3 AND last_seq >= ?2",
    )?;
    let range = params![group.as_bytes().as_slice(), to_sql(first.0), to_sql(last.0)];
    let rows = query.query_map(range, |row| {
        Ok(Hole { id: row.get(0)?, first: row.get(1)?, last: row.get(2)?, confirmed: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes one number out of the hole that it is in.
fn fill(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(hole) = hole_around(tx, group, seq)? else { return Ok(false) };
    let seq = to_sql(seq.0);
    tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
    keep(tx, group, hole.first, seq - 1, hole.confirmed)?;
    keep(tx, group, seq + 1, hole.last, hole.confirmed)?;
    if hole.confirmed {
        shown(tx, group)?;
    }
    Ok(true)
}

/// The holes that people see have changed.
fn shown(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    if let Some(group) = crate::groups::load(tx, group)? {
        tx.changed(Change::Chat(group.chat));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
