//! What was said about messages that were shown already, until that is shown, too.

use privmsg_protocol::UserId;
use rusqlite::{Row, params};

use crate::sql_types::user_id;
use crate::{Snapshot, StoreError, Tx};

/// As many are kept. Whoever never lets them be shown looks at the messages themselves.
const MOST: i64 = 1_000;

/// What has become of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// It has another text.
    Edited,
    /// Its author has taken it back.
    Deleted,
    /// Somebody reacts to it so, or does no more.
    Reaction {
        /// The emoji.
        emoji: String,
        /// It was taken back.
        removed: bool,
    },
}

/// That somebody has amended a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amended {
    /// Grows.
    pub id: i64,
    /// The message's row.
    pub message: i64,
    /// How.
    pub what: Amendment,
    /// Who.
    pub by: UserId,
    /// When, by their clock, ms.
    pub at_ms: i64,
}

/// Notes it.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note(tx: &Tx<'_>, message: i64, what: &Amendment, by: &UserId, at_ms: i64) -> Result<(), StoreError> {
    let (kind, emoji) = match what {
        Amendment::Edited => ("edited", ""),
        Amendment::Deleted => ("deleted", ""),
        Amendment::Reaction { emoji, removed: false } => ("reacted", emoji.as_str()),
        Amendment::Reaction { emoji, removed: true } => ("unreacted", emoji.as_str()),
    };
    tx.sql()
        .prepare_cached("INSERT INTO amended (message, kind, emoji, sender_id, sent_at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![message, kind, emoji, by.as_str(), at_ms])?;
    tx.sql().prepare_cached("DELETE FROM amended WHERE id <= (SELECT max(id) FROM amended) - ?1")?.execute([MOST])?;
    Ok(())
}

/// What there is, in order.
///
/// # Errors
/// [`StoreError`] of the query, or for a damaged row.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<Amended>, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT id, message, kind, emoji, sender_id, sent_at FROM amended ORDER BY id")?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// The message has been shown as it is.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove_of(tx: &Tx<'_>, message: i64) -> Result<(), StoreError> {
    Ok(tx.sql().prepare_cached("DELETE FROM amended WHERE message = ?1")?.execute([message]).map(drop)?)
}

/// It has been shown.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    Ok(tx.sql().prepare_cached("DELETE FROM amended WHERE id = ?1")?.execute([id]).map(drop)?)
}

fn read(row: &Row<'_>) -> Result<Amended, StoreError> {
    let (kind, emoji): (String, String) = (row.get(2)?, row.get(3)?);
    let what = match kind.as_str() {
        "edited" => Amendment::Edited,
        "deleted" => Amendment::Deleted,
        "reacted" => Amendment::Reaction { emoji, removed: false },
        "unreacted" => Amendment::Reaction { emoji, removed: true },
        _ => return Err(StoreError::Invalid("what has become of a message")),
    };
    Ok(Amended { id: row.get(0)?, message: row.get(1)?, what, by: user_id(row, 4)?, at_ms: row.get(5)? })
}
