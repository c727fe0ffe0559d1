//! When the devices in a chat have made their leaves: of each the latest time that was seen there, in whichever of the MLS groups
//! that have carried it. What a leaf says that is older came back with a backup of the server's, or by its word.

use std::collections::HashMap;

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension as _, params};

use crate::chats::ChatId;
use crate::position::Position;
use crate::sql_types::{from_sql, to_sql};
use crate::{Snapshot, StoreError, Tx};

/// Devices of one user that are remembered in a chat, those that were there last: twice as many as an account may have.
const MOST: i64 = 64;

/// Where leaves were seen, and in which life of the server: the same for a whole tree.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    at: Position,
    restores: i64,
}

/// What stands there has been seen now.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn seen(at: &Snapshot<'_>, position: Position) -> Result<Seen, StoreError> {
    Ok(Seen { at: position, restores: restores(at)? })
}

/// Notes when a device has made a leaf, if that is later than what is known, and that it was seen with what stands there.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(
    tx: &Tx<'_>,
    chat: ChatId,
    user: &UserId,
    key: &[u8; 32],
    made_at: u64,
    seen: Seen,
) -> Result<(), StoreError> {
    let (user, key) = (user.as_str(), key.as_slice());
    let values = params![chat.0, user, key, to_sql(made_at), seen.restores, seen.at.0];
    let mut insert = tx.sql().prepare_cached(
        "INSERT INTO leaf_date (chat_id, user_id, device_key, made_at, came, restores, back)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT DO NOTHING",
    )?;
    if insert.execute(values)? == 0 {
        let mut update = tx.sql().prepare_cached(
            "UPDATE leaf_date SET made_at = ?4, restores = ?5, back = iif(restores = ?5, back, ?6)
             WHERE chat_id = ?1 AND user_id = ?2 AND device_key = ?3 AND made_at < ?4",
        )?;
        update.execute(values)?;
        return Ok(());
    }
    tx.sql()
        .prepare_cached(
            "DELETE FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2 AND device_key IN
             (SELECT device_key FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2
              ORDER BY made_at DESC LIMIT -1 OFFSET ?3)",
        )?
        .execute(params![chat.0, user, MOST])?;
    Ok(())
}

/// When the devices in a chat have made the latest leaves that were seen, by their keys.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>, chat: ChatId) -> Result<HashMap<[u8; 32], u64>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT device_key, made_at FROM leaf_date WHERE chat_id = ?1")?;
    let rows = query.query_map([chat.0], |row| Ok((row.get(0)?, from_sql(row.get(1)?))))?;
    rows.map(|row| Ok(row?)).collect()
}

/// The same of one device.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, chat: ChatId, user: &UserId, key: &[u8; 32]) -> Result<Option<u64>, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT made_at FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2 AND device_key = ?3")?;
    let made_at = query.query_row(params![chat.0, user.as_str(), key.as_slice()], |row| row.get(0)).optional()?;
    Ok(made_at.map(from_sql))
}

fn restores(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT restores FROM server_lineage")?;
    Ok(query.query_row([], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Whether a device was there before the server was restored last, and has not been seen since.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn comes_back(at: &Snapshot<'_>, chat: ChatId, user: &UserId, key: &[u8; 32]) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2 AND device_key = ?3 AND restores < ?4)",
    )?;
    Ok(query.query_row(params![chat.0, user.as_str(), key.as_slice(), restores(at)?], |row| row.get(0))?)
}

/// It is back, whatever its leaf says: it was seen with what stands there.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn is_back(tx: &Tx<'_>, chat: ChatId, user: &UserId, key: &[u8; 32], seen: Position) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE leaf_date SET restores = ?4, back = ?5
             WHERE chat_id = ?1 AND user_id = ?2 AND device_key = ?3 AND restores < ?4",
        )?
        .execute(params![chat.0, user.as_str(), key.as_slice(), restores(tx)?, seen.0])?;
    Ok(())
}

/// Where the first of a user's devices came back after the server was restored last.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn first_back_at(at: &Snapshot<'_>, chat: ChatId, user: &UserId) -> Result<Option<Position>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT min(back) FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2 AND came < ?3 AND restores = ?3",
    )?;
    let back: Option<i64> = query.query_row(params![chat.0, user.as_str(), restores(at)?], |row| row.get(0))?;
    Ok(back.map(Position))
}

/// Where a device came back after the server was restored last, if it has.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn back_at(at: &Snapshot<'_>, chat: ChatId, user: &UserId, key: &[u8; 32]) -> Result<Option<Position>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT back FROM leaf_date
         WHERE chat_id = ?1 AND user_id = ?2 AND device_key = ?3 AND came < ?4 AND restores = ?4",
    )?;
    let back = query.query_row(params![chat.0, user.as_str(), key.as_slice(), restores(at)?], |row| row.get(0));
    Ok(back.optional()?.map(Position))
}

