//! Storing messages, and what becomes of them. The chat's entry in the list of chats is kept in step.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::{Direction, MessageState, NewMessage};
use crate::chats::{self, ChatId};
use crate::position::{self, Place, Position};
use crate::sql_types::to_sql;
use crate::tasks::{downloads, outbox};
use crate::{Change, StoreError, Tx};

/// Stores a message. `None` if this device's message is there already.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn insert(tx: &Tx<'_>, message: &NewMessage<'_>, direction: Direction) -> Result<Option<i64>, StoreError> {
    let outgoing = direction == Direction::Outgoing;
    let position = position::of(tx, message.chat, message.place)?;
    let (group, seq) = number(message.place);
    let inserted = tx
        .sql()
        .prepare_cached(
            "INSERT INTO message (chat_id, position, message_id, sender_id, sender_device, outgoing, group_id, seq,
                 sent_at, received_at, expires_at, kind, content, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (message_id, sender_id, sender_device, chat_id) DO NOTHING",
        )?
        .execute(params![
            message.chat.0,
            position.0,
            message.message_id.as_bytes().as_slice(),
            message.sender_id.as_str(),
            message.sender_device.as_str(),
            outgoing,
            group,
            seq,
            message.sent_at,
            message.received_at,
            message.expires_at,
            message.kind.0,
            message.content,
            if outgoing { "queued" } else { "received" },
        ])?;
    if inserted == 0 {
        return Ok(None);
    }
    let id = tx.sql().last_insert_rowid();
    enter(tx, message, position, id, outgoing)?;
    Ok(Some(id))
}

/// Enters a new message into its chat's summary. What somebody says brings the chat back from the archive, unless it is muted; what the
/// user says, and what is wrong there, in any case.
fn enter(tx: &Tx<'_>, message: &NewMessage<'_>, position: Position, id: i64, outgoing: bool) -> Result<(), StoreError> {
    let counts = !outgoing && message.kind.0 >= 0;
    tx.sql()
        .prepare_cached(
            "UPDATE chat SET messages = messages + 1, last_at = max(last_at, ?2),
                 archived = archived AND NOT (?7 OR ?3 AND NOT muted),
                 unread = unread + (?3 AND ?4 > read_to AND ?5 <> coalesce((SELECT user_id FROM account), '')),
                 last_message = iif(?4 >= coalesce((SELECT position FROM message WHERE id = last_message), 0),
                     ?6, last_message)
             WHERE id = ?1",
        )?
        .execute(params![
            message.chat.0,
            message.received_at,
            counts,
            position.0,
            message.sender_id.as_str(),
            id,
            outgoing || message.kind.is_alarm()
        ])?;
    changed(tx, message.chat, id);
    tx.changed(Change::Chat(message.chat));
    Ok(())
}

/// The content has changed before it was sent: its files are uploaded now.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_content(tx: &Tx<'_>, id: i64, content: &[u8]) -> Result<(), StoreError> {
    update(tx, "UPDATE message SET content = ?2 WHERE id = ?1 RETURNING chat_id", params![id, content])?;
    Ok(())
}

/// The server has acknowledged it, and given it a place. One that it had acknowledged before, and that was sent again, stays
/// where it stands.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_sent(tx: &Tx<'_>, id: i64, place: Place) -> Result<(), StoreError> {
    let (group, seq) = number(place);
    let sql = "UPDATE message SET state = 'sent', position = ?2, group_id = ?3, seq = ?4
         WHERE id = ?1 AND state <> 'sent' RETURNING chat_id";
    place_anew(tx, id, place, |position| update(tx, sql, params![id, position.0, group, seq])).map(drop)
}

/// It was refused, and trying again would not help. It stays where the conversation is now. One that the server had taken
/// before has not failed. Returns whether it has.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_failed(tx: &Tx<'_>, id: i64, code: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE message SET state = 'failed', failure = ?2, position = ?3
               WHERE id = ?1 AND state <> 'sent' RETURNING chat_id";
    place_anew(tx, id, Place::Here, |position| update(tx, sql, params![id, code, position.0]))
}

/// One that is queued is held until the user says so, for this reason, if it is no block. `false`: it is not queued.
///
/// # Errors
/// [`StoreError`] of the statement.
pub(crate) fn set_held(tx: &Tx<'_>, id: i64, why: Option<&str>) -> Result<bool, StoreError> {
    let sql = "UPDATE message SET state = 'held', failure = ?2 WHERE id = ?1 AND state = 'queued' RETURNING chat_id";
    Ok(update(tx, sql, params![id, why])?.is_some())
}

