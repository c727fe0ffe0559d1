//! What waits to be sent.

mod holding;
mod refusals;

use privmsg_protocol::{Epoch, GroupId, MessageId};
use rusqlite::{OptionalExtension, Row, params};

use crate::chats::ChatId;
use crate::sql_types::{from_sql, group_id, message_id, to_sql};
use crate::tasks::audiences::{self, Audience};
use crate::tasks::{holds, uploads};
use crate::timeline::gaps;
use crate::timeline::position::{self, Place, Position};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, contacts, groups};

pub use holding::{Held, OTHERS_CAME, held, hold, hold_back, note_named, release, release_these};
pub use refusals::{WITHDRAWN, refusal, refuse};

/// The queue.
pub const TASK: TaskName = TaskName::new("outbox");

/// A queued message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Row; grows in the order of writing.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// Message.
    pub message_id: MessageId,
    /// Encoded content.
    pub content: Vec<u8>,
    /// The message that people see; none for what they do not see as one.
    pub message_row: Option<i64>,
    /// Its ciphertext and the epoch that it is for, once encrypted.
    pub encrypted: Option<Encrypted>,
    /// How far the chat had come when it was encrypted first: whatever number the server gives it is behind that.
    pub behind: Option<Position>,
    /// For whom it was written. None: whoever is there may have it.
    pub audience: Option<Audience>,
    /// How often a known key had given way to another by then.
    pub key_changes: i64,
}

/// Who may have what is queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// Who takes part now, as far as the user has been told, and nobody who comes later.
    ThoseThere {
        /// But these, whom the user is bringing in.
        coming: String,
    },
    /// Whoever takes part when it is sent.
    Anybody,
}

/// A ciphertext and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Group.
    pub group: GroupId,
    /// Epoch of the group.
    pub epoch: Epoch,
    /// MLS PrivateMessage.
    pub ciphertext: Vec<u8>,
}

/// What was taken out of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Its chat.
    pub chat: ChatId,
    /// The message that people see; none for what they do not see as one.
    pub message_row: Option<i64>,
}

/// Queues a message.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    tx: &Tx<'_>,
    chat: ChatId,
    id: &MessageId,
    content: &[u8],
    message_row: Option<i64>,
    readers: Readers,
) -> Result<i64, StoreError> {
    let audience = match readers {
        Readers::ThoseThere { coming } => Some(audiences::of_chat(tx, chat, &coming)?.column()),
        Readers::Anybody => None,
    };
    let keys = contacts::key_changes(tx)?;
    tx.sql()
        .prepare_cached(
            "INSERT INTO outbox (chat_id, message_id, content, message_row, audience, keys)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![chat.0, id.as_bytes().as_slice(), content, message_row, audience, keys])?;
    let row = tx.sql().last_insert_rowid();
    tx.changed(Change::Task(TASK));
    Ok(row)
}

/// What waits in a chat, the held among it, but for what has files that are still being uploaded.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all_but_uploading(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<MessageId>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT message_id FROM outbox
         WHERE chat_id = ?1 AND NOT EXISTS (SELECT 1 FROM upload WHERE outbox_id = outbox.id AND file_id IS NULL)
         ORDER BY id",
    )?;
    let rows = query.query_and_then([chat.0], |row| message_id(row, 0))?;
    rows.collect()
}

/// Whether something that can go waits in a chat since before a row of the queue.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn waits_from_before(at: &Snapshot<'_>, chat: ChatId, row: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE chat_id = ?1 AND id <= ?2 AND held = 0 AND NOT EXISTS
                   (SELECT 1 FROM upload WHERE outbox_id = outbox.id AND file_id IS NULL))";
    Ok(at.sql().prepare_cached(sql)?.query_row([chat.0, row], |row| row.get(0))?)
}

/// Whether something waits in a chat that was never sent.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_unsaid(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE chat_id = ?1 AND held = 0 AND again = 0)";
    Ok(at.sql().prepare_cached(sql)?.query_row([chat.0], |row| row.get(0))?)
}