/// Where the last one came whom nobody had seen before the server was restored last.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn newcomer_at(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<Position>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT max(back) FROM leaf_date WHERE chat_id = ?1 AND came = ?2")?;
    let back: Option<i64> = query.query_row(params![chat.0, restores(at)?], |row| row.get(0))?;
    Ok(back.map(Position))
}

/// Forgets a user's devices, who takes no part in the chat any more: should they be let in again, it is by key packages that they
/// may have made before.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, chat: ChatId, user: &UserId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("DELETE FROM leaf_date WHERE chat_id = ?1 AND user_id = ?2")?
        .execute(params![chat.0, user.as_str()])?;
    Ok(())
}

/// Forgets all devices in a chat.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget_all(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM leaf_date WHERE chat_id = ?1")?.execute([chat.0])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::chats::{self, ChatKind};
    use crate::groups;
    use crate::key::DatabaseKey;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[tokio::test]
    async fn the_latest_counts_in_each_chat() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let seen = store.write(|tx| {
            let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
            let other = chats::ensure(tx, &ChatKind::Direct { peer: user("bob") }, 0)?;
            for made_at in [5, 9, 7] {
                note(tx, chat, &user("bob"), &[1; 32], made_at, seen(tx, Position(1))?)?;
            }
            note(tx, chat, &user("carol"), &[2; 32], 3, seen(tx, Position(1))?)?;
            note(tx, other, &user("bob"), &[1; 32], 4, seen(tx, Position(1))?)?;
            let before = (all(tx, chat)?, all(tx, other)?);
            forget(tx, chat, &user("bob"))?;
            let after = all(tx, chat)?;
            forget_all(tx, chat)?;
            assert!(all(tx, chat)?.is_empty());
            Ok::<_, StoreError>((before, after, all(tx, other)?))
        });
        let ((chat, other), after, untouched) = seen.await.unwrap();
        assert_eq!(chat, HashMap::from([([1; 32], 9), ([2; 32], 3)]));
        assert_eq!((after, untouched), (HashMap::from([([2; 32], 3)]), other.clone()));
        assert_eq!(other, HashMap::from([([1; 32], 4)]));
    }

    /// Whoever enrols anew again and again displaces nobody else, and not what they have last.
    #[tokio::test]
    async fn so_many_devices_of_a_user_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let kept = store.write(|tx| {
            let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
            note(tx, chat, &user("bob"), &[255; 32], 1, seen(tx, Position(1))?)?;
            for device in 0..200 {
                note(tx, chat, &user("mallory"), &[device; 32], 100 + u64::from(device), seen(tx, Position(1))?)?;
            }
            all(tx, chat)
        });
        let kept = kept.await.unwrap();
        assert_eq!(kept.len(), 65);
        assert!(kept.contains_key(&[255; 32]) && kept.contains_key(&[199; 32]) && !kept.contains_key(&[0; 32]));
    }

    #[tokio::test]
    async fn who_was_there_comes_back_once_after_each_restore() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let seen = store.write(|tx| {
            let chat = chats::ensure(tx, &ChatKind::Direct { peer: user("bob") }, 0)?;
            let bob = user("bob");
            let sees =
                |device: u8, made_at, seq| note(tx, chat, &bob, &[device; 32], made_at, seen(tx, Position(seq))?);
            let stands = |device: u8| {
                let key = [device; 32];
                let back = (back_at(tx, chat, &bob, &key)?, first_back_at(tx, chat, &bob)?);
                Ok::<_, StoreError>((comes_back(tx, chat, &bob, &key)?, back))
            };
            groups::note_lineage(tx, "first")?;
            sees(1, 10, 5)?;
            sees(2, 10, 6)?;
            let mut stood = vec![stands(1)?];
            groups::note_lineage(tx, "second")?;
            // With the leaf of the backup: that is not to be seen again.
            sees(2, 10, 3)?;
            stood.push(stands(2)?);
            sees(1, 20, 4)?;
            sees(1, 30, 8)?;
            stood.extend([stands(1)?, stands(2)?, stands(9)?]);
            sees(2, 20, 9)?;
            stood.push(stands(2)?);
            assert_eq!(newcomer_at(tx, chat)?, None);
            sees(3, 1, 10)?;
            sees(4, 1, 11)?;
            stood.push(stands(3)?);
            assert_eq!(newcomer_at(tx, chat)?, Some(Position(11)));
            groups::note_lineage(tx, "third")?;
            // A leaf that is no later than the one before brings it back once.
            is_back(tx, chat, &bob, &[1; 32], Position(12))?;
            is_back(tx, chat, &bob, &[1; 32], Position(13))?;
            stood.push(stands(1)?);
            Ok::<_, StoreError>(stood)
        });
        let (none, first) = (None, Some(Position(4)));
        let stands = [
            (false, (none, none)),
            (true, (none, none)),
            (false, (first, first)),
            (true, (none, first)),
            (false, (none, first)),
            (false, (Some(Position(9)), first)),
            (false, (none, first)),
            (false, (Some(Position(12)), Some(Position(12)))),
        ];
        assert_eq!(seen.await.unwrap(), stands);
    }
}
