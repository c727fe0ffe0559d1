//! What was said about a message: reactions, edits, that it is deleted.
//!
//! Kept beside the messages, so that it may come before what it is about. Of one kind, person and key the newest counts,
//! by the order that everybody shares, so every device comes to the same, in whatever order it hears of them. What this
//! device has said itself is shown at once, but takes the place of nothing before it has a number: it may turn out to be
//! older than what another device has said, or to be refused.

use privmsg_protocol::{MessageId, UserId};
use rusqlite::{OptionalExtension, Row, params};

use crate::chats::ChatId;
use crate::position::{self, Place, Position};
use crate::sql_types::{message_id, user_id};
use crate::timeline::messages;
use crate::{Change, Snapshot, StoreError, Tx};

/// Different keys of one person, for one kind and message. Nobody reacts with more; somebody might send more.
const MAX_KEYS: i64 = 20;

/// What one person has said in a chat about messages that have never been here, and its bytes. Nobody sees that, and it may
/// be about nothing at all; beyond this the oldest goes. It comes before its message where that was lost or is late.
const MAX_ORPHANS: i64 = 1_000;
const MAX_ORPHAN_BYTES: i64 = 1 << 20;

/// A message, as others name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Who wrote it.
    pub author: UserId,
    /// Its id.
    pub message_id: MessageId,
}

/// Something about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Kind of its content.
    pub kind: i64,
    /// Who said it.
    pub sender_id: UserId,
    /// What tells several of one person apart.
    pub key: String,
    /// When it was said, by the sender's clock, ms.
    pub sent_at: i64,
    /// Where it stands in the chat.
    pub position: Position,
    /// Encoded content.
    pub content: Vec<u8>,
}

/// A relation to be stored.
#[derive(Debug, Clone)]
pub struct NewRelation<'a> {
    /// Chat.
    pub chat: ChatId,
    /// What it is about.
    pub target: &'a Target,
    /// Kind of its content.
    pub kind: i64,
    /// Who says it.
    pub sender_id: &'a UserId,
    /// What tells several of one person apart; may be empty.
    pub key: &'a str,
    /// What decides where it stands.
    pub place: Place,
    /// Its own id.
    pub message_id: MessageId,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// Encoded content.
    pub content: &'a [u8],
}

/// Stores a relation, unless a newer one is there, or too many. Returns whether it counts.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put(tx: &Tx<'_>, new: &NewRelation<'_>) -> Result<bool, StoreError> {
    let position = position::of(tx, new.chat, new.place)?;
    let (author, target) = (new.target.author.as_str(), new.target.message_id.as_bytes().as_slice());
    let sender = new.sender_id.as_str();
    let others: i64 = tx
        .sql()
        .prepare_cached(
            "SELECT count(DISTINCT key) FROM relation
             WHERE chat_id = ?1 AND target_author = ?2 AND target_id = ?3 AND kind = ?4 AND sender_id = ?5 AND key <> ?6",
        )?
        .query_row(params![new.chat.0, author, target, new.kind, sender, new.key], |row| row.get(0))?;
    if others >= MAX_KEYS {
        return Ok(false);
    }
    let own_id = new.message_id.as_bytes().as_slice();
    let pending = if position == Position::QUEUED { own_id } else { &[] };
    let stored = tx
        .sql()
        .prepare_cached(
            "INSERT INTO relation (chat_id, target_author, target_id, kind, sender_id, key, position, message_id, sent_at,
                 content, pending, orphan)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NOT EXISTS
                 (SELECT 1 FROM message WHERE message_id = ?3 AND sender_id = ?2 AND +chat_id = ?1))
             ON CONFLICT DO UPDATE SET position = ?7, message_id = ?8, sent_at = ?9, content = ?10,
                 said_here = CASE WHEN message_id = ?8 THEN said_here ELSE 0 END
             WHERE position <= ?7",
        )?
        .execute(params![
            new.chat.0,
            author,
            target,
            new.kind,
            sender,
            new.key,
            position.0,
            own_id,
            new.sent_at,
            new.content,
            pending
        ])?;
    if stored > 0 {
        told(tx, new.chat, new.target)?;
        bound_orphans(tx, new.chat, sender)?;
    }
    Ok(stored > 0)
}

/// Drops the oldest of what somebody has said about nothing that is here, as far as it is too much. What waits for its
/// number is this device's own.
fn bound_orphans(tx: &Tx<'_>, chat: ChatId, sender: &str) -> Result<(), StoreError> {
    let (mut count, mut bytes): (i64, i64) = tx
        .sql()
        .prepare_cached(
            "SELECT count(*), coalesce(sum(octet_length(content) + octet_length(key)), 0) FROM relation
             WHERE chat_id = ?1 AND sender_id = ?2 AND orphan = 1 AND pending = x''",
        )?
        .query_row(params![chat.0, sender], |row| Ok((row.get(0)?, row.get(1)?)))?;
    while count > MAX_ORPHANS || bytes > MAX_ORPHAN_BYTES {
        let dropped: Option<i64> = tx
            .sql()
            .prepare_cached(
                "DELETE FROM relation WHERE (chat_id, target_author, target_id, kind, sender_id, key, pending) =
                     (SELECT chat_id, target_author, target_id, kind, sender_id, key, pending FROM relation
                      WHERE chat_id = ?1 AND sender_id = ?2 AND orphan = 1 AND pending = x''
                      ORDER BY position LIMIT 1)
                 RETURNING octet_length(content) + octet_length(key)",
            )?
            .query_row(params![chat.0, sender], |row| row.get(0))
            .optional()?;
        let Some(dropped) = dropped else { break };
        (count, bytes) = (count - 1, bytes - dropped);
    }
    Ok(())
}

