//! The key packages that this device has made (RFC 9420, section 10), and until when a welcome to them may come. Whoever takes the
//! device opens each recorded welcome whose private parts are still there.

use rusqlite::params;

use crate::{Snapshot, StoreError, Tx};

/// Those whose private parts are kept beside the last-resort ones. Strangers can claim as many as they like; a welcome to one
/// that has been forgotten leads to a join without it.
const KEPT: i64 = 512;

/// Notes a key package that was made, and until when it is needed, in seconds. Of the last-resort ones, those before it are needed
/// until `replaced_until`.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(
    tx: &Tx<'_>,
    reference: &[u8],
    last_resort: bool,
    forget_at: i64,
    replaced_until: i64,
) -> Result<(), StoreError> {
    if last_resort {
        tx.sql().execute(
            "UPDATE key_package SET forget_at = min(forget_at, ?1) WHERE last_resort <> 0",
            [replaced_until],
        )?;
    }
    tx.sql()
        .prepare_cached("INSERT INTO key_package (reference, last_resort, forget_at) VALUES (?1, ?2, ?3)")?
        .execute(params![reference, last_resort, forget_at])?;
    Ok(())
}

/// No welcome can come to any of them: this is another device now.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn give_up_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE key_package SET forget_at = 0", []).map(drop).map_err(StoreError::from)
}

/// References of those that are needed no longer at `now_s`, and of those that are too many.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn to_forget(at: &Snapshot<'_>, now_s: i64) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT reference FROM key_package WHERE forget_at <= ?1
         UNION ALL
         SELECT reference FROM key_package WHERE last_resort = 0 AND forget_at > ?1 AND id <=
             (SELECT id FROM key_package WHERE last_resort = 0 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?;
    let rows = query.query_map([now_s, KEPT], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The private parts of one are gone.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, reference: &[u8]) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM key_package WHERE reference = ?1")?.execute([reference])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn each_is_kept_as_long_as_a_welcome_may_come() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let forgotten = store
            .write(|tx| {
                note(tx, b"one", false, 100, 0)?;
                note(tx, b"last resort", true, 100, 0)?;
                note(tx, b"the next", true, 200, 50)?;
                let at = |now| to_forget(tx, now);
                Ok::<_, StoreError>((at(49)?, at(50)?, at(100)?, {
                    remove(tx, b"one")?;
                    give_up_all(tx)?;
                    to_forget(tx, 1)?.len()
                }))
            })
            .await
            .unwrap();
        let names = |names: &[&[u8]]| names.iter().map(|name| name.to_vec()).collect::<Vec<_>>();
        assert_eq!(forgotten, (names(&[]), names(&[b"last resort"]), names(&[b"one", b"last resort"]), 2));
    }

    #[tokio::test]
    async fn whoever_claims_without_end_does_not_fill_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let forgotten = store
            .write(|tx| {
                note(tx, b"last resort", true, 100, 0)?;
                for n in 0..KEPT + 2 {
                    note(tx, &n.to_be_bytes(), false, 100, 0)?;
                }
                to_forget(tx, 1)
            })
            .await
            .unwrap();
        assert_eq!(forgotten, [0_i64.to_be_bytes().to_vec(), 1_i64.to_be_bytes().to_vec()]);
    }
}
