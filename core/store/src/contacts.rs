//! Other users' identity keys: pinned at first use or by a contact link, compared by people, loud when they change.

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension, Row, params};

use crate::sql_types::{key_bytes, optional_key_bytes, user_id};
use crate::{Change, Snapshot, StoreError, Tx, holds};

/// What is known of a user's identity key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The pinned account identity key.
    pub identity: [u8; 32],
    /// A contact link names this key.
    pub by_link: bool,
    /// The user has compared the safety number.
    pub verified: bool,
    /// Another key that appeared beside one that is held fast. Nothing is sent until the user accepts it.
    pub changed_identity: Option<[u8; 32]>,
}

impl Contact {
    /// Whether something else than the server has vouched for the pinned key: another one does not take its place unless
    /// the user says so.
    #[must_use]
    pub const fn is_held_fast(&self) -> bool {
        self.by_link || self.verified
    }
}

/// What a contact link has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// Its key is the pinned one, as it was before or is from now on.
    Pinned,
    /// Another key is pinned. Nothing has changed.
    AnotherKey,
}

/// What seeing an identity key meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// It is the pinned key, or one whose change is already known.
    Known,
    /// First sight: pinned.
    Pinned,
    /// Another key than the pinned one, which was not held fast: pinned in its place, and the user must be told.
    Changed,
    /// Another key than one that is held fast: sending stops until the user accepts it.
    Blocked,
}

/// Reads a contact.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, user: &UserId) -> Result<Option<Contact>, StoreError> {
    at.sql()
        .prepare_cached("SELECT identity, by_link, verified, changed_identity FROM contact WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| Ok(contact(row, 0)))
        .optional()?
        .transpose()
}

fn contact(row: &Row<'_>, first: usize) -> Result<Contact, StoreError> {
    Ok(Contact {
        identity: key_bytes(row, first)?,
        by_link: row.get(first + 1)?,
        verified: row.get(first + 2)?,
        changed_identity: optional_key_bytes(row, first + 3)?,
    })
}

/// All contacts, by name.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn list(at: &Snapshot<'_>) -> Result<Vec<(UserId, Contact)>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT user_id, identity, by_link, verified, changed_identity FROM contact ORDER BY user_id",
    )?;
    let rows = query.query_and_then([], |row| Ok((user_id(row, 0)?, contact(row, 1)?)))?;
    rows.collect()
}

/// Whether nothing is sent to a user until the change of their key is accepted.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_held(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    Ok(load(at, user)?.is_some_and(|contact| contact.changed_identity.is_some()))
}

/// Compares an identity key that a user's device was seen with to what is known, and notes the difference.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn observe(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Observation, StoreError> {
    let Some(contact) = load(tx, user)? else {
        tx.sql().execute(
            "INSERT INTO contact (user_id, identity) VALUES (?1, ?2)",
            params![user.as_str(), identity.as_slice()],
        )?;
        tx.changed(Change::Contact(user.clone()));
        return Ok(Observation::Pinned);
    };
    if contact.identity == *identity || contact.changed_identity.as_ref() == Some(identity) {
        return Ok(Observation::Known);
    }
    tx.changed(Change::Contact(user.clone()));
    if contact.is_held_fast() {
        tx.sql().execute(
            "UPDATE contact SET changed_identity = ?2 WHERE user_id = ?1",
            params![user.as_str(), identity.as_slice()],
        )?;
        return Ok(Observation::Blocked);
    }
    tx.sql()
        .execute("UPDATE contact SET identity = ?2 WHERE user_id = ?1", params![user.as_str(), identity.as_slice()])?;
    Ok(Observation::Changed)
}

/// Pins the key that a contact link names. A link pins and never replaces: who has sent it is not known.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn link(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Linked, StoreError> {
    if load(tx, user)?.is_some_and(|contact| contact.identity != *identity) {
        return Ok(Linked::AnotherKey);
    }
    tx.sql().execute(
        "INSERT INTO contact (user_id, identity, by_link) VALUES (?1, ?2, 1)
         ON CONFLICT (user_id) DO UPDATE SET by_link = 1",
        params![user.as_str(), identity.as_slice()],
    )?;
    tx.changed(Change::Contact(user.clone()));
    Ok(Linked::Pinned)
}

/// Notes the safety number that the user is shown.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_shown(tx: &Tx<'_>, user: &UserId, digits: &str) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE contact SET shown = ?2 WHERE user_id = ?1", params![user.as_str(), digits])?;
    Ok(())
}

/// The safety number that the user was last shown, if any.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn shown(at: &Snapshot<'_>, user: &UserId) -> Result<Option<String>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT shown FROM contact WHERE user_id = ?1")?;
    Ok(query.query_row([user.as_str()], |row| row.get(0)).optional()?.flatten())
}

/// Marks the pinned key as compared, or takes that back. Whoever says that the pinned key is right also says that
/// another one that appeared beside it is wrong: it is forgotten, and its devices have to leave.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_verified(tx: &Tx<'_>, user: &UserId, verified: bool) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE contact SET verified = ?2, changed_identity = CASE WHEN ?2 THEN NULL ELSE changed_identity END
         WHERE user_id = ?1",
        params![user.as_str(), verified],
    )?;
    tx.changed(Change::Contact(user.clone()));
    Ok(())
}

/// Takes the changed key as the new pinned one, which nobody has vouched for. Returns whether there was one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn accept_change(tx: &Tx<'_>, user: &UserId) -> Result<bool, StoreError> {
    let changed = tx.sql().execute(
        "UPDATE contact SET identity = changed_identity, changed_identity = NULL, by_link = 0, verified = 0
         WHERE user_id = ?1 AND changed_identity IS NOT NULL",
        [user.as_str()],
    )?;
    holds::release_accepted(tx)?;
    tx.changed(Change::Contact(user.clone()));
    Ok(changed > 0)
}

#[cfg(test)]
#[path = "contacts_tests.rs"]
mod tests;