/// The row of a queued message.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn row_of(at: &Snapshot<'_>, id: &MessageId) -> Result<Option<i64>, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT id FROM outbox WHERE message_id = ?1")?
        .query_row([id.as_bytes().as_slice()], |row| row.get(0))
        .optional()?)
}

/// Whether a queued message may have left this device: the server may have it.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_left(at: &Snapshot<'_>, id: &MessageId) -> Result<bool, StoreError> {
    Ok(at
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE message_id = ?1 AND has_left = 1)")?
        .query_row([id.as_bytes().as_slice()], |row| row.get(0))?)
}

/// Chats with something queued, the longest waiting first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn chats(at: &Snapshot<'_>) -> Result<Vec<ChatId>, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT chat_id FROM outbox WHERE held = 0 GROUP BY chat_id ORDER BY min(id)")?;
    let rows = query.query_map([], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a chat has something ready to be sent that is not among `ids`.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_other_than(at: &Snapshot<'_>, chat: ChatId, ids: &[MessageId]) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT message_id FROM outbox
         WHERE chat_id = ?1 AND held = 0 AND NOT EXISTS
             (SELECT 1 FROM upload WHERE outbox_id = outbox.id AND file_id IS NULL)
         ORDER BY id LIMIT ?2",
    )?;
    let limit = to_sql(ids.len() as u64 + 1);
    let rows = query.query_map(params![chat.0, limit], |row| Ok(message_id(row, 0)))?;
    for row in rows {
        if !ids.contains(&row??) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The oldest `limit` queued messages of a chat whose files are uploaded.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn ready(at: &Snapshot<'_>, chat: ChatId, limit: usize) -> Result<Vec<Queued>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, message_id, content, message_row, group_id, epoch, ciphertext, chat_id, behind, audience, keys FROM outbox
         WHERE chat_id = ?1 AND held = 0 AND NOT EXISTS
             (SELECT 1 FROM upload WHERE outbox_id = outbox.id AND file_id IS NULL)
         ORDER BY id LIMIT ?2",
    )?;
    let rows = query.query_map(params![chat.0, to_sql(limit as u64)], |row| Ok(queued(row)))?;
    rows.map(|row| row?).collect()
}

/// The oldest `limit` queued messages that are encrypted for a group, in whichever epoch, and are not held.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn to_repeat(at: &Snapshot<'_>, group: &GroupId, limit: usize) -> Result<Vec<Queued>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, message_id, content, message_row, group_id, epoch, ciphertext, chat_id, behind, audience, keys FROM outbox
         WHERE group_id = ?1 AND held = 0 ORDER BY id LIMIT ?2",
    )?;
    let rows = query.query_map(params![group.as_bytes().as_slice(), to_sql(limit as u64)], |row| Ok(queued(row)))?;
    rows.map(|row| row?).collect()
}

fn queued(row: &Row<'_>) -> Result<Queued, StoreError> {
    let encrypted = match (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<Vec<u8>>>(6)?) {
        (Some(epoch), Some(ciphertext)) => {
            Some(Encrypted { group: group_id(row, 4)?, epoch: Epoch(from_sql(epoch)), ciphertext })
        }
        _ => None,
    };
    Ok(Queued {
        id: row.get(0)?,
        chat: ChatId(row.get(7)?),
        message_id: message_id(row, 1)?,
        content: row.get(2)?,
        message_row: row.get(3)?,
        encrypted,
        behind: row.get::<_, Option<i64>>(8)?.map(Position),
        audience: row.get::<_, Option<i64>>(9)?.map(Audience::from_column),
        key_changes: row.get(10)?,
    })
}

/// Keeps the ciphertext of a queued message, in the transaction that advances the ratchet. Returns how far the chat had come when it
/// was encrypted first.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_encrypted(tx: &Tx<'_>, queued: &Queued, encrypted: &Encrypted) -> Result<Position, StoreError> {
    let behind = match (queued.behind, gaps::highest(tx, &encrypted.group)?) {
        (Some(behind), _) => behind,
        (None, seen) => {
            let place = Place::Numbered { group: encrypted.group, seq: seen.unwrap_or_default() };
            position::of(tx, queued.chat, place)?
        }
    };
    tx.sql()
        .prepare_cached(
            "UPDATE outbox SET group_id = ?2, epoch = ?3, ciphertext = ?4, behind = ?5, has_left = 1 WHERE id = ?1",
        )?
        .execute(params![
            queued.id,
            encrypted.group.as_bytes().as_slice(),
            to_sql(encrypted.epoch.0),
            encrypted.ciphertext,
            behind.0
        ])?;
    Ok(behind)
}

