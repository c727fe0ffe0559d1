//! What becomes of the words of devices that were removed as stolen.

use privmsg_protocol::{DeviceId, UserId};
use rusqlite::params;

use super::{Word, add, weigh, word};
use crate::contacts::{ChangedBy, end_change, load, pin, put_change, set_refused};
use crate::sql_types::{key_bytes, user_id};
use crate::{Change, Snapshot, StoreError, Tx};

/// The devices of the account are these now, each under the only key that it was ever seen under. With a new generation the words of all others stop to count, and what
/// nobody else has said is not known any more: no pin, no mark and no change is left of it but what the user confirms.
/// A device that is let in again says what it said. Returns whether something waits to be confirmed that did not before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn weigh_devices(tx: &Tx<'_>, listed: &[DeviceId], new_generation: bool) -> Result<bool, StoreError> {
    let waiting = to_confirm(tx)?;
    let stands = |id: &str| id.is_empty() || listed.iter().any(|device| device.as_str() == id);
    for (user, [said_by, told_by, through], void) in all(tx)? {
        let everybody = stands(&said_by) && stands(&told_by) && through.split(' ').all(stands);
        let now = match void {
            0 if new_generation && !everybody => 1,
            1 if everybody => 0,
            _ => continue,
        };
        tx.sql().execute(
            "UPDATE contact_word SET void = ?4, shown = 0 WHERE user_id = ?1 AND said_by = ?2 AND told_by = ?3",
            params![user.as_str(), said_by, told_by, now],
        )?;
        judge(tx, &user, &said_by)?;
    }
    let now = to_confirm(tx)?;
    Ok(now.iter().any(|word| !waiting.contains(word)))
}

/// Every word of other devices: of whom, whose, told by whom and through whom, and whether it counts.
fn all(tx: &Tx<'_>) -> Result<Vec<(UserId, [String; 3], i64)>, StoreError> {
    let sql = "SELECT user_id, said_by, told_by, through, void FROM contact_word WHERE told_by != '' AND void != 2";
    let mut query = tx.sql().prepare_cached(sql)?;
    let rows =
        query.query_and_then([], |row| Ok((user_id(row, 0)?, [row.get(1)?, row.get(2)?, row.get(3)?], row.get(4)?)))?;
    rows.collect()
}

/// Weighs what is known of a contact anew, of whom a word of `device` counts no more, or counts again.
fn judge(tx: &Tx<'_>, user: &UserId, device: &str) -> Result<(), StoreError> {
    let Some(contact) = load(tx, user)? else {
        // Somebody whom only a device knew that is there again.
        let again = {
            let sql = "SELECT identity FROM contact_word WHERE user_id = ?1 AND void = 0 ORDER BY marks DESC LIMIT 1";
            let mut query = tx.sql().prepare_cached(sql)?;
            let mut rows = query.query_and_then([user.as_str()], |row| key_bytes(row, 0))?;
            rows.next().transpose()?
        };
        if let Some(identity) = again {
            pin(tx, user, &identity)?;
            weigh(tx, user)?;
        }
        return Ok(());
    };
    let counts = |identity: &[u8; 32]| {
        let sql = "SELECT EXISTS (SELECT 1 FROM contact_word WHERE user_id = ?1 AND identity = ?2 AND void = 0)";
        tx.sql()
            .prepare_cached(sql)?
            .query_row(params![user.as_str(), identity.as_slice()], |row| row.get::<_, bool>(0))
    };
    if let (Some(changed), Some(ChangedBy::Device(by))) = (contact.changed_identity, &contact.changed_by)
        && by.as_str() == device
        && !counts(&changed)?
    {
        end_change(tx, user)?;
    }
    if !counts(&contact.identity)? {
        tx.sql().execute("DELETE FROM contact WHERE user_id = ?1", [user.as_str()])?;
        tx.changed(Change::Contact(user.clone()));
        return Ok(());
    }
    weigh(tx, user)
}

/// What devices have said that were removed as stolen, and that nobody else has: one for each contact and key.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn to_confirm(at: &Snapshot<'_>) -> Result<Vec<Word>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT word.user_id, word.identity, max(word.marks),
             iif(word.said_by = '', word.told_by, word.said_by), max(word.floor) FROM contact_word AS word
         LEFT JOIN contact ON contact.user_id = word.user_id AND contact.identity = word.identity
         WHERE word.void = 1
             AND (contact.user_id IS NULL OR word.marks & ~(contact.by_link | contact.verified << 1) != 0)
         GROUP BY word.user_id, word.identity ORDER BY word.user_id, word.identity",
    )?;
    let rows = query.query_and_then([], word)?;
    rows.collect()
}

/// Notes that the user is shown what waits to be confirmed of a contact.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_shown(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE contact_word SET shown = 1 WHERE user_id = ?1 AND void = 1", [user.as_str()])?;
    Ok(())
}

/// Whether the user was shown all that waits to be confirmed of a contact.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_shown(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM contact_word WHERE user_id = ?1 AND void = 1)
               AND NOT EXISTS (SELECT 1 FROM contact_word WHERE user_id = ?1 AND void = 1 AND shown = 0)";
    Ok(at.sql().prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0))?)
}

/// The user says that this key is the contact's, as a removed device had it: it is pinned and marked, or waits for
/// their decision where another one is pinned. Returns whether it is the pinned one.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn confirm(tx: &Tx<'_>, said: &Word) -> Result<bool, StoreError> {
    let user = &said.user;
    match load(tx, user)? {
        Some(contact) if contact.identity != said.identity => {
            let by = said.said_by.clone().map_or(ChangedBy::Seen, ChangedBy::Device);
            put_change(tx, user, &said.identity, &by, said.floor)?;
            put_aside(tx, user)?;
            return Ok(false);
        }
        Some(_) => {}
        None => pin(tx, user, &said.identity)?,
    }
    set_refused(tx, user, &said.identity, false)?;
    add(tx, user, &said.identity, (said.marks, said.floor))?;
    put_aside(tx, user)?;
    Ok(true)
}

/// What removed devices have said of a contact counts no more, and is asked about no more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn put_aside(tx: &Tx<'_>, user: &UserId) -> Result<bool, StoreError> {
    let aside =
        tx.sql().execute("UPDATE contact_word SET void = 2 WHERE user_id = ?1 AND void = 1", [user.as_str()])?;
    tx.changed(Change::Contact(user.clone()));
    Ok(aside > 0)
}
