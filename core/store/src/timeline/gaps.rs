//! Which numbers of a group's history have been seen.
//!
//! The server numbers everything in a group without holes. Every number that arrives, on a received message or in the
//! acknowledgement of one's own, is noted here; what is missing below the highest is a hole. Holes are ordinary while
//! messages are on their way. Once the mailbox is empty they are confirmed, and shown.

use privmsg_protocol::{GroupId, Seq};
use rusqlite::{OptionalExtension, Row, params};

use crate::chats::{self, ChatId};
use crate::consent::{self, Consent};
use crate::position::Position;
use crate::sql_types::{from_sql, group_id, to_sql};
use crate::{Change, Snapshot, StoreError, Tx};

pub use coming_in::{begin_after, begin_anew, goes_back, may_be_anew, restart};
pub use wanted::{any_kept_back, take_out};
pub(crate) use wanted::{is_wanted, is_wanted_in};

/// The highest number that a group can come to: a million a second for twelve days. A server that says more is lying.
pub const LAST: Seq = Seq((1 << 40) - 1);

/// How far a notice about messages that were kept back may lead beyond what has been seen: more than somebody may send in years.
const MAX_WITHHELD_AHEAD: u64 = 1 << 24;

/// What is known of a hole. A number out of any of them that comes after all is read like others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may come.
    Open = 0,
    /// Nothing more is on its way. People see it.
    Confirmed = 1,
    /// The server has kept it from this device, because the user wants it so.
    Withheld = 2,
    /// The server says so, and this device knows of no such wish. People see it, as long as that is so.
    SaidToBeWithheld = 3,
}

/// What people see of them.
const SHOWN: &str = "confirmed IN (1, 3)";

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

/// Whether any number behind `seq` has been seen.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn any_seen_behind(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(behind) = highest(at, group)?.and_then(|highest| highest.0.checked_sub(seq.0)) else { return Ok(false) };
    let missing: i64 = at
        .sql()
        .prepare_cached(
            "SELECT coalesce(sum(last_seq - max(first_seq, ?2 + 1) + 1), 0) FROM gap WHERE group_id = ?1 AND last_seq > ?2
                 AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.0)], |row| row.get(0))?;
    Ok(from_sql(missing) < behind)
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
        keep(tx, group, seq, seq, State::Confirmed)?;
        shown(tx, group)?;
    }
    Ok(new)
}

/// The server says that it has kept all numbers from `first` to `last` from this device, because the user wants it so. That
/// proves nothing: what was confirmed as missing stays so, what comes of them is read, and where the user is not known to want
/// it (`wanted`), they are shown as missing.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn withhold(tx: &Tx<'_>, group: &GroupId, first: Seq, last: Seq, wanted: bool) -> Result<(), StoreError> {
    let Some(highest) = highest(tx, group)? else { return Ok(()) };
    if first > last || last.0 > highest.0.saturating_add(MAX_WITHHELD_AHEAD) {
        return Ok(());
    }
    let state = if wanted { State::Withheld } else { State::SaidToBeWithheld };
    for hole in open_within(tx, group, first, last)? {
        let (from, to) = (hole.first.max(to_sql(first.0)), hole.last.min(to_sql(last.0)));
        tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
        keep(tx, group, hole.first, from - 1, State::Open)?;
        keep(tx, group, from, to, state)?;
        keep(tx, group, to + 1, hole.last, State::Open)?;
    }
    if last > highest {
        if first > highest.next() {
            insert(tx, group, highest.next(), Seq(first.0 - 1))?;
        }
        keep(tx, group, to_sql(first.max(highest.next()).0), to_sql(last.0), state)?;
        set_highest(tx, group, last)?;
    }
    shown(tx, group)
}

/// Whether the server has kept a number from this device, as its user wanted it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_withheld(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    Ok(hole_around(at, group, seq)?.is_some_and(|hole| hole.state == State::Withheld))
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
             WHERE group_id = ?1 AND first_seq <= ?2 AND confirmed = 0
                 AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.min(LAST).0)], |row| row.get(0))?;
    Ok(from_sql(count))
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

