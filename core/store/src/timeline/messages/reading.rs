//! Looking for messages.

use privmsg_protocol::{MessageId, UserId};
use rusqlite::{OptionalExtension, Row, params};

use super::{Cursor, HeldBy, Kind, Message, MessageState};
use crate::chats::ChatId;
use crate::position::Position;
use crate::sql_types::{message_id, user_id};
use crate::{Snapshot, StoreError};

const COLUMNS: &str = "id, chat_id, position, message_id, sender_id, outgoing, sent_at, received_at, kind, content, state, \
                       failure, deleted_at";

fn read(row: &Row<'_>) -> Result<Message, StoreError> {
    let state = match row.get_ref(10)?.as_str().unwrap_or_default() {
        "queued" => MessageState::Queued,
        "held" => MessageState::Held(row.get::<_, Option<String>>(11)?.map_or(HeldBy::Block, |_| HeldBy::OthersCame)),
        "sent" => MessageState::Sent,
        "failed" => MessageState::Failed(row.get::<_, Option<String>>(11)?.unwrap_or_default()),
        "received" => MessageState::Received,
        _ => return Err(StoreError::Invalid("message state")),
    };
    Ok(Message {
        id: row.get(0)?,
        chat: ChatId(row.get(1)?),
        position: Position(row.get(2)?),
        message_id: message_id(row, 3)?,
        sender_id: user_id(row, 4)?,
        outgoing: row.get(5)?,
        sent_at: row.get(6)?,
        received_at: row.get(7)?,
        kind: Kind(row.get(8)?),
        content: row.get(9)?,
        state,
        deleted_at: row.get(12)?,
    })
}

fn collect(at: &Snapshot<'_>, rest: &str, parameters: impl rusqlite::Params) -> Result<Vec<Message>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!("SELECT {COLUMNS} FROM message {rest}"))?;
    let rows = query.query_map(parameters, |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Reads one message by its row, also one that the user has put out of sight.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, id: i64) -> Result<Option<Message>, StoreError> {
    Ok(collect(at, "WHERE id = ?1", [id])?.pop())
}

/// As [`load`], unless it is gone from this device.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load_shown(at: &Snapshot<'_>, id: i64) -> Result<Option<Message>, StoreError> {
    Ok(collect(at, "WHERE id = ?1 AND hidden = 0", [id])?.pop())
}

/// Messages with this id. More than one only if two people, or two devices of one, chose the same.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find(at: &Snapshot<'_>, id: &MessageId) -> Result<Vec<Message>, StoreError> {
    collect(at, "WHERE message_id = ?1 AND hidden = 0", [id.as_bytes().as_slice()])
}

/// What somebody has said. What this device says itself of somebody is none of it: they take nothing of that back.
const SAID: &str = "(kind >= 0 OR kind IN (-2, -10, -19))";

/// What somebody has said in a chat under this id. Not notices about them.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn find_of(at: &Snapshot<'_>, chat: ChatId, author: &UserId, id: &MessageId) -> Result<Vec<Message>, StoreError> {
    // `+`: by the id, of which there is one, and never through all of the chat, which the planner may think is as good.
    collect(
        at,
        &format!("WHERE message_id = ?1 AND sender_id = ?2 AND +chat_id = ?3 AND +hidden = 0 AND {SAID}"),
        params![id.as_bytes().as_slice(), author.as_str(), chat.0],
    )
}

/// Whether a message of this author was here and is gone: the user has put it out of sight, or its time is over.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_gone(at: &Snapshot<'_>, chat: ChatId, author: &UserId, id: &MessageId) -> Result<bool, StoreError> {
    let gone: Option<bool> = at
        .sql()
        .prepare_cached(&format!(
            "SELECT min(hidden) FROM message WHERE message_id = ?1 AND sender_id = ?2 AND +chat_id = ?3 AND {SAID}"
        ))?
        .query_row(params![id.as_bytes().as_slice(), author.as_str(), chat.0], |row| row.get(0))?;
    Ok(gone.unwrap_or(false))
}

