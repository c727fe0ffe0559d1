//! What other devices of the user's have decided, and what becomes of it when they are removed as stolen.

use privmsg_protocol::DeviceId;
use rusqlite::params;

use super::{Consent, Decided, Decision, TASK, decide, declined, kind, name, of, read, reopened, tell};
use crate::chats::{self, ChatKind};
use crate::sql_types::device_id;
use crate::{Change, Snapshot, StoreError, Tx};

/// Of how many chats one other device is believed that it has decided about them, which this device did not know of. What was known it
/// can decide about however much it was.
const MAX_TOLD: i64 = 5_000;

/// How long a device that was told everything is not told again, ms.
const PAUSE_MS: i64 = 24 * 3600 * 1000;

/// Another device of the user's has decided. Returns how the chat stood before, if it stands otherwise now.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hear(tx: &Tx<'_>, decision: &Decision, by: &DeviceId) -> Result<Option<Consent>, StoreError> {
    let has_room = {
        let mut query = tx.sql().prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM consent WHERE chat = ?1)
                 OR (SELECT count(*) FROM consent WHERE decided_by = ?2) < ?3",
        )?;
        query.query_row(params![name(&decision.chat), by.as_str(), MAX_TOLD], |row| row.get::<_, bool>(0))?
    };
    let before = of(tx, &decision.chat)?;
    if !has_room || !decide(tx, decision, Decided::Elsewhere)? {
        return Ok(None);
    }
    set_decided_by(tx, &decision.chat, by, before)?;
    Ok(Some(before))
}

/// Whether a device that wants to know everything is told: once in a day.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn is_to_be_told(tx: &Tx<'_>, device: &DeviceId, now_ms: i64) -> Result<bool, StoreError> {
    tx.sql()
        .prepare_cached("DELETE FROM decisions_told WHERE at NOT BETWEEN ?1 - ?2 AND ?1")?
        .execute(params![now_ms, PAUSE_MS])?;
    let told = tx
        .sql()
        .prepare_cached("INSERT INTO decisions_told (device_id, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![device.as_str(), now_ms])?;
    Ok(told > 0)
}

/// Notes which other device of the user's has brought about the present state of a chat, and in which it was. A device that goes on
/// deciding has found the state of before its first word.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_decided_by(tx: &Tx<'_>, chat: &ChatKind, device: &DeviceId, before: Consent) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE consent SET before = iif(decided_by = ?2, before, ?3), decided_by = ?2 WHERE chat = ?1",
        )?
        .execute(params![name(chat), device.as_str(), before.as_str()])?;
    Ok(())
}

/// What another device had decided, and how the chat stands without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Where.
    pub chat: ChatKind,
    /// Which device had.
    pub by: DeviceId,
    /// As it was before.
    pub now: Consent,
}

/// What other devices than these have decided, the chats by name.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn decided_by_others(at: &Snapshot<'_>, listed: &[DeviceId]) -> Result<Vec<Undone>, StoreError> {
    let sql = "SELECT chat, decided_by, before FROM consent WHERE decided_by IS NOT NULL ORDER BY chat";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([], |row| {
        let chat = kind(&row.get::<_, String>(0)?).ok_or(StoreError::Invalid("chat"))?;
        Ok(Undone { chat, by: device_id(row, 1)?, now: read(row.get_ref(2)?) })
    })?;
    let all: Vec<Undone> = rows.collect::<Result<_, StoreError>>()?;
    Ok(all.into_iter().filter(|one| !listed.contains(&one.by)).collect())
}

/// What other devices than these have decided counts no more: each chat stands as it did before. The server is told where a person had
/// answered; what had only been asked stays declined there until somebody does.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn undo(tx: &Tx<'_>, listed: &[DeviceId], now_ms: i64) -> Result<Vec<Undone>, StoreError> {
    let undone = decided_by_others(tx, listed)?;
    for one in &undone {
        let was = of(tx, &one.chat)?;
        tx.sql()
            .prepare_cached(
                "UPDATE consent SET state = ?2, decided_by = NULL, before = NULL, decided_at = max(?3, decided_at + 1),
                     told = ?2 NOT IN ('open', 'declined'), reopened_at = iif(state = 'declined', ?3, reopened_at)
                 WHERE chat = ?1",
            )?
            .execute(params![name(&one.chat), one.now.as_str(), now_ms])?;
        tx.changed(Change::Task(TASK));
        tell(tx, &one.chat)?;
        match chats::find(tx, &one.chat)? {
            Some(chat) if one.now == Consent::Declined => declined(tx, chat)?,
            Some(chat) if was == Consent::Declined => reopened(tx, chat, now_ms)?,
            // Nothing was known of it before that device spoke.
            None if one.now == Consent::Unknown => {
                tx.sql().prepare_cached("DELETE FROM consent WHERE chat = ?1")?.execute([name(&one.chat)])?;
            }
            _ => {}
        }
    }
    Ok(undone)
}

/// What was decided on this device, or on one that is not among these any more: what a new one of the user's is to know. Those that
/// are among them tell it themselves, so that nobody passes on what one of them says that is stolen. Of that, too, which chats are open
/// without anybody's decision, because a friend has brought the user in: a new device cannot know who is one.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn decisions(at: &Snapshot<'_>, listed: &[DeviceId]) -> Result<Vec<Decision>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT chat, state, decided_at, decided_by FROM consent
         WHERE state IN ('open', 'declined') ORDER BY decided_at DESC, chat",
    )?;
    let rows =
        query.query_map([], |row| Ok((row.get::<_, String>(0)?, read(row.get_ref(1)?), row.get(2)?, row.get(3)?)))?;
    let mut decisions = Vec::new();
    for row in rows {
        let (name, state, at_ms, by): (_, _, i64, Option<String>) = row?;
        if listed.iter().any(|device| Some(device.as_str()) == by.as_deref()) {
            continue;
        }
        let chat = kind(&name).ok_or(StoreError::Invalid("chat"))?;
        decisions.push(Decision { chat, open: state == Consent::Open, at_ms });
    }
    Ok(decisions)
}
