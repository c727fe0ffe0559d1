//! Which challenges of the server this device has answered. The server names the last one at each sign-in by the device's
//! key: one that does not stand here was answered by somebody else who has that key.

use crate::{Snapshot, StoreError, Tx};

/// Those that are remembered for good, the newest: more than a server names, also one that was restored from a backup, and many
/// more. A hostile one has all answers, ends each session at once to have more of them, and names what was forgotten.
const CONFIRMED: i64 = 4096;

/// Those whose answer was refused or lost on its way. That there are many takes nothing from the others.
const UNCONFIRMED: i64 = 4096;

/// Notes a challenge, before the answer to it is sent: that it came through may never be known here.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, challenge: &[u8; 32]) -> Result<(), StoreError> {
    tx.sql().execute("INSERT INTO answered_challenge (challenge) VALUES (?1)", [challenge.as_slice()])?;
    shorten(tx, 0, UNCONFIRMED)
}

/// Notes that the server has let the device in by this challenge.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn confirm(tx: &Tx<'_>, challenge: &[u8]) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE answered_challenge SET confirmed = 1 WHERE challenge = ?1", [challenge])?;
    shorten(tx, 1, CONFIRMED)
}

fn shorten(tx: &Tx<'_>, confirmed: i64, kept: i64) -> Result<(), StoreError> {
    tx.sql().execute(
        "DELETE FROM answered_challenge WHERE confirmed = ?1 AND id <=
             (SELECT id FROM answered_challenge WHERE confirmed = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        [confirmed, kept],
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
    async fn answers_that_came_to_nothing_take_no_room_from_those_that_counted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let of = |number: u16| {
            let mut challenge = [0; 32];
            challenge[..2].copy_from_slice(&number.to_be_bytes());
            challenge
        };
        let known = store.write(move |tx| {
            note(tx, &of(0))?;
            confirm(tx, &of(0))?;
            for number in 1..4196 {
                note(tx, &of(number))?;
            }
            (0..4197).map(|number| has_answered(tx, &of(number))).collect::<Result<Vec<_>, StoreError>>()
        });
        let expected: Vec<_> = (0..4197).map(|number| number == 0 || (100..4196).contains(&number)).collect();
        assert_eq!(known.await.unwrap(), expected);
        let known = store.write(move |tx| {
            for number in 5000..9102 {
                note(tx, &of(number))?;
                confirm(tx, &of(number))?;
            }
            (5000..9102).map(|number| has_answered(tx, &of(number))).collect::<Result<Vec<_>, StoreError>>()
        });
        assert_eq!(known.await.unwrap(), (0..4102).map(|number| number >= 6).collect::<Vec<_>>());
    }
}
