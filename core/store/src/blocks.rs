//! Whom the user has blocked. The server keeps the list, for all of the user's devices, and goes by it; here is what it said last, so
//! that nothing is queued that nobody should hear. What the user's devices tell each other stands beside it: by that alone what the
//! server keeps back is wanted, and where the two differ the user is told.

mod said;

use privmsg_protocol::UserId;
use rusqlite::params;

use crate::chats::{self, Chat, ChatKind};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, consent, groups, outbox, settings};

pub use said::{Told, by_others, differing, hear, is_said_to_be, say, set_shown, settle, told, was_said_lately};

/// Reads the list anew when the server says that there is news.
pub const TASK: TaskName = TaskName::new("blocks");

/// When this device has first had the server's list, ms.
const FIRST: &str = "blocks_first";

/// How often the server has said that there is news.
const NEWS: &str = "blocks_news";

/// Whether the server has somebody as blocked by the user.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_blocked(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1 AND listed)")?;
    Ok(query.query_row([user.as_str()], |row| row.get(0))?)
}

/// Who of a chat is blocked, if it is one with somebody who is.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn in_chat(at: &Snapshot<'_>, chat: &Chat) -> Result<Option<UserId>, StoreError> {
    match &chat.kind {
        ChatKind::Direct { peer } if is_blocked(at, peer)? => Ok(Some(peer.clone())),
        _ => Ok(None),
    }
}

/// Notes that the server has somebody as blocked, or has them so no more. Returns what of the queue is held since then.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(tx: &Tx<'_>, user: &UserId, blocked: bool, now_ms: i64) -> Result<Vec<i64>, StoreError> {
    let mut held = Vec::new();
    if blocked {
        // What they were to hear, they do not hear now, and not later unless the user says so.
        if let Some(chat) = chats::find(tx, &ChatKind::Direct { peer: user.clone() })? {
            held = outbox::hold(tx, chat)?;
        }
    }
    let changed = tx
        .sql()
        .prepare_cached(
            "INSERT INTO blocked_user (user_id, listed, since) SELECT ?1, ?2, ?3
                 WHERE ?2 OR EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1)
             ON CONFLICT DO UPDATE SET listed = ?2, since = ?3, shown = 0 WHERE listed != ?2",
        )?
        .execute(params![user.as_str(), blocked, now_ms])?;
    if changed > 0 {
        tx.changed(Change::Contact(user.clone()));
        tx.changed(Change::Task(groups::TASK));
        // Whether these are told of is another thing now.
        for chat in consent::asked_by(tx, user)? {
            tx.changed(Change::Chat(chat));
        }
    }
    Ok(held)
}

/// Takes over the server's list.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn replace(tx: &Tx<'_>, blocked: &[UserId], now_ms: i64) -> Result<(), StoreError> {
    if settings::get(tx, FIRST)?.is_none() {
        settings::set(tx, FIRST, now_ms)?;
    }
    let known: Vec<String> = {
        let mut query = tx.sql().prepare_cached("SELECT user_id FROM blocked_user WHERE listed")?;
        query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for user in known {
        let user = UserId::new(&user).map_err(|_| StoreError::Invalid("user id"))?;
        if !blocked.contains(&user) {
            set(tx, &user, false, now_ms)?;
        }
    }
    blocked.iter().try_for_each(|user| set(tx, user, true, now_ms).map(drop))
}

/// The server says that something about the account has changed, perhaps this.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_news(tx: &Tx<'_>) -> Result<(), StoreError> {
    settings::set(tx, NEWS, news(tx)? + 1)?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// How often it has.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn news(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    Ok(settings::get(at, NEWS)?.unwrap_or(0))
}