/// What was said about a message, in order: of each kind, person and key the newest.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, chat: ChatId, author: &UserId, id: &MessageId) -> Result<Vec<Relation>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT kind, sender_id, key, sent_at, position, content FROM relation AS said
         WHERE chat_id = ?1 AND target_author = ?2 AND target_id = ?3
             AND NOT EXISTS (SELECT 1 FROM relation AS newer
                 WHERE newer.chat_id = said.chat_id AND newer.target_author = said.target_author
                     AND newer.target_id = said.target_id AND newer.kind = said.kind
                     AND newer.sender_id = said.sender_id AND newer.key = said.key
                     AND (newer.position, newer.pending) > (said.position, said.pending))
         ORDER BY position, message_id",
    )?;
    let rows = query.query_map(params![chat.0, author.as_str(), id.as_bytes().as_slice()], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Removes what was said about a message, but for one kind: that which says that it is deleted.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn clear(tx: &Tx<'_>, chat: ChatId, target: &Target, but: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "DELETE FROM relation WHERE chat_id = ?1 AND target_author = ?2 AND target_id = ?3 AND kind <> ?4",
        )?
        .execute(params![chat.0, target.author.as_str(), target.message_id.as_bytes().as_slice(), but])?;
    told(tx, chat, target)
}

/// The server has given one of this device's own its place. Returns what it is about, and its kind, if it is the newest.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_sent(tx: &Tx<'_>, chat: ChatId, id: &MessageId, place: Place) -> Result<Option<(Target, i64)>, StoreError> {
    let own_id = id.as_bytes().as_slice();
    let position = position::of(tx, chat, place)?;
    let taken = tx
        .sql()
        .prepare_cached(
            "DELETE FROM relation WHERE message_id = ?1 AND pending = ?1
             RETURNING chat_id, target_author, target_id, kind, sender_id, key, sent_at, content",
        )?
        .query_row([own_id], |row| {
            let target = (user_id(row, 1), message_id(row, 2));
            let (sender, key): (String, String) = (row.get(4)?, row.get(5)?);
            let content: Vec<u8> = row.get(7)?;
            Ok((ChatId(row.get(0)?), target, row.get::<_, i64>(3)?, sender, key, row.get::<_, i64>(6)?, content))
        })
        .optional()?;
    let Some((chat, target, kind, sender, key, sent_at, content)) = taken else { return Ok(None) };
    let target = Target { author: target.0?, message_id: target.1? };
    let stored = tx
        .sql()
        .prepare_cached(
            "INSERT INTO relation (chat_id, target_author, target_id, kind, sender_id, key, position, message_id, sent_at,
                 content, said_here, orphan)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, NOT EXISTS
                 (SELECT 1 FROM message WHERE message_id = ?3 AND sender_id = ?2 AND +chat_id = ?1))
             ON CONFLICT DO UPDATE SET position = ?7, message_id = ?8, sent_at = ?9, content = ?10, said_here = 1
             WHERE position <= ?7",
        )?
        .execute(params![
            chat.0,
            target.author.as_str(),
            target.message_id.as_bytes().as_slice(),
            kind,
            sender,
            key,
            position.0,
            own_id,
            sent_at,
            content
        ])?;
    told(tx, chat, &target)?;
    Ok((stored > 0).then_some((target, kind)))
}

/// One of this device's own was refused for good: nobody else has it. What it would have replaced counts again.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn withdraw(tx: &Tx<'_>, id: &MessageId) -> Result<(), StoreError> {
    let gone = tx
        .sql()
        .prepare_cached(
            "DELETE FROM relation WHERE message_id = ?1 AND pending = ?1 RETURNING chat_id, target_author, target_id",
        )?
        .query_row(params![id.as_bytes().as_slice()], target)
        .optional()?;
    gone.map_or(Ok(()), |(chat, target)| told(tx, chat, &target?))
}

/// The chat, and the message that a relation is about.
fn target(row: &Row<'_>) -> rusqlite::Result<(ChatId, Result<Target, StoreError>)> {
    let target = || Ok(Target { author: user_id(row, 1)?, message_id: message_id(row, 2)? });
    Ok((ChatId(row.get(0)?), target()))
}

/// Whoever shows the message shows what was said about it.
fn told(tx: &Tx<'_>, chat: ChatId, target: &Target) -> Result<(), StoreError> {
    for message in messages::find_of(tx, chat, &target.author, &target.message_id)? {
        tx.changed(Change::Message(chat, message.id));
        if crate::chats::summary(tx, chat)?.is_some_and(|summary| summary.last_message == Some(message.id)) {
            tx.changed(Change::Chat(chat));
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Relation, StoreError> {
    Ok(Relation {
        kind: row.get(0)?,
        sender_id: user_id(row, 1)?,
        key: row.get(2)?,
        sent_at: row.get(3)?,
        position: Position(row.get(4)?),
        content: row.get(5)?,
    })
}
