//! Other users' identity keys: pinned at first use or by a contact link, compared by people, loud when they change.
//!
//! What is known of a contact is what the user's devices say of them ([`words`]): each says which key it has met, and what it
//! has come to know of it. Only this device's own doings pin another key than the pinned one.

mod refused;
pub mod words;

use privmsg_protocol::{DeviceId, UserId};
use rusqlite::{OptionalExtension, Row, params};

use crate::sql_types::{from_sql, key_bytes, optional_key_bytes, to_sql, user_id};
use crate::{Change, Snapshot, Stamp, StoreError, Tx, holds, settings};

use refused::set_refused;
pub use refused::{accept_refused, is_refused, note_refused_shown, refused, was_refused_shown};
use words::Marks;

/// How often a key has been pinned.
const KEY_CHANGES: &str = "contact_key_changes";

/// What is known of a user's identity key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The pinned account identity key.
    pub identity: [u8; 32],
    /// A contact link names this key.
    pub by_link: bool,
    /// The user has compared the safety number.
    pub verified: bool,
    /// Another key that appeared beside the pinned one. Nothing is sent until the user has decided.
    pub changed_identity: Option<[u8; 32]>,
    /// Who names that one.
    pub changed_by: Option<ChangedBy>,
    /// A device that was removed as stolen has vouched for the pinned key, and the user has not said what is right.
    pub to_confirm: bool,
    /// What the account has signed in a lower generation than this one does not count: it stood on the contact's own screen. 0 for
    /// none.
    pub floor: u64,
}

impl Contact {
    /// Whether something else than the server has vouched for the pinned key: another one does not take its place unless
    /// the user says so.
    #[must_use]
    pub const fn is_held_fast(&self) -> bool {
        self.by_link || self.verified || self.to_confirm
    }
}

/// Who names another key than the pinned one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedBy {
    /// The server, or devices that were met under it.
    Seen,
    /// A contact link that came some way.
    Link,
    /// A contact link from the contact's own hands or screen.
    InPerson,
    /// Another device of the user's.
    Device(DeviceId),
}

impl ChangedBy {
    fn to_column(&self) -> String {
        match self {
            Self::Seen => "seen".to_owned(),
            Self::Link => "link".to_owned(),
            Self::InPerson => "in_person".to_owned(),
            Self::Device(device) => format!("device:{device}"),
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        match text {
            "seen" => Ok(Self::Seen),
            "link" => Ok(Self::Link),
            "in_person" => Ok(Self::InPerson),
            other => {
                let device = other.strip_prefix("device:").and_then(|id| DeviceId::new(id).ok());
                device.map(Self::Device).ok_or(StoreError::Invalid("who has named a key"))
            }
        }
    }

    const fn is_a_link(&self) -> bool {
        matches!(self, Self::Link | Self::InPerson)
    }

    /// What is known of its key once the user has accepted it.
    const fn marks(&self) -> Marks {
        match self {
            Self::Seen | Self::Device(_) => Marks::NONE,
            Self::Link => Marks::BY_LINK,
            Self::InPerson => Marks::BY_LINK.and(Marks::VERIFIED),
        }
    }
}

/// What a contact link has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linked {
    /// Its key is the pinned one, as it was before or is from now on.
    Pinned,
    /// Another key is pinned, and stays so. Nothing is sent until the user has decided.
    AnotherKey,
}

/// What seeing an identity key meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// It is the pinned key, one whose change is already known, or one that the user has refused.
    Known,
    /// First sight: pinned.
    Pinned,
    /// Another key than the pinned one, which was not held fast: pinned in its place, and the user must be told.
    Changed,
    /// Another key than one that is held fast: sending stops until the user has decided.
    Blocked,
}

/// Reads a contact.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, user: &UserId) -> Result<Option<Contact>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM contact WHERE user_id = ?1");
    at.sql().prepare_cached(&sql)?.query_row([user.as_str()], |row| Ok(contact(row, 0))).optional()?.transpose()
}

/// Of a contact whose marks do not say all that a device has vouched for which was removed as stolen.
const COLUMNS: &str = "identity, by_link, verified, changed_identity, changed_by, EXISTS (
    SELECT 1 FROM contact_word AS word WHERE word.user_id = contact.user_id AND word.identity = contact.identity
        AND void = 1 AND marks & ~(by_link | verified << 1) != 0), floor";

