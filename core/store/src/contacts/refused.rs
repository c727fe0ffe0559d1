//! Keys of which the user has said that they are not the contact's.

use privmsg_protocol::UserId;
use rusqlite::params;

use super::words::{self, Marks};
use super::{end_change, pin, set_always_known};
use crate::sql_types::key_bytes;
use crate::{Snapshot, StoreError, Tx};

/// Whether the user has said of a key that it is not the contact's.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_refused(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<bool, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM refused_identity WHERE user_id = ?1 AND identity = ?2)")?;
    Ok(query.query_row(params![user.as_str(), identity.as_slice()], |row| row.get(0))?)
}

pub(super) fn set_refused(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], refused: bool) -> Result<(), StoreError> {
    let sql = if refused {
        "INSERT OR IGNORE INTO refused_identity (user_id, identity) VALUES (?1, ?2)"
    } else {
        "DELETE FROM refused_identity WHERE user_id = ?1 AND identity = ?2"
    };
    tx.sql().execute(sql, params![user.as_str(), identity.as_slice()])?;
    Ok(())
}

/// The keys that the user has refused for a contact.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn refused(at: &Snapshot<'_>, user: &UserId) -> Result<Vec<[u8; 32]>, StoreError> {
    let sql = "SELECT identity FROM refused_identity WHERE user_id = ?1 ORDER BY identity";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([user.as_str()], |row| key_bytes(row, 0))?;
    rows.collect()
}

/// The user is shown the numbers of all keys that they have refused for a contact.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_refused_shown(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE refused_identity SET shown = 1 WHERE user_id = ?1", [user.as_str()])?;
    Ok(())
}

/// Whether the user was shown the number of a key since they have refused it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_refused_shown(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM refused_identity WHERE user_id = ?1 AND identity = ?2 AND shown)";
    let mut query = at.sql().prepare_cached(sql)?;
    Ok(query.query_row(params![user.as_str(), identity.as_slice()], |row| row.get(0))?)
}

/// The user takes back that a key is not the contact's: it is the pinned one from now on, and nobody vouches for it. Returns
/// whether it was refused.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn accept_refused(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<bool, StoreError> {
    if !is_refused(tx, user, identity)? {
        return Ok(false);
    }
    pin(tx, user, identity)?;
    set_refused(tx, user, identity, false)?;
    words::say(tx, user, identity, (Marks::NONE, 0))?;
    end_change(tx, user)?;
    set_always_known(tx, user)?;
    Ok(true)
}
