//! What the user's devices say of contacts' keys.
//!
//! Each device says which key it has met, and how it knows it; the others hear of that. What one device says changes
//! only what that device has said: it adds a contact that is not known here, or marks to the key that is pinned here.
//! Where another key is pinned, the user is told. So what a device has said that turns out to be a thief's can be taken out
//! again, and what is left is what the others have said.
//!
//! | `void` | |
//! |---|---|
//! | 0 | it counts |
//! | 1 | its device was removed as stolen, and the user has not confirmed it |
//! | 2 | the user has put it aside on this device |

mod stolen;

use privmsg_protocol::{DeviceId, UserId};
use rusqlite::{OptionalExtension as _, Row, params};

use super::{ChangedBy, load, pin, put_change};
use crate::sql_types::{from_sql, key_bytes, to_sql, user_id};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, known_devices, listed_devices};

pub use stolen::{confirm, note_shown, put_aside, to_confirm, was_shown, weigh_devices};

/// Tells the other devices.
pub const TASK: TaskName = TaskName::new("pins");

/// What is kept of what one other device tells: a device in the wrong hands fills no disk.
const MAX_TOLD: i64 = 5000;

/// Devices that may have handed a word on: more than one telephone after another in half a lifetime.
pub const MAX_THROUGH: usize = 16;

/// What is known of a key, besides that it was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// A contact link names it.
    pub const BY_LINK: Self = Self(1);
    /// The user has compared it.
    pub const VERIFIED: Self = Self(2);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is among these.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn of(row: &Row<'_>, column: usize) -> Result<Self, StoreError> {
        match row.get(column)? {
            bits @ 0..=3 => Ok(Self(bits)),
            _ => Err(StoreError::Invalid("marks of a contact")),
        }
    }
}

/// What a device says of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The contact.
    pub user: UserId,
    /// Their identity key, as that device has met it.
    pub identity: [u8; 32],
    /// How it is known there.
    pub marks: Marks,
    /// The generation that stood on the contact's own screen, 0 if that was not read there.
    pub floor: u64,
    /// Whose word it is; `None` for this device's own.
    pub said_by: Option<DeviceId>,
    /// The devices that have handed it on, without the one that says it and the one that has told it here.
    pub through: Vec<DeviceId>,
}

/// What hearing a word has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It says nothing that people have to know.
    Nothing,
    /// The contact is known here by another key, and nobody has vouched for the one or the other.
    Differs,
    /// The contact is known here by another key: sending stops until the user has decided.
    Blocked,
}

/// What is known of a key: the marks, and the generation that stood on the contact's own screen.
type Known = (Marks, u64);

/// This device has met a key, and knows this of it.
pub(super) fn say(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], (marks, floor): Known) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT INTO contact_word (user_id, said_by, told_by, identity, marks, floor) VALUES (?1, '', '', ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET identity = ?2, marks = ?3, floor = ?4, told = 0
             WHERE identity != ?2 OR marks != ?3 OR floor != ?4",
        )?
        .execute(params![user.as_str(), identity.as_slice(), marks.0, to_sql(floor)])?;
    tx.changed(Change::Task(TASK));
    weigh(tx, user)
}

/// The same, of a key that it may have heard of from others so far.
pub(super) fn say_seen(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<(), StoreError> {
    match own(tx, user)? {
        Some((known, _)) if known == *identity => Ok(()),
        _ => say(tx, user, identity, (Marks::NONE, 0)),
    }
}

/// This device knows more of a key than before.
pub(super) fn add(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], (marks, floor): Known) -> Result<(), StoreError> {
    let (known, before) = own_of(tx, user, identity)?;
    say(tx, user, identity, (known.and(marks), before.max(floor)))
}

/// The user takes back that the pinned key was compared: on this device nobody has, whoever said so, nor read anything from the
/// contact's screen.
pub(super) fn take_back(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "UPDATE contact_word SET void = 2
               WHERE user_id = ?1 AND identity = ?2 AND told_by != '' AND (marks & 2 OR floor != 0)";
    tx.sql().execute(sql, params![user.as_str(), identity.as_slice()])?;
    let (known, _) = own_of(tx, user, identity)?;
    say(tx, user, identity, (known.without(Marks::VERIFIED), 0))
}

