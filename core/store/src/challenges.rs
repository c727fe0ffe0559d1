//! Which challenges of the server this device has answered. The server names the last one at each sign-in by the device's
//! key: one that does not stand here was answered by somebody else who has that key.

use crate::{Snapshot, StoreError, Tx};

/// Those that are remembered. A server that was restored from a backup names an older one than the last.
const KEPT: i64 = 16;

/// Notes a challenge, before the answer to it is sent: that it came through may never be known here.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, challenge: &[u8; 32]) -> Result<(), StoreError> {
    tx.sql().execute("INSERT INTO answered_challenge (challenge) VALUES (?1)", [challenge.as_slice()])?;
    tx.sql().execute(
        "DELETE FROM answered_challenge
         WHERE id <= (SELECT id FROM answered_challenge ORDER BY id DESC LIMIT 1 OFFSET ?1)",
        [KEPT],
    )?;
    Ok(())
}

/// Whether this device has answered it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_answered(at: &Snapshot<'_>, challenge: &[u8]) -> Result<bool, StoreError> {
    let found = "SELECT EXISTS (SELECT 1 FROM answered_challenge WHERE challenge = ?1)";
    Ok(at.sql().query_row(found, [challenge], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn the_newest_are_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        for number in 0..20 {
            store.write(move |tx| note(tx, &[number; 32])).await.unwrap();
        }
        let known = store
            .read(|at| (0..21).map(|number| has_answered(at, &[number; 32])).collect::<Result<Vec<_>, StoreError>>())
            .await
            .unwrap();
        let expected: Vec<_> = (0..21).map(|number| (4..20).contains(&number)).collect();
        assert_eq!(known, expected);
    }
}
