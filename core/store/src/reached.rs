//! How far conversations had come that this device did not have yet, as the device has said that let it in. A server that shows
//! them as they were before leads a new device back among people and devices that are there no more.

use privmsg_protocol::{ConversationId, DeviceId, Incarnation};
use rusqlite::{OptionalExtension as _, params};

use crate::sql_types::{from_sql, to_sql};
use crate::{Snapshot, StoreError, Tx};

/// How far a conversation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// Of a group of people: the number of its roster, or 0.
    pub roster: u64,
}

/// Notes what a device has said. Never goes back.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    reached: Reached,
    told_by: &DeviceId,
) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT INTO reached (conversation, incarnation, roster, told_by) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET incarnation = max(incarnation, excluded.incarnation),
                 roster = max(roster, excluded.roster), told_by = excluded.told_by",
        )?
        .execute(params![conversation.as_bytes(), reached.incarnation.0, to_sql(reached.roster), told_by.as_str()])?;
    Ok(())
}

/// How far a conversation had come at least, if that was said and is not known better by now.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, conversation: &ConversationId) -> Result<Option<Reached>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT incarnation, roster FROM reached WHERE conversation = ?1")?
        .query_row([conversation.as_bytes()], |row| {
            Ok(Reached { incarnation: Incarnation(row.get(0)?), roster: from_sql(row.get(1)?) })
        })
        .optional()?)
}

/// The conversation is here now, or was never that far.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, conversation: &ConversationId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM reached WHERE conversation = ?1")?.execute([conversation.as_bytes()])?;
    Ok(())
}

/// Notes what a device says that a group is called.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_title(
    tx: &Tx<'_>,
    conversation: &ConversationId,
    title: &str,
    told_by: &DeviceId,
) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("INSERT OR REPLACE INTO told_title (conversation, title, told_by) VALUES (?1, ?2, ?3)")?
        .execute(params![conversation.as_bytes(), title, told_by.as_str()])?;
    Ok(())
}

/// What a group is called that is here now, if that was said. It is not kept here any longer.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn take_title(tx: &Tx<'_>, conversation: &ConversationId) -> Result<Option<String>, StoreError> {
    let mut taken = tx.sql().prepare_cached("DELETE FROM told_title WHERE conversation = ?1 RETURNING title")?;
    Ok(taken.query_row([conversation.as_bytes()], |row| row.get(0)).optional()?)
}

/// What others than these devices have said counts no more: they may have been in others' hands.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn keep_only_by(tx: &Tx<'_>, devices: &[DeviceId]) -> Result<(), StoreError> {
    let sql = "SELECT told_by FROM reached UNION SELECT told_by FROM told_title";
    let mut query = tx.sql().prepare_cached(sql)?;
    let all = query.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for told_by in all.iter().filter(|one| devices.iter().all(|device| device.as_str() != **one)) {
        tx.sql().prepare_cached("DELETE FROM reached WHERE told_by = ?1")?.execute([told_by])?;
        tx.sql().prepare_cached("DELETE FROM told_title WHERE told_by = ?1")?.execute([told_by])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn it_never_goes_back_and_goes_with_who_has_said_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let (one, other) = (ConversationId::from_bytes([1; 32]), ConversationId::from_bytes([2; 32]));
        let at = |incarnation, roster| Reached { incarnation: Incarnation(incarnation), roster };
        let (phone, thief) = (DeviceId::new("phone").unwrap(), DeviceId::new("thief").unwrap());
        let seen = store.write(move |tx| {
            note(tx, &one, at(2, 7), &phone)?;
            note(tx, &one, at(1, 9), &phone)?;
            note(tx, &other, at(5, 0), &thief)?;
            note_title(tx, &one, "Choir", &phone)?;
            note_title(tx, &other, "Evil", &thief)?;
            let both = (of(tx, &one)?, of(tx, &other)?);
            keep_only_by(tx, std::slice::from_ref(&phone))?;
            let left = (of(tx, &one)?, of(tx, &other)?);
            assert_eq!(take_title(tx, &other)?, None);
            assert_eq!((take_title(tx, &one)?, take_title(tx, &one)?), (Some("Choir".to_owned()), None));
            forget(tx, &one)?;
            Ok::<_, StoreError>([both, left, (of(tx, &one)?, of(tx, &other)?)])
        });
        let known = Some(at(2, 9));
        assert_eq!(seen.await.unwrap(), [(known, Some(at(5, 0))), (known, None), (None, None)]);
    }
}