/// What this device knows of a key.
fn own_of(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Known, StoreError> {
    let own = own(at, user)?.filter(|(known, _)| known == identity);
    Ok(own.map_or((Marks::NONE, 0), |(_, known)| known))
}

fn own(at: &Snapshot<'_>, user: &UserId) -> Result<Option<([u8; 32], Known)>, StoreError> {
    let sql = "SELECT identity, marks, floor FROM contact_word WHERE user_id = ?1 AND said_by = '' AND told_by = ''";
    let read = |row: &Row<'_>| Ok((key_bytes(row, 0)?, (Marks::of(row, 1)?, from_sql(row.get(2)?))));
    at.sql().prepare_cached(sql)?.query_row([user.as_str()], |row| Ok(read(row))).optional()?.transpose()
}

/// The marks of a contact are those of all words for the pinned key that count. Its floor is this device's own word: nobody has signed
/// one, and with an invented one a device in a thief's hands would keep its user from writing to anybody.
fn weigh(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    let changed = tx
        .sql()
        .prepare_cached(
            "WITH weighed (by_link, verified, floor) AS (
                 SELECT coalesce(max(marks & 1), 0), coalesce(max(marks >> 1 & 1), 0), coalesce(max(iif(told_by = '', floor, 0)), 0)
                 FROM contact_word AS word
                 WHERE user_id = ?1 AND void = 0 AND identity = (SELECT identity FROM contact WHERE user_id = ?1))
             UPDATE contact SET by_link = weighed.by_link, verified = weighed.verified, floor = weighed.floor FROM weighed
             WHERE user_id = ?1 AND (contact.by_link, contact.verified, contact.floor)
                 != (weighed.by_link, weighed.verified, weighed.floor)",
        )?
        .execute([user.as_str()])?;
    if changed > 0 {
        known_devices::note_change(tx)?;
        tx.changed(Change::Contact(user.clone()));
    }
    Ok(())
}

/// Another device of the user's, `told_by`, tells what it or a third one says. What it says of this one this one knows itself.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hear(tx: &Tx<'_>, told_by: &DeviceId, word: &Word) -> Result<Heard, StoreError> {
    let user = &word.user;
    let said_by = word.said_by.as_ref().unwrap_or(told_by);
    // What it has told before it can correct, however much it was.
    let has_room: bool = tx.sql().query_row(
        "SELECT (SELECT count(*) FROM contact_word WHERE told_by = ?3) < ?4
             OR EXISTS (SELECT 1 FROM contact_word WHERE user_id = ?1 AND said_by = ?2 AND told_by = ?3)",
        params![user.as_str(), said_by.as_str(), told_by.as_str(), MAX_TOLD],
        |row| row.get(0),
    )?;
    if !has_room {
        return Ok(Heard::Nothing);
    }
    let is_new = tx
        .sql()
        .prepare_cached(
            "INSERT INTO contact_word (user_id, said_by, told_by, identity, marks, floor, through)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET identity = ?4, marks = ?5, floor = ?6, through = ?7, void = 0, shown = 0
             WHERE identity != ?4 OR marks != ?5 OR floor != ?6 OR through != ?7",
        )?
        .execute(params![
            user.as_str(),
            said_by.as_str(),
            told_by.as_str(),
            word.identity.as_slice(),
            word.marks.0,
            to_sql(word.floor),
            joined(&word.through)
        ])?;
    if is_new == 0 {
        return Ok(Heard::Nothing);
    }
    let Some(contact) = load(tx, user)? else {
        pin(tx, user, &word.identity)?;
        weigh(tx, user)?;
        return Ok(Heard::Nothing);
    };
    weigh(tx, user)?;
    let waits = contact.changed_identity.is_some();
    if contact.identity == word.identity || contact.changed_identity == Some(word.identity) {
        return Ok(Heard::Nothing);
    }
    if word.marks == Marks::NONE {
        if super::is_refused(tx, user, &word.identity)? {
            return Ok(Heard::Nothing);
        }
        if !contact.is_held_fast() {
            return Ok(Heard::Differs);
        }
    }
    // What a person has brought here themselves waits, and no further.
    if waits && contact.changed_by.as_ref().is_some_and(ChangedBy::is_a_link) {
        return Ok(Heard::Differs);
    }
    put_change(tx, user, &word.identity, &ChangedBy::Device(said_by.clone()), 0)?;
    Ok(Heard::Blocked)
}

