//! How often this device has joined groups anew because numbers were missing. That they are is the server's word, and each
//! join costs everybody in the group a commit, and this device what was on its way: it is believed a few times a day.

use privmsg_protocol::GroupId;
use rusqlite::params;

use crate::{Snapshot, StoreError, Tx};

/// Joins of one group in a day.
const A_DAY: i64 = 3;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Notes that a group is joined anew.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, group: &GroupId, now_ms: i64) -> Result<(), StoreError> {
    // Those of the future were noted by a clock that was wrong.
    tx.sql()
        .prepare_cached("DELETE FROM rejoin WHERE joined_at <= ?1 OR joined_at > ?2")?
        .execute(params![now_ms - DAY_MS, now_ms])?;
    tx.sql()
        .prepare_cached("INSERT INTO rejoin (group_id, joined_at) VALUES (?1, ?2)")?
        .execute(params![group.as_bytes().as_slice(), now_ms])?;
    Ok(())
}

/// Whether a group has been joined anew as often as is believed in a day.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn are_spent(at: &Snapshot<'_>, group: &GroupId, now_ms: i64) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT count(*) >= ?4 FROM rejoin WHERE group_id = ?1 AND joined_at > ?2 AND joined_at <= ?3")?
        .query_row(params![group.as_bytes().as_slice(), now_ms - DAY_MS, now_ms, A_DAY], |row| row.get(0))?)
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
                    note(tx, &group, joined_at)?;
                }
                for (group, now) in [(group, DAY_MS + 3), (other, DAY_MS + 3), (group, 2 * DAY_MS), (group, 5)] {
                    spent.push(are_spent(tx, &group, now)?);
                }
                note(tx, &group, 2 * DAY_MS)?;
                spent.push(are_spent(tx, &group, 2 * DAY_MS)?);
                Ok::<_, StoreError>(spent)
            })
            .await
            .unwrap();
        assert_eq!(spent, [false, false, false, true, false, false, false, true]);
    }
}