fn contact(row: &Row<'_>, first: usize) -> Result<Contact, StoreError> {
    let changed_by: Option<String> = row.get(first + 4)?;
    Ok(Contact {
        identity: key_bytes(row, first)?,
        by_link: row.get(first + 1)?,
        verified: row.get(first + 2)?,
        changed_identity: optional_key_bytes(row, first + 3)?,
        changed_by: changed_by.as_deref().map(ChangedBy::parse).transpose()?,
        to_confirm: row.get(first + 5)?,
        floor: from_sql(row.get(first + 6)?),
    })
}

/// All contacts, by name.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn list(at: &Snapshot<'_>) -> Result<Vec<(UserId, Contact)>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!("SELECT user_id, {COLUMNS} FROM contact ORDER BY user_id"))?;
    let rows = query.query_and_then([], |row| Ok((user_id(row, 0)?, contact(row, 1)?)))?;
    rows.collect()
}

/// Whether nothing is sent to a user until somebody has decided about another key of theirs.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_held(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    Ok(load(at, user)?.is_some_and(|contact| contact.changed_identity.is_some()))
}

/// The generation of a user's account under a key below which nothing counts that it has signed, 0 for none.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn floor(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<u64, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT floor FROM contact WHERE user_id = ?1 AND identity = ?2")?;
    let floor = query.query_row(params![user.as_str(), identity.as_slice()], |row| row.get(0)).optional()?;
    Ok(floor.map_or(0, from_sql))
}

/// How often a key has been pinned so far, whosever it was.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn key_changes(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    Ok(settings::get(at, KEY_CHANGES)?.unwrap_or(0))
}

/// Whether this key was the contact's, as far as the user knew, after so many [changes](key_changes), or was accepted since. `None`:
/// no key of theirs is known.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_known(
    at: &Snapshot<'_>,
    user: &UserId,
    identity: &[u8; 32],
    key_changes: i64,
) -> Result<Option<bool>, StoreError> {
    let sql = "SELECT identity = ?2 AND known_since <= ?3 FROM contact WHERE user_id = ?1";
    let mut query = at.sql().prepare_cached(sql)?;
    Ok(query.query_row(params![user.as_str(), identity.as_slice(), key_changes], |row| row.get(0)).optional()?)
}

/// Names whom the user knows by which key, as it is now. What was compared with that is compared anew after a change.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn stamp(at: &Snapshot<'_>) -> Result<Stamp, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT stamp FROM contact_stamp")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// Compares an identity key that a user's device was seen with to what is known, and notes the difference. While another one
/// waits for the user's decision, that one waits, and no further.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn observe(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Observation, StoreError> {
    let Some(contact) = load(tx, user)? else {
        pin(tx, user, identity)?;
        words::say(tx, user, identity, (Marks::NONE, 0))?;
        return Ok(Observation::Pinned);
    };
    if contact.identity == *identity {
        words::say_seen(tx, user, identity)?;
        return Ok(Observation::Known);
    }
    if contact.changed_identity.as_ref() == Some(identity) || is_refused(tx, user, identity)? {
        return Ok(Observation::Known);
    }
    if contact.changed_by.as_ref().is_some_and(|by| *by != ChangedBy::Seen) {
        return Ok(Observation::Known);
    }
    if contact.is_held_fast() || contact.changed_identity.is_some() {
        put_change(tx, user, identity, &ChangedBy::Seen, 0)?;
        return Ok(Observation::Blocked);
    }
    pin(tx, user, identity)?;
    words::say(tx, user, identity, (Marks::NONE, 0))?;
    Ok(Observation::Changed)
}

fn pin(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<(), StoreError> {
    // What is kept for a later version was said under the key of then, and would be done as this one's.
    tx.sql().execute(
        "DELETE FROM unknown_content WHERE sender_id = ?1
             AND EXISTS (SELECT 1 FROM contact WHERE user_id = ?1 AND identity <> ?2)",
        params![user.as_str(), identity.as_slice()],
    )?;
    let changes = key_changes(tx)? + 1;
    tx.sql().execute(
        "INSERT INTO contact (user_id, identity) VALUES (?1, ?2)
         ON CONFLICT (user_id) DO UPDATE SET identity = ?2, changed_identity = NULL, changed_by = NULL,
             known_since = iif(identity = ?2, known_since, ?3)",
        params![user.as_str(), identity.as_slice(), changes],
    )?;
    settings::set(tx, KEY_CHANGES, changes)?;
    tx.changed(Change::Contact(user.clone()));
    Ok(())
}

fn put_change(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], by: &ChangedBy, floor: u64) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE contact SET changed_identity = ?2, changed_by = ?3, changed_floor = ?4 WHERE user_id = ?1",
        params![user.as_str(), identity.as_slice(), by.to_column(), to_sql(floor)],
    )?;
    tx.changed(Change::Contact(user.clone()));
    Ok(())
}