/// What this device says and has not told the others, the first `limit`.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn untold(at: &Snapshot<'_>, limit: usize) -> Result<Vec<Word>, StoreError> {
    let sql = "SELECT user_id, identity, marks, '', floor FROM contact_word WHERE told_by = '' AND told = 0 LIMIT ?1";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([i64::try_from(limit).unwrap_or(i64::MAX)], word)?;
    rows.collect()
}

/// Notes that the others have been told this.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_told(tx: &Tx<'_>, words: &[Word]) -> Result<(), StoreError> {
    let sql = "UPDATE contact_word SET told = 1 WHERE user_id = ?1 AND told_by = '' AND identity = ?2 AND marks = ?3
               AND floor = ?4";
    let mut told = tx.sql().prepare_cached(sql)?;
    for word in words {
        told.execute(params![word.user.as_str(), word.identity.as_slice(), word.marks.0, to_sql(word.floor)])?;
    }
    Ok(())
}

/// The others are told everything once more: there is one among them that has not heard it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn tell_again(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE contact_word SET told = 0 WHERE told_by = ''", [])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// What a device knows that is let in by this one: all that counts here for the pinned keys, what has been compared first. Of each
/// device's word one, as it came the shortest way, with all that have handed it on. What devices have said that were seen under
/// two keys is not passed on: one of them has said it, and the other one may be a thief's.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn to_pass_on(at: &Snapshot<'_>) -> Result<Vec<Word>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT word.user_id, word.identity, word.marks, word.said_by, word.floor, word.told_by, word.through
         FROM contact_word AS word
         JOIN contact ON contact.user_id = word.user_id AND contact.identity = word.identity
         WHERE word.void = 0",
    )?;
    let rows = query.query_and_then([], |row| {
        let (told_by, through): (String, String) = (row.get(5)?, row.get(6)?);
        let mut word = word(row)?;
        word.through = split(&through)?;
        if word.said_by.as_ref().is_some_and(|said_by| said_by.as_str() != told_by) {
            word.through.push(device(&told_by)?);
        }
        Ok::<_, StoreError>(word)
    })?;
    let mut words = rows.collect::<Result<Vec<_>, _>>()?;
    let doubtful = listed_devices::under_several_keys(at)?;
    words.retain(|word| {
        let mut by = word.said_by.iter().chain(&word.through);
        word.through.len() <= MAX_THROUGH && !by.any(|device| doubtful.contains(device))
    });
    let whose = |word: &Word| (word.user.clone(), word.said_by.clone());
    words.sort_by_cached_key(|word| (whose(word), word.through.len()));
    words.dedup_by_key(|word| whose(word));
    words.sort_by_cached_key(|word| (std::cmp::Reverse(word.marks.0), word.user.clone()));
    Ok(words)
}

fn joined(devices: &[DeviceId]) -> String {
    devices.iter().map(DeviceId::as_str).collect::<Vec<_>>().join(" ")
}

fn split(devices: &str) -> Result<Vec<DeviceId>, StoreError> {
    devices.split(' ').filter(|id| !id.is_empty()).map(device).collect()
}

fn device(id: &str) -> Result<DeviceId, StoreError> {
    DeviceId::new(id).map_err(|_| StoreError::Invalid("device id"))
}

/// All that is said of a contact on this device, with what counts.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, user: &UserId) -> Result<Vec<(Word, Weight)>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT user_id, identity, max(marks), said_by, max(floor), min(void) FROM contact_word WHERE user_id = ?1
         GROUP BY said_by, identity ORDER BY said_by",
    )?;
    let rows = query.query_and_then([user.as_str()], |row| Ok((word(row)?, Weight::of(row, 5)?)))?;
    rows.collect()
}

/// Whether a word counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It does.
    Counts,
    /// Its device was removed as stolen: the user has to confirm it.
    ToConfirm,
    /// The user has put it aside.
    Aside,
}

impl Weight {
    fn of(row: &Row<'_>, column: usize) -> Result<Self, StoreError> {
        Ok(match row.get::<_, i64>(column)? {
            0 => Self::Counts,
            1 => Self::ToConfirm,
            _ => Self::Aside,
        })
    }
}

fn word(row: &Row<'_>) -> Result<Word, StoreError> {
    let said_by: String = row.get(3)?;
    let said_by = match said_by.as_str() {
        "" => None,
        id => Some(device(id)?),
    };
    Ok(Word {
        user: user_id(row, 0)?,
        identity: key_bytes(row, 1)?,
        marks: Marks::of(row, 2)?,
        floor: from_sql(row.get(4)?),
        said_by,
        through: Vec::new(),
    })
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
