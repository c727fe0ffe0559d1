//! Which devices of one's own account this device has ever seen in a list, and since when.
//!
//! Lists are counted in the order in which this device has seen them. What they say themselves, dates above all, whoever signs
//! them can make up, and a device that has left stands in none any more: that it was there is remembered here alone.

use std::collections::HashSet;

use privmsg_protocol::DeviceId;
use rusqlite::params;

use crate::sql_types::{device_id, key_bytes};
use crate::{Snapshot, StoreError, Tx};

/// How many are remembered: whoever signs lists fills no disk. What is not remembered is trusted with nothing.
const MAX: i64 = 10_000;

/// A device, as a list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub device_id: DeviceId,
    /// Its public key.
    pub device_key: [u8; 32],
    /// When it was let in, as the list says, s.
    pub added_at: u64,
}

/// What is remembered of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub device_id: DeviceId,
    /// Its public key.
    pub device_key: [u8; 32],
    /// The first list in which it was seen.
    pub first_list: i64,
    /// The first one since it stands there without a break.
    pub came_list: i64,
    /// The earliest date that a list gave it, s.
    pub first_added: u64,
    /// The latest.
    pub last_added: u64,
}

/// Notes who stands in a list that is the newest now, the `list`-th that this device has seen.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, list: i64, devices: &[Entry]) -> Result<(), StoreError> {
    // Below zero: in the list before, and not yet found in this one.
    tx.sql().execute("UPDATE listed_device SET present = -present", [])?;
    for device in devices {
        let added = i64::try_from(device.added_at).unwrap_or(i64::MAX);
        let (id, key) = (device.device_id.as_str(), device.device_key.as_slice());
        tx.sql()
            .prepare_cached(
                "INSERT INTO listed_device (device_id, device_key, first_list, came_list, first_added, last_added, present)
                 SELECT ?1, ?2, ?3, ?3, ?4, ?4, 1 WHERE (SELECT count(*) FROM listed_device) < ?5
                     OR EXISTS (SELECT 1 FROM listed_device WHERE device_id = ?1 AND device_key = ?2)
                 ON CONFLICT DO UPDATE SET came_list = iif(present = 0, ?3, came_list), present = 1,
                     first_added = min(first_added, ?4), last_added = max(last_added, ?4)",
            )?
            .execute(params![id, key, list, added, MAX])?;
    }
    tx.sql().execute("UPDATE listed_device SET present = 0 WHERE present = -1", [])?;
    Ok(())
}

/// The user is told now that one of them was not there since then, both s. Returns whether that is news: they were told of no other
/// time that it was away, or before this one began.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_unseen(tx: &Tx<'_>, device: &DeviceId, key: &[u8; 32], since: i64, now: i64) -> Result<bool, StoreError> {
    let told = tx
        .sql()
        .prepare_cached(
            "UPDATE listed_device SET unseen_told = ?4
             WHERE device_id = ?1 AND device_key = ?2 AND unseen_told NOT BETWEEN ?3 AND ?4",
        )?
        .execute(params![device.as_str(), key.as_slice(), since, now])?;
    Ok(told > 0)
}

/// All that is remembered.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<Listed>, StoreError> {
    let sql = "SELECT device_id, device_key, first_list, came_list, first_added, last_added FROM listed_device";
    let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| {
        Ok(Listed {
            device_id: device_id(row, 0)?,
            device_key: key_bytes(row, 1)?,
            first_list: row.get(2)?,
            came_list: row.get(3)?,
            first_added: seconds(row.get(4)?),
            last_added: seconds(row.get(5)?),
        })
    })?;
    rows.collect()
}

/// How many of those that stand in the newest list come before a device, by their names.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn before(at: &Snapshot<'_>, device: &DeviceId) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) FROM listed_device WHERE present = 1 AND device_id < ?1";
    Ok(at.sql().prepare_cached(sql)?.query_row([device.as_str()], |row| row.get(0))?)
}

/// Devices that lists have had under more than one key: a name is given to one device, so somebody has spoken for another one.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn under_several_keys(at: &Snapshot<'_>) -> Result<HashSet<DeviceId>, StoreError> {
    let sql = "SELECT device_id FROM listed_device GROUP BY device_id HAVING count(*) > 1";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| device_id(row, 0))?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    fn device(name: &str, key: u8, added_at: u64) -> Entry {
        Entry { device_id: DeviceId::new(name).unwrap(), device_key: [key; 32], added_at }
    }

    #[tokio::test]
    async fn that_one_is_away_is_told_once_for_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let told = store.write(|tx| {
            note(tx, 1, &[device("a", 1, 10)])?;
            let tell = |name, key, since, now| note_unseen(tx, &DeviceId::new(name).unwrap(), &[key; 32], since, now);
            let other = [tell("a", 2, 50, 110)?, tell("b", 1, 50, 110)?];
            let once = [tell("a", 1, 50, 110)?, tell("a", 1, 50, 120)?];
            let by_another_date = [tell("a", 1, 49, 130)?, tell("a", 1, 109, 169)?];
            note(tx, 2, &[device("a", 1, 10)])?;
            let again = [tell("a", 1, 50, 180)?, tell("a", 1, 120, 180)?, tell("a", 1, 120, 190)?];
            let by_a_clock_that_was_ahead = tell("a", 1, 40, 100)?;
            Ok::<_, StoreError>((other, once, by_another_date, again, by_a_clock_that_was_ahead))
        });
        let expected = ([false, false], [true, false], [false, false], [false, true, false], true);
        assert_eq!(told.await.unwrap(), expected);
    }

    #[tokio::test]
    async fn whoever_was_seen_is_remembered_however_lists_date_them_and_when_they_left() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let seen = store.write(|tx| {
            note(tx, 1, &[device("a", 1, 10)])?;
            note(tx, 2, &[device("a", 1, 10), device("b", 2, 20)])?;
            note(tx, 3, &[device("a", 1, 10), device("b", 2, u64::MAX)])?;
            note(tx, 4, &[device("a", 1, 10)])?;
            note(tx, 5, &[device("a", 1, 10), device("b", 2, 5), device("b", 3, 1)])?;
            all(tx)
        });
        let seen: Vec<_> = seen.await.unwrap();
        let lines = seen.iter().map(|one| {
            (one.device_id.as_str(), one.device_key[0], one.first_list, one.came_list, one.first_added, one.last_added)
        });
        let far = i64::MAX.unsigned_abs();
        assert_eq!(lines.collect::<Vec<_>>(), [("a", 1, 1, 1, 10, 10), ("b", 2, 2, 5, 5, far), ("b", 3, 5, 5, 1, 1)]);
    }
}
