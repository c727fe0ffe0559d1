//! What the user's devices have told each other of whom they have blocked.

use privmsg_protocol::{DeviceId, UserId};
use rusqlite::{OptionalExtension, params};

use super::{FIRST, TASK};
use crate::sql_types::{device_id, user_id};
use crate::{Change, Snapshot, StoreError, Tx, gaps, settings};

/// How long what was kept back may be on its way to a device after its user does not want that any more.
const LATELY_MS: i64 = 30 * 24 * 3600 * 1000;

/// Of how many people one other device is believed that it has blocked them, or has not any more: some more than the server lets a
/// user block.
const MAX_TOLD: i64 = 2_000;

/// That somebody was blocked, or is not any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub user: UserId,
    /// They are blocked.
    pub blocked: bool,
    /// By the clock of the device on which it was decided, ms. Of two, the later one counts.
    pub at_ms: i64,
}

/// A person has blocked somebody on this device, or takes it back.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn say(tx: &Tx<'_>, user: &UserId, blocked: bool, now_ms: i64) -> Result<Told, StoreError> {
    let known = known(tx, user)?;
    // A clock that was wrong once does not make everything that is said here old.
    let at_ms = known.map_or(now_ms, |(was, at)| now_ms.max(at.saturating_add(i64::from(was != Some(blocked)))));
    let told = Told { user: user.clone(), blocked, at_ms };
    put(tx, &told, None, now_ms)?;
    Ok(told)
}

/// Another device of the user's says so. Returns whether that is news: it is another state than the one that was known, and the server
/// did not have it so when this device came.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hear(tx: &Tx<'_>, told: &Told, by: &DeviceId, now_ms: i64) -> Result<bool, StoreError> {
    let (was, at) = known(tx, &told.user)?.unwrap_or_default();
    // Decided at the same moment: all devices come to the same.
    if told.at_ms < at || (told.at_ms == at && (was == Some(told.blocked) || !told.blocked)) {
        if told.blocked && was == Some(false) {
            has_ended(tx, &told.user, now_ms)?;
        }
        return Ok(false);
    }
    if was == Some(told.blocked) {
        // No news, but what was said before that is older now.
        let sql = "UPDATE blocked_user SET said_at = ?2 WHERE user_id = ?1";
        tx.sql().prepare_cached(sql)?.execute(params![told.user.as_str(), told.at_ms])?;
        return Ok(false);
    }
    if was.is_none() {
        let sql = "SELECT count(*) FROM blocked_user WHERE said_by = ?1";
        let told: i64 = tx.sql().prepare_cached(sql)?.query_row([by.as_str()], |row| row.get(0))?;
        if told >= MAX_TOLD {
            return Ok(false);
        }
    }
    let is_news = !was_so_at_first(tx, told)?;
    put(tx, told, Some(by), now_ms)?;
    Ok(is_news)
}

/// That somebody was blocked is heard when they are not any more: what was kept back until then was wanted. It has ended when the
/// later word was said, however often the earlier one is heard.
fn has_ended(tx: &Tx<'_>, user: &UserId, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE blocked_user SET ended_at = min(said_at, ?2) WHERE user_id = ?1";
    tx.sql().prepare_cached(sql)?.execute(params![user.as_str(), now_ms])?;
    gaps::is_wanted(tx, user)
}

