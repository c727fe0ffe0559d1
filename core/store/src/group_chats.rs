//! What the chat of a group of people has besides: who takes part, its title, and whether the user still does.
//!
//! Rosters are bytes here, and were verified by whoever brings them.

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension, params};

use crate::chats::ChatId;
use crate::position::Position;
use crate::sql_types::to_sql;
use crate::{Change, Snapshot, StoreError, Tx};

/// Rosters that are kept of each group: more than a restore of the server takes back, as a rule.
const KEPT_ROSTERS: u32 = 16;

/// Why the user takes no part in a group any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// By their own word.
    Left,
    /// Somebody with the right to has sent them away.
    Removed,
    /// The server says that it knows no such group, or not this user in it.
    Unknown,
}

impl Gone {
    const ALL: [Self; 3] = [Self::Left, Self::Removed, Self::Unknown];

    /// A name for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Removed => "removed",
            Self::Unknown => "unknown",
        }
    }

    /// As it is stored. A reason that only a later version knows is one all the same.
    fn stored(name: Option<String>) -> Option<Self> {
        let name = name?;
        Some(Self::ALL.into_iter().find(|known| known.as_str() == name).unwrap_or(Self::Unknown))
    }
}

/// What a chat of a group of people has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupChat {
    /// The roster that it began with.
    pub founding: Vec<u8>,
    /// The newest rosters that are known, and what they follow.
    pub view: Vec<u8>,
    /// What people call it; empty as long as nobody has said.
    pub title: String,
    /// Why the user takes no part any more, if so.
    pub gone: Option<Gone>,
}

/// Reads what a chat has besides. `None` for a chat of another kind.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<GroupChat>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT founding, view, title, gone FROM group_chat WHERE chat_id = ?1")?;
    let read = |row: &rusqlite::Row<'_>| {
        let gone = Gone::stored(row.get(3)?);
        Ok(GroupChat { founding: row.get(0)?, view: row.get(1)?, title: row.get(2)?, gone })
    };
    Ok(query.query_row([chat.0], read).optional()?)
}

/// All of a group that a list of chats shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// What people call it; empty as long as nobody has said.
    pub title: String,
    /// Why the user takes no part any more, if so.
    pub gone: Option<Gone>,
}

impl Heading {
    /// What people call it, once anybody has said.
    #[must_use]
    pub fn title(self) -> Option<String> {
        Some(self.title).filter(|title| !title.is_empty())
    }
}

/// Reads the heading of a group's chat. `None` for a chat of another kind.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn heading(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<Heading>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT title, gone FROM group_chat WHERE chat_id = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok(Heading { title: row.get(0)?, gone: Gone::stored(row.get(1)?) });
    Ok(query.query_row([chat.0], read).optional()?)
}

/// Enters a group that this user takes part in, perhaps again.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn enter(tx: &Tx<'_>, chat: ChatId, founding: &[u8], view: &[u8]) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT INTO group_chat (chat_id, founding, view) VALUES (?1, ?2, ?3)
         ON CONFLICT (chat_id) DO UPDATE SET view = ?3, gone = NULL",
        params![chat.0, founding, view],
    )?;
    tx.changed(Change::Chat(chat));
    Ok(())
}

/// Keeps what is known of a group's rosters.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_view(tx: &Tx<'_>, chat: ChatId, view: &[u8]) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE group_chat SET view = ?2 WHERE chat_id = ?1", params![chat.0, view])?;
    tx.changed(Change::Chat(chat));
    Ok(())
}

/// The roster up to which a group's chat tells what has changed.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn told(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT told FROM group_chat WHERE chat_id = ?1")?;
    Ok(query.query_row([chat.0], |row| row.get(0)).optional()?.flatten())
}

/// What has changed is told up to this roster.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_told(tx: &Tx<'_>, chat: ChatId, roster: &[u8]) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE group_chat SET told = ?2 WHERE chat_id = ?1", params![chat.0, roster])?;
    Ok(())
}

/// The user takes no part any more, or does again. Returns whether that is news.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_gone(tx: &Tx<'_>, chat: ChatId, gone: Option<Gone>) -> Result<bool, StoreError> {
    let gone = gone.map(Gone::as_str);
    let sql = "UPDATE group_chat SET gone = ?2, title_at = iif(?2 IS NULL, -1, title_at)
               WHERE chat_id = ?1 AND (gone IS NULL) <> (?2 IS NULL)";
    let changed = tx.sql().execute(sql, params![chat.0, gone])? > 0;
    if changed {
        tx.changed(Change::Chat(chat));
    }
    Ok(changed)
}

