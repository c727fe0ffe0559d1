//! Groups in which the server is ahead of this device, or that it should be in and is not.

use privmsg_protocol::{Epoch, GroupId, Seq};
use rusqlite::params;

use crate::chats::ChatId;
use crate::sql_types::{from_sql, group_id, to_sql};
use crate::{Change, Snapshot, StoreError, Tx, groups};

/// Groups that are kept: a server may name as many as it likes. The others are found at the next comparison.
const KEPT: i64 = 10_000;

/// A group to be caught up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// Group.
    pub group: GroupId,
    /// The server's epoch, if it has named it.
    pub epoch: Option<Epoch>,
    /// This device has to have everything up to this number, or it may not go on as the leaf that it is.
    pub seq: Option<Seq>,
    /// What comes after this number is for this device: it was invited there, and could not use the invitation.
    pub since: Option<Seq>,
    /// The chat that it would carry, where a person of this user has to answer before the device joins.
    pub chat: Option<ChatId>,
    /// When to give up waiting for what leads there, and join anew, ms.
    pub join_at: i64,
    /// How often it was noted.
    pub noted: u64,
}

/// Notes that the server is ahead, at `epoch` if it has said so. A time that was set before stays. Without an epoch
/// nothing but joining anew helps, whatever is heard afterwards.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn put(tx: &Tx<'_>, group: &GroupId, epoch: Option<Epoch>, join_at: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT INTO lag (group_id, epoch, join_at)
             SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM lag) < ?4
             ON CONFLICT (group_id) DO UPDATE SET
                 epoch = iif(?2 IS NULL OR (epoch IS NULL AND seq IS NULL), NULL, max(?2, coalesce(epoch, 0))),
                 seq = iif(?2 IS NULL, NULL, seq), noted = noted + 1",
        )?
        .execute(params![group.as_bytes().as_slice(), epoch.map(|epoch| to_sql(epoch.0)), join_at, KEPT])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// Notes that numbers up to `seq` have not come. What was noted before stays, too.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn put_missing(tx: &Tx<'_>, group: &GroupId, seq: Seq, join_at: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT INTO lag (group_id, seq, join_at)
             SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM lag) < ?4
             ON CONFLICT (group_id) DO UPDATE SET seq = iif(epoch IS NULL AND seq IS NULL, NULL, max(?2, coalesce(seq, 0)))",
        )?
        .execute(params![group.as_bytes().as_slice(), to_sql(seq.0), join_at, KEPT])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// Notes that only joining anew helps, and that what comes after `since` was for this device.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put_invited(tx: &Tx<'_>, group: &GroupId, since: Option<Seq>, join_at: i64) -> Result<(), StoreError> {
    put(tx, group, None, join_at)?;
    tx.sql()
        .prepare_cached("UPDATE lag SET since = coalesce(since, ?2) WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), since.map(|seq| to_sql(seq.0))])?;
    Ok(())
}

/// Notes which chat a group would carry that is not joined before a person has answered.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_chat(tx: &Tx<'_>, group: &GroupId, chat: ChatId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE lag SET chat_id = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), chat.0])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// Sets another time to join anew.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn postpone(tx: &Tx<'_>, group: &GroupId, join_at: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE lag SET join_at = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), join_at])?;
    tx.changed(Change::Task(groups::TASK));
    Ok(())
}

/// Whether more can be noted.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_room(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    let noted: i64 = at.sql().prepare_cached("SELECT count(*) FROM lag")?.query_row([], |row| row.get(0))?;
    Ok(noted < KEPT)
}

/// This device is where the server is, or does not want to be any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    let removed =
        tx.sql().prepare_cached("DELETE FROM lag WHERE group_id = ?1")?.execute([group.as_bytes().as_slice()])?;
    if removed > 0 {
        tx.changed(Change::Task(groups::TASK));
    }
    Ok(())
}

/// That of one group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, group: &GroupId) -> Result<Option<Lag>, StoreError> {
    Ok(collect(at, "WHERE group_id = ?1", [group.as_bytes().as_slice()])?.pop())
}

/// The group that would carry a chat, if that waits for the user's answer.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<GroupId>, StoreError> {
    Ok(collect(at, "WHERE chat_id = ?1", [chat.0])?.pop().map(|lag| lag.group))
}

/// All of them.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<Lag>, StoreError> {
    collect(at, "", [])
}

fn collect(at: &Snapshot<'_>, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<Lag>, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached(&format!("SELECT group_id, epoch, seq, since, join_at, chat_id, noted FROM lag {rest}"))?;
    let rows = query.query_map(parameters, |row| {
        Ok((|| {
            let epoch = row.get::<_, Option<i64>>(1)?.map(|epoch| Epoch(from_sql(epoch)));
            let seq = row.get::<_, Option<i64>>(2)?.map(|seq| Seq(from_sql(seq)));
            let since = row.get::<_, Option<i64>>(3)?.map(|seq| Seq(from_sql(seq)));
            let chat = row.get::<_, Option<i64>>(5)?.map(ChatId);
            let noted = from_sql(row.get(6)?);
            Ok(Lag { group: group_id(row, 0)?, epoch, seq, since, chat, join_at: row.get(4)?, noted })
        })())
    })?;
    rows.map(|row| row?).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    const GROUP: GroupId = GroupId::from_bytes([7; 16]);

    #[tokio::test]
    async fn what_only_joining_anew_mends_stays_so_whatever_is_heard_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let noted = store.write(|tx| {
            put(tx, &GROUP, Some(Epoch(5)), 10)?;
            put(tx, &GROUP, Some(Epoch(4)), 20)?;
            let before = of(tx, &GROUP)?.unwrap();
            put(tx, &GROUP, None, 30)?;
            put(tx, &GROUP, Some(Epoch(9)), 40)?;
            put_missing(tx, &GROUP, Seq(3), 50)?;
            Ok::<_, StoreError>((before, of(tx, &GROUP)?.unwrap()))
        });
        let (before, after) = noted.await.unwrap();
        assert_eq!((before.epoch, before.join_at), (Some(Epoch(5)), 10));
        assert_eq!((after.epoch, after.seq, after.join_at), (None, None, 10));
    }
}
