//! What was said, and is said once more: a server that was restored from a backup may have lost it, or has given it to nobody of those who
//! came later.

use privmsg_protocol::{DeviceId, Seq, UserId};
use rusqlite::params;

use crate::chats::ChatId;
use crate::position::Position;
use crate::sql_types::from_sql;
use crate::tasks::audiences;
use crate::tasks::outbox::{self, TASK};
use crate::{Change, Snapshot, StoreError, Tx, contacts};

/// Messages that are said again at one time, the newest.
const AT_ONCE: u32 = 256;

/// Queues again what `user` has said on `device` in a chat, from a position on and since `since_ms`, and what they have said
/// about messages: the server may have lost it. What it has not lost it recognises, and so does everybody else.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn queue(
    tx: &Tx<'_>,
    chat: ChatId,
    first: Position,
    since_ms: i64,
    (user, device): (&UserId, &DeviceId),
) -> Result<(), StoreError> {
    let audience = audiences::of_chat(tx, chat, "")?.column();
    let limits = params![
        chat.0,
        first.0,
        Position::QUEUED.0,
        user.as_str(),
        device.as_str(),
        since_ms,
        AT_ONCE,
        audience,
        contacts::key_changes(tx)?
    ];
    tx.sql().execute(
        "INSERT OR IGNORE INTO outbox (chat_id, message_id, content, message_row, again, audience, keys)
         SELECT chat_id, message_id, content, row, 1, iif(row IS NULL, NULL, ?8), ?9 FROM (
             SELECT chat_id, position, message_id, content, id AS row FROM message
             WHERE chat_id = ?1 AND position >= ?2 AND position < ?3 AND hidden = 0 AND deleted_at IS NULL
                 AND sender_id = ?4 AND sender_device = ?5 AND state = 'sent' AND kind >= 0 AND received_at >= ?6
             UNION ALL
             SELECT chat_id, position, message_id, content, NULL FROM relation
             WHERE chat_id = ?1 AND position >= ?2 AND position < ?3 AND said_here = 1 AND sent_at >= ?6
             ORDER BY position DESC LIMIT ?7)
         ORDER BY position",
        limits,
    )?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The number that it has in its group.
    pub seq: Seq,
    /// Its encoded content.
    pub content: Vec<u8>,
}

/// What `user` has said on `device` in a chat behind a position and since `since_ms`, the newest of it, and what they have said there about
/// messages.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn behind(
    at: &Snapshot<'_>,
    chat: ChatId,
    after: Position,
    since_ms: i64,
    (user, device): (&UserId, &DeviceId),
) -> Result<Vec<Spoken>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT position, content FROM (
             SELECT position, content FROM message
             WHERE chat_id = ?1 AND position > ?2 AND position < ?3 AND hidden = 0 AND deleted_at IS NULL
                 AND sender_id = ?4 AND sender_device = ?5 AND state = 'sent' AND kind >= 0 AND received_at >= ?6
             UNION ALL
             SELECT position, content FROM relation
             WHERE chat_id = ?1 AND position > ?2 AND position < ?3 AND said_here = 1 AND sent_at >= ?6
             ORDER BY position DESC LIMIT ?7)
         ORDER BY position",
    )?;
    let values = params![chat.0, after.0, Position::QUEUED.0, user.as_str(), device.as_str(), since_ms, AT_ONCE];
    let rows = query.query_map(values, |row| {
        let (_, seq) = Position(row.get(0)?).ordinal_and_seq();
        Ok(Spoken { seq: Seq(from_sql(seq)), content: row.get(1)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Somebody has come to a chat who is to see only what is said from then on: nothing is said again there.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn drop_queued(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM outbox WHERE chat_id = ?1 AND again = 1")?.execute([chat.0])?;
    outbox::forget_holds(tx, chat)
}