/// The user is told that they are a group's only owner. Returns whether they had not been.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn urge(tx: &Tx<'_>, chat: ChatId) -> Result<bool, StoreError> {
    Ok(tx.sql().execute("UPDATE group_chat SET urged = 1 WHERE chat_id = ?1 AND urged = 0", [chat.0])? > 0)
}

/// Somebody has given a group its title, at this place in the chat: the newest counts.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_title(tx: &Tx<'_>, chat: ChatId, title: &str, position: Position) -> Result<(), StoreError> {
    let sql = "UPDATE group_chat SET title = ?2, title_at = ?3 WHERE chat_id = ?1 AND title_at <= ?3";
    if tx.sql().execute(sql, params![chat.0, title, position.0])? > 0 {
        tx.changed(Change::Chat(chat));
    }
    Ok(())
}

/// Somebody has told again what a group is called, for those who have not heard: it counts where nothing is known, and
/// for whoever was out meanwhile.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn tell_title(tx: &Tx<'_>, chat: ChatId, title: &str) -> Result<(), StoreError> {
    let sql = "UPDATE group_chat SET title = ?2, title_at = 0
               WHERE chat_id = ?1 AND (title_at = 0 AND title = '' OR title_at < 0)";
    if tx.sql().execute(sql, params![chat.0, title])? > 0 {
        tx.changed(Change::Chat(chat));
    }
    Ok(())
}

/// Whether a group may be called otherwise by now: the user was out since its title was heard.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_title_old(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM group_chat WHERE chat_id = ?1 AND title_at < 0)";
    Ok(at.sql().prepare_cached(sql)?.query_row([chat.0], |row| row.get(0))?)
}

/// How often somebody's devices that come in by themselves are told a group's title in a while: whoever lets theirs come and go would
/// have this device say it without end.
const TOLD_TIMES: u32 = 4;

/// That while, ms.
const TOLD_WITHIN: i64 = 6 * 60 * 60 * 1000;

/// Whether somebody is told the title of a group now. It is counted.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_title_told(tx: &Tx<'_>, chat: ChatId, user: &UserId, now_ms: i64) -> Result<bool, StoreError> {
    let told = tx
        .sql()
        .prepare_cached(
            "INSERT INTO title_told (chat_id, user_id, since, times) VALUES (?1, ?2, ?3, 1)
             ON CONFLICT DO UPDATE SET times = iif(?3 - since BETWEEN 0 AND ?4, times + 1, 1),
                 since = iif(?3 - since BETWEEN 0 AND ?4, since, ?3)
             WHERE times < ?5 OR ?3 - since NOT BETWEEN 0 AND ?4",
        )?
        .execute(params![chat.0, user.as_str(), now_ms, TOLD_WITHIN, TOLD_TIMES])?;
    Ok(told > 0)
}

/// A roster counts in a group's chat.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note_roster(tx: &Tx<'_>, chat: ChatId, number: u64, hash: &[u8; 32], roster: &[u8]) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("INSERT OR IGNORE INTO past_roster (chat_id, number, hash, roster) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![chat.0, to_sql(number), hash.as_slice(), roster])?;
    tx.sql()
        .prepare_cached(
            "DELETE FROM past_roster WHERE chat_id = ?1 AND hash IN
                 (SELECT hash FROM past_roster WHERE chat_id = ?1 ORDER BY number DESC, hash LIMIT -1 OFFSET ?2)",
        )?
        .execute(params![chat.0, KEPT_ROSTERS])?;
    Ok(())
}

/// The rosters that are kept of a group, the newest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn past_rosters(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT roster FROM past_roster WHERE chat_id = ?1 ORDER BY number DESC, hash")?;
    let rows = query.query_map([chat.0], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a roster with this hash has counted in a group, as far as that is still known.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_counted(at: &Snapshot<'_>, chat: ChatId, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT EXISTS (SELECT 1 FROM past_roster WHERE chat_id = ?1 AND hash = ?2)")?;
    Ok(query.query_row(params![chat.0, hash.as_slice()], |row| row.get(0))?)
}

/// All chats of groups of people, by their conversation's 32 bytes.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<(ChatId, String)>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT chat_id, title FROM group_chat ORDER BY chat_id")?;
    let rows = query.query_map([], |row| Ok((ChatId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
#[path = "group_chats_tests.rs"]
mod tests;
