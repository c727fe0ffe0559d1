//! Which numbers of a group's history have been seen.
//!
//! The server numbers everything in a group without holes. Every number that arrives, on a received message or in the
//! acknowledgement of one's own, is noted here; what is missing below the highest is a hole. Holes are ordinary while
//! messages are on their way. Once the mailbox is empty they are confirmed, and shown.

use privmsg_protocol::{GroupId, Seq};
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::chats::ChatId;
use crate::sql_types::{from_sql, to_sql};

/// A confirmed hole, for people to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// It is behind this message row.
    pub after_message: i64,
    /// How many numbers are missing. Some of them may have been commits, which nobody sees anyway.
    pub missing: u64,
}

/// Notes that `seq` has been seen. Returns `false` if it had been before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(connection: &Connection, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(highest) = highest(connection, group)? else {
        return Ok(true);
    };
    if seq > highest {
        if seq > highest.next() {
            insert(connection, group, highest.next(), Seq(seq.0 - 1))?;
        }
        set_highest(connection, group, seq)?;
        return Ok(true);
    }
    fill(connection, group, seq)
}

/// Whether `seq` has been seen.
///
/// # Errors
/// [`StoreError`] of the queries.
pub fn is_seen(connection: &Connection, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(highest) = highest(connection, group)? else { return Ok(false) };
    Ok(seq <= highest && hole_around(connection, group, seq)?.is_none())
}

/// Starts anew at `seq`, from which on this device takes part. What was missing before is confirmed as missing, the
/// numbers between the highest seen and `seq` too. What is behind `seq` is forgotten: a server that was restored from a
/// backup gives numbers out again.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn restart(connection: &Connection, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    rewind(connection, group, seq)?;
    if let Some(highest) = highest(connection, group)?
        && highest.0 > 0
        && seq > highest.next()
    {
        insert(connection, group, highest.next(), Seq(seq.0 - 1))?;
    }
    set_highest(connection, group, seq)?;
    confirm(connection, group)
}

/// Notes how far the server's numbering has come. What has not been seen up to there is a hole, until it arrives.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn expect(connection: &Connection, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    match highest(connection, group)? {
        Some(highest) if seq > highest => {
            insert(connection, group, highest.next(), seq)?;
            set_highest(connection, group, seq)
        }
        _ => Ok(()),
    }
}

/// Confirms all holes: nothing more is on its way.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn confirm_all(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE gap SET confirmed = 1 WHERE confirmed = 0", [])?;
    Ok(())
}

/// Confirms the holes of a group.
fn confirm(connection: &Connection, group: &GroupId) -> Result<(), StoreError> {
    connection
        .execute("UPDATE gap SET confirmed = 1 WHERE group_id = ?1 AND confirmed = 0", [group.as_bytes().as_slice()])?;
    Ok(())
}

/// Forgets what is behind `seq`.
fn rewind(connection: &Connection, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    if highest(connection, group)?.is_none_or(|highest| highest <= seq) {
        return Ok(());
    }
    let (id, last) = (group.as_bytes().as_slice(), to_sql(seq.0));
    connection.execute("DELETE FROM gap WHERE group_id = ?1 AND first_seq > ?2", params![id, last])?;
    connection.execute("UPDATE gap SET last_seq = ?2 WHERE group_id = ?1 AND last_seq > ?2", params![id, last])?;
    set_highest(connection, group, seq)
}

/// The confirmed holes of a chat, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(connection: &Connection, chat: ChatId) -> Result<Vec<Gap>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT g.after_message, g.last_seq - g.first_seq + 1
         FROM gap g JOIN mls_group m ON m.group_id = g.group_id
         WHERE m.chat_id = ?1 AND g.confirmed = 1 ORDER BY g.after_message, g.id",
    )?;
    let rows =
        query.query_map([chat.0], |row| Ok(Gap { after_message: row.get(0)?, missing: from_sql(row.get(1)?) }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn highest(connection: &Connection, group: &GroupId) -> Result<Option<Seq>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT last_seq FROM mls_group WHERE group_id = ?1")?
        .query_row([group.as_bytes().as_slice()], |row| row.get(0))
        .optional()?
        .map(|seq| Seq(from_sql(seq))))
}

fn set_highest(connection: &Connection, group: &GroupId, seq: Seq) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE mls_group SET last_seq = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), to_sql(seq.0)])?;
    Ok(())
}

fn insert(connection: &Connection, group: &GroupId, first: Seq, last: Seq) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO gap (group_id, first_seq, last_seq, after_message)
             VALUES (?1, ?2, ?3, (SELECT coalesce(max(id), 0) FROM message))",
        )?
        .execute(params![group.as_bytes().as_slice(), to_sql(first.0), to_sql(last.0)])?;
    Ok(())
}

struct Hole {
    id: i64,
    first: i64,
    last: i64,
    after_message: i64,
    confirmed: bool,
}

