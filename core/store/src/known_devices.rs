//! What is known of the devices of users, one's own account among them: for each what the highest device list said that
//! this device has seen. The encoding is that of `KnownDevices` in `privmsg-mls-public`; here it is bytes.
//!
//! A row belongs to one identity, and stays when its user has another: whoever comes back to the former one does not come
//! back to its older lists.

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension, params};

use crate::{Change, Snapshot, StoreError, Tx, settings};

/// How often lists have changed. What was compared with them is compared anew after that.
const CHANGES: &str = "known_lists";

/// Reads what is known of a user's devices under an identity.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT known FROM known_devices WHERE user_id = ?1 AND identity = ?2")?;
    Ok(query.query_row(params![user.as_str(), identity.as_slice()], |row| row.get(0)).optional()?)
}

/// Writes what is known of a user's devices under an identity, in place of what was known before. Whoever shows the user
/// is told if it is another than before.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn save(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], known: &[u8]) -> Result<(), StoreError> {
    let mut statement = tx.sql().prepare_cached(
        "INSERT INTO known_devices (user_id, identity, known) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_id, identity) DO UPDATE SET known = ?3 WHERE known <> ?3",
    )?;
    if statement.execute(params![user.as_str(), identity.as_slice(), known])? > 0 {
        note_change(tx)?;
        tx.changed(Change::Contact(user.clone()));
    }
    Ok(())
}

/// How many newer lists of one account in messages are taken in a day: as many as an honest server takes of it. As many again that begin
/// a generation: whoever has only a signing key can begin none, and so keeps none from coming.
const TOLD: i64 = 20;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A newer list of an account has come in a message. Returns whether there were not too many of them lately.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note_told(
    tx: &Tx<'_>,
    user: &UserId,
    identity: &[u8; 32],
    begins: bool,
    now_ms: i64,
) -> Result<bool, StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE known_devices SET told_from = ?3, told_lists = 0, told_generations = 0
             WHERE user_id = ?1 AND identity = ?2 AND ?3 NOT BETWEEN told_from AND told_from + ?4",
        )?
        .execute(params![user.as_str(), identity.as_slice(), now_ms, DAY_MS])?;
    let counted = tx
        .sql()
        .prepare_cached(
            "UPDATE known_devices SET told_lists = told_lists + NOT ?3, told_generations = told_generations + ?3
             WHERE user_id = ?1 AND identity = ?2 AND iif(?3, told_generations, told_lists) < ?4",
        )?
        .execute(params![user.as_str(), identity.as_slice(), begins, TOLD])?;
    // Of whom nothing is known yet, nothing is counted.
    Ok(counted > 0 || load(tx, user, identity)?.is_none())
}

/// What counts of somebody's lists is another than before.
pub(crate) fn note_change(tx: &Tx<'_>) -> Result<(), StoreError> {
    settings::set(tx, CHANGES, changes(tx)? + 1)
}

/// How often lists have changed.
pub(crate) fn changes(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    Ok(settings::get(at, CHANGES)?.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn another_identity_has_nothing_of_the_one_before_and_takes_nothing_away() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let (bob, mut changes) = (UserId::new("bob").unwrap(), store.changes());
        let seen = store.write(move |tx| {
            save(tx, &bob, &[1; 32], b"first")?;
            save(tx, &bob, &[1; 32], b"second")?;
            let before = (load(tx, &bob, &[1; 32])?, load(tx, &bob, &[2; 32])?);
            save(tx, &bob, &[2; 32], b"another")?;
            Ok::<_, StoreError>((before, load(tx, &bob, &[1; 32])?, load(tx, &bob, &[2; 32])?))
        });
        let ((first, other), still, another) = seen.await.unwrap();
        assert_eq!((&first, other), (&Some(b"second".to_vec()), None));
        assert_eq!((still, another), (first, Some(b"another".to_vec())));
        let told = changes.next().await.unwrap();
        assert!(told.concerns(|change| *change == Change::Contact(UserId::new("bob").unwrap())));
    }

    #[tokio::test]
    async fn the_same_again_is_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let write = || store.write(|tx| save(tx, &UserId::new("bob").unwrap(), &[1; 32], b"known"));
        write().await.unwrap();
        let mut changes = store.changes();
        write().await.unwrap();
        assert!(changes.try_next().is_none());
    }
}
