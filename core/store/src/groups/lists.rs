//! What a group has to do with device lists.

use privmsg_protocol::GroupId;
use rusqlite::params;

use super::StoredGroup;
use crate::sql_types::to_sql;
use crate::{Snapshot, StoreError, Tx, known_devices, wanted_lists};

/// Whether the people of a group have been told this list of the user's devices, by this device.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_told(at: &Snapshot<'_>, group: &GroupId, list: wanted_lists::Number) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM mls_group WHERE group_id = ?1 AND told_generation = ?2 AND told_counter = ?3)",
    )?;
    Ok(query.query_row(params![group.as_bytes().as_slice(), to_sql(list.0), to_sql(list.1)], |row| row.get(0))?)
}

/// Notes which list of the user's devices its people have been told. `None`: there are some who have not.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_told(tx: &Tx<'_>, group: &GroupId, list: Option<wanted_lists::Number>) -> Result<(), StoreError> {
    let (generation, counter) = list.unwrap_or_default();
    tx.sql()
        .prepare_cached("UPDATE mls_group SET told_generation = ?2, told_counter = ?3 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), to_sql(generation), to_sql(counter)])?;
    Ok(())
}

/// Whether the leaves of this epoch have been compared with the device lists that are known.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_checked(at: &Snapshot<'_>, group: &StoredGroup) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM mls_group WHERE group_id = ?1 AND checked_epoch = ?2 AND checked_lists = ?3)",
    )?;
    let (id, epoch) = (group.group_id.as_bytes().as_slice(), to_sql(group.epoch.0));
    Ok(query.query_row(params![id, epoch, known_devices::changes(at)?], |row| row.get(0))?)
}

/// Notes that all leaves of this epoch stand in the device lists that are known.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_checked(tx: &Tx<'_>, group: &StoredGroup) -> Result<(), StoreError> {
    let (id, epoch) = (group.group_id.as_bytes().as_slice(), to_sql(group.epoch.0));
    tx.sql()
        .prepare_cached("UPDATE mls_group SET checked_epoch = ?2, checked_lists = ?3 WHERE group_id = ?1")?
        .execute(params![id, epoch, known_devices::changes(tx)?])?;
    Ok(())
}

/// The chat of a group is to tell that this device is in it, once it is.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_comes_in(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET comes_in = 1 WHERE group_id = ?1")?
        .execute([group.as_bytes().as_slice()])?;
    Ok(())
}

/// It is. Returns whether the chat is to tell of it, which it does once.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn has_come_in(tx: &Tx<'_>, group: &GroupId) -> Result<bool, StoreError> {
    let told = tx
        .sql()
        .prepare_cached("UPDATE mls_group SET comes_in = 0 WHERE group_id = ?1 AND comes_in = 1")?
        .execute([group.as_bytes().as_slice()])?;
    Ok(told > 0)
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{Epoch, GroupId};

    use super::*;
    use crate::Store;
    use crate::chats::{self, ChatKind};
    use crate::groups::{GroupState, begin_at, insert, load, note_lineage};
    use crate::key::DatabaseKey;

    const GROUP: GroupId = GroupId::from_bytes([7; 16]);

    /// A server can lead this device through an epoch of the same number twice, with other leaves in it.
    #[tokio::test]
    async fn what_was_checked_in_an_epoch_says_nothing_of_another_one_of_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let checked = store.write(|tx| {
            let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
            insert(tx, &GROUP, chat, &[], GroupState::Active, 0)?;
            begin_at(tx, &GROUP, Epoch(4))?;
            let group = load(tx, &GROUP)?.unwrap();
            set_checked(tx, &group)?;
            let before = is_checked(tx, &group)?;
            begin_at(tx, &GROUP, Epoch(4))?;
            Ok::<_, StoreError>((before, is_checked(tx, &group)?))
        });
        assert_eq!(checked.await.unwrap(), (true, false));
    }

    #[tokio::test]
    async fn another_database_of_the_server_is_noticed_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let noticed = store.write(|tx| {
            ["one", "one", "", "no word", "two", "two", "one"].into_iter().map(|name| note_lineage(tx, name)).collect()
        });
        let noticed: Result<Vec<_>, StoreError> = noticed.await;
        assert_eq!(noticed.unwrap(), [false, false, false, false, true, false, true]);
    }
}