fn hole_around(connection: &Connection, group: &GroupId, seq: Seq) -> Result<Option<Hole>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id, first_seq, last_seq, after_message, confirmed FROM gap
             WHERE group_id = ?1 AND first_seq <= ?2 AND last_seq >= ?2",
        )?
        .query_row(params![group.as_bytes().as_slice(), to_sql(seq.0)], |row| {
            Ok(Hole {
                id: row.get(0)?,
                first: row.get(1)?,
                last: row.get(2)?,
                after_message: row.get(3)?,
                confirmed: row.get(4)?,
            })
        })
        .optional()?)
}

/// Takes one number out of the hole that it is in.
fn fill(connection: &Connection, group: &GroupId, seq: Seq) -> Result<bool, StoreError> {
    let Some(hole) = hole_around(connection, group, seq)? else { return Ok(false) };
    let seq = to_sql(seq.0);
    connection.prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([hole.id])?;
    let mut keep = connection.prepare_cached(
        "INSERT INTO gap (group_id, first_seq, last_seq, after_message, confirmed)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?2 <= ?3",
    )?;
    for (first, last) in [(hole.first, seq - 1), (seq + 1, hole.last)] {
        keep.execute(params![group.as_bytes().as_slice(), first, last, hole.after_message, hole.confirmed])?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chats::ChatKind;
    use crate::key::DatabaseKey;
    use crate::{Store, chats, groups};

    const GROUP: GroupId = GroupId::from_bytes([1; 16]);

    async fn missing_after(notes: &'static [u64]) -> Vec<u64> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        store
            .transact(move |c| {
                let chat = chats::ensure(c, &ChatKind::SelfNotes, 0)?;
                groups::insert(c, &GROUP, chat, groups::GroupState::Active, 0)?;
                for seq in notes {
                    note(c, &GROUP, Seq(*seq))?;
                }
                confirm_all(c)?;
                Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect())
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn numbers_in_any_order_leave_no_hole() {
        assert_eq!(missing_after(&[1, 2, 3]).await, Vec::<u64>::new());
        assert_eq!(missing_after(&[3, 1, 2]).await, Vec::<u64>::new());
        assert_eq!(missing_after(&[1, 5, 3, 2, 4, 5]).await, Vec::<u64>::new());
    }

    #[tokio::test]
    async fn what_never_came_is_a_hole() {
        assert_eq!(missing_after(&[1, 4]).await, vec![2]);
        assert_eq!(missing_after(&[1, 10, 5]).await, vec![3, 4]);
        assert_eq!(missing_after(&[1, u64::MAX]).await.len(), 1);
    }

    #[tokio::test]
    async fn what_the_server_has_and_never_sends_is_a_hole() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let missing = store
            .transact(|c| {
                let chat = chats::ensure(c, &ChatKind::SelfNotes, 0)?;
                groups::insert(c, &GROUP, chat, groups::GroupState::Active, 0)?;
                note(c, &GROUP, Seq(1))?;
                expect(c, &GROUP, Seq(4))?;
                expect(c, &GROUP, Seq(2))?;
                note(c, &GROUP, Seq(3))?;
                confirm_all(c)?;
                Ok::<_, StoreError>(of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>())
            })
            .await
            .unwrap();
        assert_eq!(missing, [1, 1]);
    }

    #[tokio::test]
    async fn numbers_that_are_given_out_again_are_new() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let (seen, missing) = store
            .transact(|c| {
                let chat = chats::ensure(c, &ChatKind::SelfNotes, 0)?;
                groups::insert(c, &GROUP, chat, groups::GroupState::Active, 0)?;
                for seq in [1, 2, 5, 9] {
                    note(c, &GROUP, Seq(seq))?;
                }
                restart(c, &GROUP, Seq(3))?;
                let seen = [1, 2, 4, 5, 9].map(|seq| is_seen(c, &GROUP, Seq(seq)).unwrap());
                note(c, &GROUP, Seq(4))?;
                note(c, &GROUP, Seq(5))?;
                confirm_all(c)?;
                Ok::<_, StoreError>((seen, of_chat(c, chat)?.iter().map(|gap| gap.missing).collect::<Vec<_>>()))
            })
            .await
            .unwrap();
        assert_eq!(seen, [true, true, false, false, false]);
        assert_eq!(missing, [1], "the third was missing before, and still is");
    }

    #[tokio::test]
    async fn a_repeated_number_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let seen = store
            .transact(|c| {
                let chat = chats::ensure(c, &ChatKind::SelfNotes, 0)?;
                groups::insert(c, &GROUP, chat, groups::GroupState::Active, 0)?;
                Ok::<_, StoreError>([
                    note(c, &GROUP, Seq(1))?,
                    note(c, &GROUP, Seq(3))?,
                    note(c, &GROUP, Seq(1))?,
                    note(c, &GROUP, Seq(2))?,
                    note(c, &GROUP, Seq(2))?,
                ])
            })
            .await
            .unwrap();
        assert_eq!(seen, [true, true, false, true, false]);
    }
}
