//! The key packages that this device has made (RFC 9420, section 10), and until when a welcome to them may come. Whoever takes the
//! device opens each recorded welcome whose private parts are still there.

use rusqlite::params;

use crate::{Snapshot, StoreError, Tx};

/// Those whose private parts are kept beside the last-resort ones. Strangers can claim as many as they like; a welcome to one
/// that has been forgotten leads to a join without it.
const KEPT: i64 = 512;

/// Those of the last-resort ones that are over by one of both clocks, and not by the other.
const KEPT_LAST_RESORT: i64 = 4;

/// A time, in seconds, by both clocks that a device knows. Each may be wrong, and the server's may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// By the server's.
    pub server_s: i64,
    /// By this device's own.
    pub here_s: i64,
}

/// Notes a key package that was made, and until when it is needed. Of the last-resort ones, those before it are needed until
/// `replaced_until`.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(
    tx: &Tx<'_>,
    reference: &[u8],
    last_resort: bool,
    forget: Times,
    replaced_until: Times,
) -> Result<(), StoreError> {
    if last_resort {
        tx.sql().execute(
            "UPDATE key_package SET forget_at = min(forget_at, ?1), forget_at_here = min(forget_at_here, ?2)
             WHERE last_resort <> 0",
            [replaced_until.server_s, replaced_until.here_s],
        )?;
    }
    tx.sql()
        .prepare_cached(
            "INSERT INTO key_package (reference, last_resort, forget_at, forget_at_here) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![reference, last_resort, forget.server_s, forget.here_s])?;
    Ok(())
}

/// No welcome can come to any of them: this is another device now.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn give_up_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE key_package SET forget_at = 0, forget_at_here = 0", []).map(drop).map_err(StoreError::from)
}

/// References of those that are needed no longer by both clocks, and of those that are too many. What one clock says is no
/// reason to give up a stock that others go on using.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn to_forget(at: &Snapshot<'_>, now: Times) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT reference FROM key_package WHERE forget_at <= ?1 AND forget_at_here <= ?2
         UNION
         SELECT reference FROM key_package WHERE last_resort = 0 AND id <=
             (SELECT id FROM key_package WHERE last_resort = 0 ORDER BY id DESC LIMIT 1 OFFSET ?3)
         UNION
         SELECT reference FROM key_package WHERE last_resort <> 0 AND (forget_at <= ?1 OR forget_at_here <= ?2) AND id <=
             (SELECT id FROM key_package WHERE last_resort <> 0 AND (forget_at <= ?1 OR forget_at_here <= ?2)
              ORDER BY id DESC LIMIT 1 OFFSET ?4)",
    )?;
    let rows = query.query_map([now.server_s, now.here_s, KEPT, KEPT_LAST_RESORT], |row| row.get(0))?;
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

    fn both(seconds: i64) -> Times {
        Times { server_s: seconds, here_s: seconds }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn each_is_kept_as_long_as_a_welcome_may_come() {
        let (_dir, store) = store();
        let forgotten = store
            .write(|tx| {
                note(tx, b"last resort", true, both(100), both(0))?;
                note(tx, b"one", false, both(100), both(0))?;
                note(tx, b"the next", true, both(200), both(50))?;
                let at = |now| to_forget(tx, both(now));
                Ok::<_, StoreError>((at(49)?, at(50)?, at(100)?, {
                    remove(tx, b"one")?;
                    give_up_all(tx)?;
                    to_forget(tx, both(1))?.len()
                }))
            })
            .await
            .unwrap();
        let names = |names: &[&[u8]]| names.iter().map(|name| name.to_vec()).collect::<Vec<_>>();
        assert_eq!(forgotten, (names(&[]), names(&[b"last resort"]), names(&[b"last resort", b"one"]), 2));
    }

    /// The server said that it is 2099, and all that opens an invitation was gone.
    #[tokio::test]
    async fn one_clock_alone_makes_nothing_forgotten() {
        let (_dir, store) = store();
        let forgotten = store
            .write(|tx| {
                note(tx, b"one", false, both(100), both(0))?;
                note(tx, b"last resort", true, both(100), both(0))?;
                let at = |server_s, here_s| Ok::<_, StoreError>(to_forget(tx, Times { server_s, here_s })?.len());
                Ok::<_, StoreError>((at(4_000_000_000, 99)?, at(99, 4_000_000_000)?, at(100, 100)?))
            })
            .await
            .unwrap();
        assert_eq!(forgotten, (0, 0, 2));
    }

    /// What was dated by a clock that was far ahead would be kept for ever.
    #[tokio::test]
    async fn few_last_resort_ones_are_kept_for_a_clock_that_was_wrong() {
        let (_dir, store) = store();
        let forgotten = store
            .write(|tx| {
                let (made_ahead, replaced_ahead) =
                    (Times { server_s: 4_000_000_100, here_s: 100 }, Times { server_s: 4_000_000_050, here_s: 50 });
                for n in 0..8 {
                    note(tx, &[n], true, made_ahead, replaced_ahead)?;
                }
                Ok::<_, StoreError>((to_forget(tx, both(49))?, to_forget(tx, both(50))?, to_forget(tx, both(100))?))
            })
            .await
            .unwrap();
        let names = |names: std::ops::Range<u8>| names.map(|name| vec![name]).collect::<Vec<_>>();
        assert_eq!(forgotten, (names(0..0), names(0..3), names(0..4)), "the last one is not replaced");
    }

    #[tokio::test]
    async fn whoever_claims_without_end_does_not_fill_the_disk() {
        let (_dir, store) = store();
        let forgotten = store
            .write(|tx| {
                note(tx, b"last resort", true, both(100), both(0))?;
                for n in 0..KEPT + 2 {
                    note(tx, &n.to_be_bytes(), false, both(100), both(0))?;
                }
                to_forget(tx, both(1))
            })
            .await
            .unwrap();
        assert_eq!(forgotten, [0_i64.to_be_bytes().to_vec(), 1_i64.to_be_bytes().to_vec()]);
    }
}