/// Forgets so many of the newest numbers that have not come, and may still: they are this device's own, as far as it knows.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn pass_over_newest(tx: &Tx<'_>, group: &GroupId, count: u64) -> Result<(), StoreError> {
    let mut left = to_sql(count);
    for hole in open_within(tx, group, Seq(0), LAST)?.into_iter().rev() {
        let kept = (hole.last - left).max(hole.first - 1);
        left -= hole.last - kept;
        tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
        keep(tx, group, hole.first, kept, State::Open)?;
        if left == 0 {
            break;
        }
    }
    Ok(())
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
            let wanted = consent::of(tx, &chats::load(tx, chat)?.kind)? == Consent::Declined;
            let state = if wanted { State::Withheld } else { State::Confirmed };
            tx.sql().prepare_cached("UPDATE gap SET confirmed = ?2 WHERE id = ?1")?.execute([id, state as i64])?;
            tx.changed(Change::Chat(chat));
        }
    }
    Ok(())
}

/// The confirmed holes of a chat that begin between two positions, both included, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn between(at: &Snapshot<'_>, chat: ChatId, from: Position, to: Position) -> Result<Vec<Gap>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!(
        "SELECT ordinal, first_seq, last_seq - first_seq + 1 FROM gap
             WHERE chat_id = ?1 AND (ordinal, first_seq) >= (?2, ?3) AND (ordinal, first_seq) <= (?4, ?5) AND {SHOWN}
             ORDER BY ordinal, first_seq"
    ))?;
    let (from, to) = (from.ordinal_and_seq(), to.ordinal_and_seq());
    let rows = query.query_map(params![chat.0, from.0, from.1, to.0, to.1], |row| {
        let position = Position::numbered(row.get(0)?, Seq(from_sql(row.get(1)?)));
        Ok(Gap { position, missing: from_sql(row.get(2)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The highest number of a group that has been seen, if there is the group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn highest(at: &Snapshot<'_>, group: &GroupId) -> Result<Option<Seq>, StoreError> {
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
    keep(tx, group, to_sql(first.0), to_sql(last.0), State::Open)
}

fn keep(tx: &Tx<'_>, group: &GroupId, first: i64, last: i64, state: State) -> Result<(), StoreError> {
    // What is lost or kept back one after the other is one hole, however much of it there is.
    if state != State::Open && first <= last {
        let extended = tx
            .sql()
            .prepare_cached(
                "UPDATE gap SET last_seq = ?3 WHERE group_id = ?1 AND last_seq = ?2 - 1 AND confirmed = ?4
                     AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
            )?
            .execute(params![group.as_bytes().as_slice(), first, last, state as i64])?;
        if extended > 0 {
            return Ok(());
        }
    }
    tx.sql()
        .prepare_cached(
            "INSERT INTO gap (group_id, chat_id, ordinal, first_seq, last_seq, confirmed)
             SELECT group_id, chat_id, ordinal, ?2, ?3, ?4 FROM mls_group WHERE group_id = ?1 AND ?2 <= ?3",
        )?
        .execute(params![group.as_bytes().as_slice(), first, last, state as i64])?;
    Ok(())
}

/// Of the numbers that a group gives now: those that it gave before it began anew come no more.
struct Hole {
    id: i64,
    first: i64,
    last: i64,
    state: State,
}

fn hole(row: &Row<'_>) -> rusqlite::Result<Hole> {
    let state = match row.get(3)? {
        0 => State::Open,
        2 => State::Withheld,
        3 => State::SaidToBeWithheld,
        _ => State::Confirmed,
    };
    Ok(Hole { id: row.get(0)?, first: row.get(1)?, last: row.get(2)?, state })
}

fn hole_around(at: &Snapshot<'_>, group: &GroupId, seq: Seq) -> Result<Option<Hole>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT id, first_seq, last_seq, confirmed FROM gap
             WHERE group_id = ?1 AND first_seq <= ?2 AND last_seq >= ?2
                 AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.0)], hole)
        .optional()?)
}

fn open_within(at: &Snapshot<'_>, group: &GroupId, first: Seq, last: Seq) -> Result<Vec<Hole>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, first_seq, last_seq, confirmed FROM gap
         WHERE group_id = ?1 AND first_seq <= ?3 AND last_seq >= ?2 AND confirmed = 0
             AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)
         ORDER BY first_seq",
    )?;
    let range = params![group.as_bytes().as_slice(), to_sql(first.0), to_sql(last.0)];
    let rows = query.query_map(range, hole)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes one number out of the hole that it is in.
fn fill(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(hole) = hole_around(tx, group, seq)? else { return Ok(false) };
    let seq = to_sql(seq.0);
    tx.sql().prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
    keep(tx, group, hole.first, seq - 1, hole.state)?;
    keep(tx, group, seq + 1, hole.last, hole.state)?;
    if hole.state != State::Open {
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

mod coming_in;
mod wanted;

#[cfg(test)]
mod tests;