/// The newest `limit` messages of a chat, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn newest(at: &Snapshot<'_>, chat: ChatId, limit: u32) -> Result<Vec<Message>, StoreError> {
    before(at, chat, Cursor(Position(i64::MAX), i64::MAX), limit)
}

/// The `limit` messages of a chat before `cursor`, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn before(at: &Snapshot<'_>, chat: ChatId, cursor: Cursor, limit: u32) -> Result<Vec<Message>, StoreError> {
    let mut messages = collect(
        at,
        "WHERE chat_id = ?1 AND hidden = 0 AND (position, id) < (?2, ?3) ORDER BY position DESC, id DESC LIMIT ?4",
        params![chat.0, cursor.0.0, cursor.1, limit],
    )?;
    messages.reverse();
    Ok(messages)
}

/// The `limit` messages of a chat behind `cursor`, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn after(at: &Snapshot<'_>, chat: ChatId, cursor: Cursor, limit: u32) -> Result<Vec<Message>, StoreError> {
    collect(
        at,
        "WHERE chat_id = ?1 AND hidden = 0 AND (position, id) > (?2, ?3) ORDER BY position, id LIMIT ?4",
        params![chat.0, cursor.0.0, cursor.1, limit],
    )
}

/// Messages of a chat between two cursors, both included, the oldest `limit` of them, oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn between(
    at: &Snapshot<'_>,
    chat: ChatId,
    from: Cursor,
    to: Cursor,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    collect(
        at,
        "WHERE chat_id = ?1 AND hidden = 0 AND (position, id) >= (?2, ?3) AND (position, id) <= (?4, ?5)
         ORDER BY position, id LIMIT ?6",
        params![chat.0, from.0.0, from.1, to.0.0, to.1, limit],
    )
}

/// The first message of others behind `from` that has a place already.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn first_unread(
    at: &Snapshot<'_>,
    chat: ChatId,
    own: &UserId,
    from: Position,
) -> Result<Option<Cursor>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached(
            "SELECT position, id FROM message
             WHERE chat_id = ?1 AND hidden = 0 AND position > ?2 AND position < ?3
                 AND kind >= 0 AND outgoing = 0 AND sender_id <> ?4
             ORDER BY position, id LIMIT 1",
        )?
        .query_row(params![chat.0, from.0, Position::QUEUED.0, own.as_str()], |row| {
            Ok(Cursor(Position(row.get(0)?), row.get(1)?))
        })
        .optional()?)
}

/// Messages from elsewhere that were stored after row `after`, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn received_after(at: &Snapshot<'_>, after: i64, limit: u32) -> Result<Vec<Message>, StoreError> {
    collect(at, "WHERE id > ?1 AND outgoing = 0 AND hidden = 0 ORDER BY id LIMIT ?2", params![after, limit])
}

/// Ids of what others wrote in a chat behind `from` and up to `to`.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn unread(
    at: &Snapshot<'_>,
    chat: ChatId,
    own: &UserId,
    from: Position,
    to: Position,
) -> Result<Vec<MessageId>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT message_id FROM message
         WHERE chat_id = ?1 AND hidden = 0 AND position > ?2 AND position <= ?3 AND kind >= 0 AND sender_id <> ?4
         ORDER BY position, id",
    )?;
    let rows = query.query_map(params![chat.0, from.0, to.0, own.as_str()], |row| Ok(message_id(row, 0)))?;
    rows.map(|row| row?).collect()
}

/// When the next message is to be deleted, ms.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn first_expiry(at: &Snapshot<'_>) -> Result<Option<i64>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT min(expires_at) FROM message WHERE expires_at IS NOT NULL")?
        .query_row([], |row| row.get(0))
        .optional()?
        .flatten())
}

/// The notices of one kind in a chat, from a position on, in their order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn notices_from(
    at: &Snapshot<'_>,
    chat: ChatId,
    kind: Kind,
    first: Position,
) -> Result<Vec<(Position, Vec<u8>)>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT position, content FROM message WHERE chat_id = ?1 AND kind = ?2 AND position >= ?3 ORDER BY position, id",
    )?;
    let rows = query.query_map(params![chat.0, kind.0, first.0], |row| Ok((Position(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
