//! How often this device has joined groups anew. That it has to is often the server's word, and each join costs everybody in the
//! group a commit, and this device what was on its way: the server is believed a few times a day, and nothing that it says makes
//! the device join again and again without a pause.

use privmsg_protocol::GroupId;
use rusqlite::params;

use crate::{Snapshot, StoreError, Tx};

/// Joins of one group in a day for nothing but the server's word.
const A_DAY: i64 = 3;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Joins in a day that are made at once. The pause before the next doubles with each.
const AT_ONCE: u32 = 3;
const FIRST_PAUSE_MS: i64 = 1_000;
const LONGEST_PAUSE_MS: i64 = 60 * 60 * 1000;

/// Notes that a group is joined anew: `believed`, for nothing but the server's word.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, group: &GroupId, believed: bool, now_ms: i64) -> Result<(), StoreError> {
    // Those of the future were noted by a clock that was wrong.
    tx.sql()
        .prepare_cached("DELETE FROM rejoin WHERE joined_at <= ?1 OR joined_at > ?2")?
        .execute(params![now_ms - DAY_MS, now_ms])?;
    tx.sql()
        .prepare_cached("INSERT INTO rejoin (group_id, joined_at, believed) VALUES (?1, ?2, ?3)")?
        .execute(params![group.as_bytes().as_slice(), now_ms, believed])?;
    Ok(())
}

/// Whether the server has been believed about a group as often as it is in a day.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn are_spent(at: &Snapshot<'_>, group: &GroupId, now_ms: i64) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT count(*) >= ?4 FROM rejoin
             WHERE group_id = ?1 AND joined_at > ?2 AND joined_at <= ?3 AND believed <> 0",
        )?
        .query_row(params![group.as_bytes().as_slice(), now_ms - DAY_MS, now_ms, A_DAY], |row| row.get(0))?)
}

/// How long until a group may be joined anew, in milliseconds.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn pause_ms(at: &Snapshot<'_>, group: &GroupId, now_ms: i64) -> Result<i64, StoreError> {
    let (joins, last): (u32, i64) = at
        .sql()
        .prepare_cached(
            "SELECT count(*), coalesce(max(joined_at), 0) FROM rejoin
             WHERE group_id = ?1 AND joined_at > ?2 AND joined_at <= ?3",
        )?
        .query_row(params![group.as_bytes().as_slice(), now_ms - DAY_MS, now_ms], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let Some(more) = joins.checked_sub(AT_ONCE) else { return Ok(0) };
    let pause = FIRST_PAUSE_MS.saturating_mul(1 << more.min(20)).min(LONGEST_PAUSE_MS);
    Ok((last + pause - now_ms).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn the_server_is_believed_three_times_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let spent = store
            .write(|tx| {
                let (group, other) = (GroupId::from_bytes([1; 16]), GroupId::from_bytes([2; 16]));
                let mut spent = Vec::new();
                for joined_at in [DAY_MS, DAY_MS + 1, DAY_MS + 2] {
                    spent.push(are_spent(tx, &group, joined_at)?);
                    note(tx, &group, true, joined_at)?;
                }
                for (group, now) in [(group, DAY_MS + 3), (other, DAY_MS + 3), (group, 2 * DAY_MS), (group, 5)] {
                    spent.push(are_spent(tx, &group, now)?);
                }
                note(tx, &group, true, 2 * DAY_MS)?;
                spent.push(are_spent(tx, &group, 2 * DAY_MS)?);
                Ok::<_, StoreError>(spent)
            })
            .await
            .unwrap();
        assert_eq!(spent, [false, false, false, true, false, false, false, true]);
    }

    #[tokio::test]
    async fn nobody_is_made_to_join_without_a_pause() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let pauses = store
            .write(|tx| {
                let group = GroupId::from_bytes([1; 16]);
                let mut pauses = Vec::new();
                for joins in 0..20 {
                    let pause = pause_ms(tx, &group, DAY_MS)?;
                    if !(6..=18).contains(&joins) {
                        pauses.push(pause);
                    }
                    note(tx, &group, false, DAY_MS)?;
                }
                pauses.push(i64::from(are_spent(tx, &group, DAY_MS)?));
                pauses.push(pause_ms(tx, &group, DAY_MS + LONGEST_PAUSE_MS)?);
                Ok::<_, StoreError>(pauses)
            })
            .await
            .unwrap();
        assert_eq!(pauses, [0, 0, 0, 1_000, 2_000, 4_000, LONGEST_PAUSE_MS, 0, 0]);
    }
}