fn was_so_at_first(at: &Snapshot<'_>, told: &Told) -> Result<bool, StoreError> {
    let Some(first) = settings::get(at, FIRST)? else { return Ok(true) };
    let mut query = at.sql().prepare_cached("SELECT listed, since FROM blocked_user WHERE user_id = ?1")?;
    let known: Option<(bool, i64)> =
        query.query_row([told.user.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (listed, since) = known.unwrap_or((false, first));
    Ok(listed == told.blocked && since <= first)
}

/// What was said last of somebody, and when.
fn known(at: &Snapshot<'_>, user: &UserId) -> Result<Option<(Option<bool>, i64)>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT said, said_at FROM blocked_user WHERE user_id = ?1")?;
    Ok(query.query_row([user.as_str()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn put(tx: &Tx<'_>, told: &Told, by: Option<&DeviceId>, now_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "INSERT INTO blocked_user (user_id, listed, said, said_at, said_by, since) VALUES (?1, 0, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET said = ?2, said_at = ?3, said_by = ?4, since = ?5, shown = 0,
                 ended_at = iif(said = 1 AND NOT ?2, ?5, ended_at)",
        )?
        .execute(params![told.user.as_str(), told.blocked, told.at_ms, by.map(DeviceId::as_str), now_ms])?;
    if told.blocked {
        gaps::is_wanted(tx, &told.user)?;
    }
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Whether a device of the user's has said that somebody is blocked.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_said_to_be(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1 AND said = 1)";
    Ok(at.sql().prepare_cached(sql)?.query_row([user.as_str()], |row| row.get(0))?)
}

/// Whether a device of the user's has said that somebody is blocked, or had until lately: then what the server keeps back of theirs is
/// wanted. The server's own list says nothing of that.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_said_lately(at: &Snapshot<'_>, user: &UserId, now_ms: i64) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = ?1 AND (said = 1 OR ended_at > ?2 - ?3))",
    )?;
    Ok(query.query_row(params![user.as_str(), now_ms, LATELY_MS], |row| row.get(0))?)
}

/// What was said on this device, or on one that is not among these any more: those that are tell it themselves.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn told(at: &Snapshot<'_>, listed: &[DeviceId]) -> Result<Vec<Told>, StoreError> {
    let sql = "SELECT user_id, said, said_at, said_by FROM blocked_user WHERE said IS NOT NULL ORDER BY said_at DESC, user_id";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| {
        let told = Told { user: user_id(row, 0)?, blocked: row.get(1)?, at_ms: row.get(2)? };
        let by = row.get_ref(3)?.as_str_or_null().ok().flatten();
        Ok((!listed.iter().any(|device| Some(device.as_str()) == by)).then_some(told))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// What others than these devices have said, by device and name.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn by_others(at: &Snapshot<'_>, listed: &[DeviceId]) -> Result<Vec<(DeviceId, Told)>, StoreError> {
    let sql =
        "SELECT user_id, said, said_at, said_by FROM blocked_user WHERE said_by IS NOT NULL ORDER BY said_by, user_id";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| {
        let told = Told { user: user_id(row, 0)?, blocked: row.get(1)?, at_ms: row.get(2)? };
        Ok((device_id(row, 3)?, told))
    })?;
    let all: Vec<_> = rows.collect::<Result<_, StoreError>>()?;
    Ok(all.into_iter().filter(|(by, _)| !listed.contains(by)).collect())
}

/// The user has been told whom others than these devices have blocked, and what they do not change stands as their own.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn settle(tx: &Tx<'_>, told: &[(DeviceId, Told)]) -> Result<(), StoreError> {
    for (by, told) in told {
        tx.sql()
            .prepare_cached("UPDATE blocked_user SET said_by = NULL WHERE user_id = ?1 AND said_by = ?2")?
            .execute(params![told.user.as_str(), by.as_str()])?;
    }
    Ok(())
}

/// Whom the server has as blocked though no device of the user's has said so, or not any more though one has; and since when, ms. As
/// long as nobody has been told.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn differing(at: &Snapshot<'_>) -> Result<Vec<(UserId, bool, i64)>, StoreError> {
    let sql = "SELECT user_id, listed, since FROM blocked_user
               WHERE NOT shown AND listed != coalesce(said, 0) ORDER BY user_id";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| Ok((user_id(row, 0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// The user has been told.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_shown(tx: &Tx<'_>, user: &UserId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("UPDATE blocked_user SET shown = 1 WHERE user_id = ?1")?.execute([user.as_str()])?;
    Ok(())
}