fn end_change(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    let sql = "UPDATE contact SET changed_identity = NULL, changed_by = NULL WHERE user_id = ?1";
    tx.sql().execute(sql, [user.as_str()])?;
    holds::release_accepted(tx)?;
    tx.changed(Change::Contact(user.clone()));
    Ok(())
}

/// Notes the key that a contact link names. A link pins and never replaces: who has sent it is not known. Where another key
/// is pinned, however it came to be, the user has to decide. Of one from the contact's own hands or screen, `in_person` is the
/// generation that it names: what the account has signed in a lower one does not count.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn link(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], in_person: Option<u64>) -> Result<Linked, StoreError> {
    let by = if in_person.is_some() { ChangedBy::InPerson } else { ChangedBy::Link };
    let floor = in_person.unwrap_or(0);
    match load(tx, user)? {
        Some(contact) if contact.identity != *identity => {
            // A copy of the same link, by mail, takes nothing from the one that came by hand.
            let known = contact.changed_identity.as_ref() == Some(identity)
                && contact.changed_by.as_ref() == Some(&ChangedBy::InPerson);
            if !known {
                put_change(tx, user, identity, &by, floor)?;
            }
            return Ok(Linked::AnotherKey);
        }
        Some(_) => {}
        None => pin(tx, user, identity)?,
    }
    set_refused(tx, user, identity, false)?;
    words::add(tx, user, identity, (by.marks(), floor))?;
    if in_person.is_some() {
        end_change(tx, user)?;
    }
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
/// another one that appeared beside it is wrong: it is forgotten, and asked about again where it is seen again. For good it is
/// refused by [`refuse_change`], which names it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_verified(tx: &Tx<'_>, user: &UserId, verified: bool) -> Result<(), StoreError> {
    let Some(contact) = load(tx, user)? else { return Ok(()) };
    if verified {
        words::add(tx, user, &contact.identity, (Marks::VERIFIED, 0))?;
        return end_change(tx, user);
    }
    words::take_back(tx, user, &contact.identity)
}

/// Takes the changed key as the new pinned one. A link that names it has vouched for it; nobody else has. Returns whether
/// there was one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn accept_change(tx: &Tx<'_>, user: &UserId) -> Result<bool, StoreError> {
    let Some(contact) = load(tx, user)? else { return Ok(false) };
    let Some((identity, by)) = contact.changed_identity.zip(contact.changed_by) else { return Ok(false) };
    let floor = changed_floor(tx, user)?;
    pin(tx, user, &identity)?;
    set_refused(tx, user, &identity, false)?;
    words::say(tx, user, &identity, (by.marks(), floor))?;
    end_change(tx, user)?;
    set_always_known(tx, user)?;
    Ok(true)
}

/// What waited for the word that the pinned key is right is what it was given for.
fn set_always_known(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE contact SET known_since = 0 WHERE user_id = ?1", [user.as_str()])?;
    Ok(())
}

fn changed_floor(at: &Snapshot<'_>, user: &UserId) -> Result<u64, StoreError> {
    let sql = "SELECT changed_floor FROM contact WHERE user_id = ?1";
    Ok(from_sql(at.sql().prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0))?))
}

/// Says of the changed key that it is not the contact's: the pinned one stays, and being seen again does not ask again.
/// Returns whether there was one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn refuse_change(tx: &Tx<'_>, user: &UserId) -> Result<bool, StoreError> {
    let Some(changed) = load(tx, user)?.and_then(|contact| contact.changed_identity) else { return Ok(false) };
    set_refused(tx, user, &changed, true)?;
    end_change(tx, user)?;
    Ok(true)
}

#[cfg(test)]
#[path = "contacts_tests.rs"]
mod tests;
