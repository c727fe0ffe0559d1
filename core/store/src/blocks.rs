//! Whom the user has blocked. The server keeps the list, for all of the user's devices; here is what it said last, so that
//! nothing is queued that nobody should hear.

use privmsg_protocol::UserId;
use rusqlite::params;

use crate::chats::{self, Chat, ChatKind};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, gaps, groups, outbox, settings};

/// Reads the list anew when the server says that there is news.
pub const TASK: TaskName = TaskName::new("blocks");

/// How often the server has said that there is news.
const NEWS: &str = "blocks_news";

/// Whether the user has blocked somebody.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_blocked(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    let mut query = at
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1 AND unblocked_at IS NULL)")?;
    Ok(query.query_row([user.as_str()], |row| row.get(0))?)
}

/// How long what was kept back may be on its way to a device after its user does not want that any more.
const LATELY_MS: i64 = 30 * 24 * 3600 * 1000;

/// Whether the user has blocked somebody, or had until lately.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_blocked_lately(at: &Snapshot<'_>, user: &UserId, now_ms: i64) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1 AND coalesce(unblocked_at, ?2) > ?2 - ?3)",
    )?;
    Ok(query.query_row(params![user.as_str(), now_ms, LATELY_MS], |row| row.get(0))?)
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

/// Notes that somebody is blocked, or is not any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(tx: &Tx<'_>, user: &UserId, blocked: bool, now_ms: i64) -> Result<(), StoreError> {
    let changed = if blocked {
        gaps::is_wanted(tx, user)?;
        // What they were to hear, they do not hear now, and not later unless the user says so.
        if let Some(chat) = chats::find(tx, &ChatKind::Direct { peer: user.clone() })? {
            outbox::hold(tx, chat)?;
        }
        tx.sql()
            .prepare_cached(
                "INSERT INTO blocked_user (user_id) VALUES (?1)
                 ON CONFLICT DO UPDATE SET unblocked_at = NULL WHERE unblocked_at IS NOT NULL",
            )?
            .execute([user.as_str()])?
    } else {
        tx.sql()
            .prepare_cached("UPDATE blocked_user SET unblocked_at = ?2 WHERE user_id = ?1 AND unblocked_at IS NULL")?
            .execute(params![user.as_str(), now_ms])?
    };
    if changed > 0 {
        tx.changed(Change::Contact(user.clone()));
        tx.changed(Change::Task(groups::TASK));
    }
    Ok(())
}

/// Takes over the server's list.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn replace(tx: &Tx<'_>, blocked: &[UserId], now_ms: i64) -> Result<(), StoreError> {
    let known: Vec<String> = {
        let mut query = tx.sql().prepare_cached("SELECT user_id FROM blocked_user WHERE unblocked_at IS NULL")?;
        query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for user in known {
        let user = UserId::new(&user).map_err(|_| StoreError::Invalid("user id"))?;
        if !blocked.contains(&user) {
            set(tx, &user, false, now_ms)?;
        }
    }
    blocked.iter().try_for_each(|user| set(tx, user, true, now_ms))
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