/// One that was held is queued again.
///
/// # Errors
/// [`StoreError`] of the statement.
pub(crate) fn set_queued(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    let sql = "UPDATE message SET state = 'queued', failure = NULL WHERE id = ?1 AND state = 'held' RETURNING chat_id";
    update(tx, sql, [id]).map(drop)
}

fn place_anew(
    tx: &Tx<'_>,
    id: i64,
    place: Place,
    update: impl FnOnce(Position) -> Result<Option<ChatId>, StoreError>,
) -> Result<bool, StoreError> {
    let Some(message) = super::load(tx, id)? else { return Ok(false) };
    let changed = update(position::of(tx, message.chat, place)?)?;
    if let Some(chat) = changed {
        chats::find_last(tx, chat)?;
    }
    Ok(changed.is_some())
}

/// Its author has deleted it for everybody: what it said goes, that there was something stays. What of it was held goes to nobody any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn delete(tx: &Tx<'_>, id: i64, at_ms: i64) -> Result<(), StoreError> {
    let is_held = super::load(tx, id)?.is_some_and(|message| matches!(message.state, MessageState::Held(_)));
    if is_held {
        outbox::withdraw_of(tx, id)?;
        set_failed(tx, id, outbox::WITHDRAWN)?;
    }
    let sql =
        "UPDATE message SET content = x'', deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL RETURNING chat_id";
    if let Some(chat) = update(tx, sql, params![id, at_ms])? {
        downloads::remove_of(tx, id)?;
        tx.changed(Change::Chat(chat));
    }
    Ok(())
}

/// The user does not want to see it any more, nor send it if it still waits. What is left is only what recognises it if
/// it comes again.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn forget(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    match hide(tx, id)? {
        Some(chat) => count_anew(tx, chat, 1),
        None => Ok(()),
    }
}

/// Messages that expire in one transaction: others want to write, too.
const EXPIRE_AT_ONCE: u32 = 256;

/// Forgets messages that have expired by now, the first of them. Who calls asks again ([`super::first_expiry`]).
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn expire(tx: &Tx<'_>, now_ms: i64) -> Result<(), StoreError> {
    let expired = {
        let mut query = tx.sql().prepare_cached(
            "SELECT id FROM message WHERE expires_at IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
        )?;
        query.query_map(params![now_ms, EXPIRE_AT_ONCE], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?
    };
    let mut gone = BTreeMap::new();
    for id in expired {
        if let Some(chat) = hide(tx, id)? {
            *gone.entry(chat).or_default() += 1;
        }
    }
    gone.into_iter().try_for_each(|(chat, messages)| count_anew(tx, chat, messages))
}

/// Takes a message, what waits of it, and what was said about it. Returns its chat, unless it was gone.
fn hide(tx: &Tx<'_>, id: i64) -> Result<Option<ChatId>, StoreError> {
    let sql = "UPDATE message SET content = x'', hidden = 1, expires_at = NULL
               WHERE id = ?1 AND hidden = 0 RETURNING chat_id";
    let Some(chat) = update(tx, sql, [id])? else { return Ok(None) };
    outbox::withdraw_of(tx, id)?;
    downloads::remove_of(tx, id)?;
    tx.sql()
        .prepare_cached(
            "DELETE FROM relation WHERE (chat_id, target_author, target_id) IN
                 (SELECT chat_id, sender_id, message_id FROM message WHERE id = ?1)",
        )?
        .execute([id])?;
    Ok(Some(chat))
}

/// So many messages of a chat are gone.
fn count_anew(tx: &Tx<'_>, chat: ChatId, messages: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE chat SET messages = messages - ?2 WHERE id = ?1")?
        .execute(params![chat.0, messages])?;
    chats::count_unread(tx, chat)?;
    chats::find_last(tx, chat)
}

/// Runs an update of one row that returns its chat, and notes the change.
fn update(tx: &Tx<'_>, sql: &str, parameters: impl rusqlite::Params) -> Result<Option<ChatId>, StoreError> {
    let mut row = None;
    let chat = tx
        .sql()
        .prepare_cached(&format!("{sql}, id"))?
        .query_row(parameters, |found| {
            row = Some(found.get(1)?);
            Ok(ChatId(found.get(0)?))
        })
        .optional()?;
    if let (Some(chat), Some(id)) = (chat, row) {
        changed(tx, chat, id);
    }
    Ok(chat)
}

/// Notes that a message, or something about it, has changed.
fn changed(tx: &Tx<'_>, chat: ChatId, id: i64) {
    tx.changed(Change::Message(chat, id));
}

fn number(place: Place) -> (Option<[u8; 16]>, Option<i64>) {
    match place {
        Place::Numbered { group, seq } => (Some(*group.as_bytes()), Some(to_sql(seq.0))),
        Place::Queued | Place::Here | Place::At(_) => (None, None),
    }
}