/// How many messages are encrypted for a group, in whichever epoch, those that are held among them: the server may have
/// them.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn unanswered(at: &Snapshot<'_>, group: &GroupId) -> Result<u64, StoreError> {
    encrypted_for(at, group, true)
}

/// How many of them are repeated until they are answered ([`to_repeat`]): those that are not held.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn owed_answers(at: &Snapshot<'_>, group: &GroupId) -> Result<u64, StoreError> {
    encrypted_for(at, group, false)
}

fn encrypted_for(at: &Snapshot<'_>, group: &GroupId, held_too: bool) -> Result<u64, StoreError> {
    let count: i64 = at
        .sql()
        .prepare_cached("SELECT count(*) FROM outbox WHERE group_id = ?1 AND (held = 0 OR ?2)")?
        .query_row(params![group.as_bytes().as_slice(), held_too], |row| row.get(0))?;
    Ok(from_sql(count))
}

/// Drops the ciphertext of a message that the server has refused: by the time it is sent again, others of the same
/// sender may have passed it by so far that its key is not kept any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear_encrypted(tx: &Tx<'_>, id: &MessageId) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL, has_left = 0 WHERE message_id = ?1",
        [id.as_bytes().as_slice()],
    )?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Drops the ciphertexts of a group: this device has become another leaf of it, or is none any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear_encrypted_for(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL WHERE group_id = ?1",
        [group.as_bytes().as_slice()],
    )?;
    Ok(())
}

/// Takes a message out of the queue. `None` if nothing is queued under this id.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: &MessageId) -> Result<Option<Removed>, StoreError> {
    let removed = tx
        .sql()
        .prepare_cached("DELETE FROM outbox WHERE message_id = ?1 RETURNING chat_id, message_row")?
        .query_row([id.as_bytes().as_slice()], |row| {
            Ok(Removed { chat: ChatId(row.get(0)?), message_row: row.get(1)? })
        })
        .optional()?;
    if let Some(removed) = removed {
        forget_holds(tx, removed.chat)?;
    }
    tx.changed(Change::Task(TASK));
    Ok(removed)
}

/// Takes out a message that is not going to be sent, and what was begun for it.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn withdraw(tx: &Tx<'_>, id: &MessageId) -> Result<Option<Removed>, StoreError> {
    uploads::abandon(tx, id)?;
    remove(tx, id)
}

/// The same by the row of the message that people see.
pub(crate) fn withdraw_of(tx: &Tx<'_>, message_row: i64) -> Result<(), StoreError> {
    let id = tx
        .sql()
        .prepare_cached("SELECT message_id FROM outbox WHERE message_row = ?1")?
        .query_row([message_row], |row| Ok(message_id(row, 0)))
        .optional()?
        .transpose()?;
    let Some(id) = id else { return Ok(()) };
    // Whoever waits for it must not take it for sent.
    refuse(tx, &id, WITHDRAWN)?;
    withdraw(tx, &id).map(drop)
}

/// A chat in which nothing is queued waits for nothing.
pub(super) fn forget_holds(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    let queued: bool = tx
        .sql()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE chat_id = ?1)")?
        .query_row([chat.0], |row| row.get(0))?;
    if queued {
        return Ok(());
    }
    audiences::forget(tx, chat)?;
    // Somebody may be brought in once this is said.
    tx.changed(Change::Task(groups::TASK));
    holds::forget(tx, holds::Scope::Chat(chat))
}

/// Replaces the content of a queued message, once all its files are known.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_content(tx: &Tx<'_>, id: i64, content: &[u8]) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE outbox SET content = ?2 WHERE id = ?1", params![id, content])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}
