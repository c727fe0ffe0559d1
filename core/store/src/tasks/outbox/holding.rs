//! What of the queue goes out only when the user says so.

use privmsg_protocol::{MessageId, UserId};
use rusqlite::params;

use super::{Queued, TASK};
use crate::chats::ChatId;
use crate::contacts;
use crate::sql_types::message_id;
use crate::tasks::audiences;
use crate::timeline::messages::{self, HeldBy};
use crate::{Change, Snapshot, StoreError, Tx};

/// Why something waits for the user's word, where that is no block; and why what people do not see as a message was not said.
pub const OTHERS_CAME: &str = "others_came";

/// A message that waits for the user's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its chat.
    pub chat: ChatId,
    /// Its row among the messages.
    pub message_row: i64,
    /// Its name.
    pub message_id: MessageId,
    /// Why it is.
    pub by: HeldBy,
    /// Who would have it, and was not there by that key when it was written.
    pub newcomers: Vec<UserId>,
    /// Whether they were named to the user.
    pub named: bool,
}

impl Held {
    /// Whether the user's word about the one is about the other, too.
    fn is_as(&self, shown: &Self) -> bool {
        (self.message_row, self.by) == (shown.message_row, shown.by) && self.newcomers == shown.newcomers
    }
}

const fn column(by: HeldBy) -> i64 {
    match by {
        HeldBy::Block => 1,
        HeldBy::OthersCame => 2,
    }
}

/// What waits in a chat is held, because the user has blocked who it is for: it goes out when the user says so, and not before. Returns
/// the rows of what was not held before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hold(tx: &Tx<'_>, chat: ChatId) -> Result<Vec<i64>, StoreError> {
    let rows = rows(tx, "SELECT id, message_row FROM outbox WHERE chat_id = ?1 AND held = ?2", chat, 0)?;
    for (id, message_row) in &rows {
        tx.sql().execute("UPDATE outbox SET held = ?2 WHERE id = ?1", params![id, column(HeldBy::Block)])?;
        if let Some(row) = message_row {
            messages::set_held(tx, *row, None)?;
        }
    }
    changed(tx, chat);
    Ok(rows.into_iter().map(|(id, _)| id).collect())
}

/// What was written for others than who would have it now waits for the user's word, which is then about these: the roster of a group, and
/// those of it who have come since. `false`: nobody sees it as a message that waits.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hold_back(tx: &Tx<'_>, queued: &Queued, roster: &[u8], newcomers: &[UserId]) -> Result<bool, StoreError> {
    let Some(row) = queued.message_row else { return Ok(false) };
    if !messages::set_held(tx, row, Some(OTHERS_CAME))? {
        return Ok(false);
    }
    let audience = audiences::enter(tx, queued.chat, roster, "")?.column();
    let names = newcomers.iter().map(UserId::as_str).collect::<Vec<_>>().join(" ");
    tx.sql()
        .prepare_cached(
            "UPDATE outbox SET held = ?2, audience = ?3, keys = ?4, newcomers = ?5, named = 0 WHERE id = ?1",
        )?
        .execute(params![queued.id, column(HeldBy::OthersCame), audience, contacts::key_changes(tx)?, names])?;
    changed(tx, queued.chat);
    Ok(true)
}

/// What is held in a chat is sent after all, as far as it is held as it was shown: encrypted anew, for its recipients may not keep the old
/// keys any more. It goes to those of whom the user was told with it: if others have come since, it is held again. What people do not see
/// and was held because of a block goes with it. Returns which messages go.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn release(tx: &Tx<'_>, chat: ChatId, shown: &[Held]) -> Result<Vec<Held>, StoreError> {
    let mut released = held(tx, chat)?;
    released.retain(|held| shown.iter().any(|shown| held.is_as(shown)));
    let mut rows = rows(tx, "SELECT id, message_row FROM outbox WHERE chat_id = ?1 AND held > ?2", chat, 0)?;
    rows.retain(|(_, row)| row.is_none_or(|row| released.iter().any(|held| held.message_row == row)));
    let_go(tx, chat, &rows)?;
    Ok(released)
}

/// Those who would have them were named to the user.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note_named(tx: &Tx<'_>, chat: ChatId, shown: &[Held]) -> Result<(), StoreError> {
    for held in held(tx, chat)?.iter().filter(|held| shown.iter().any(|shown| held.is_as(shown))) {
        tx.sql().execute("UPDATE outbox SET named = 1 WHERE message_row = ?1", [held.message_row])?;
    }
    Ok(())
}

/// These rows of a chat are held no more.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn release_these(tx: &Tx<'_>, chat: ChatId, ids: &[i64]) -> Result<(), StoreError> {
    let sql = "SELECT id, message_row FROM outbox WHERE chat_id = ?1 AND held > ?2";
    let mut held = rows(tx, sql, chat, 0)?;
    held.retain(|(id, _)| ids.contains(id));
    let_go(tx, chat, &held)
}

/// The messages that people see and that are held in a chat, the oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn held(at: &Snapshot<'_>, chat: ChatId) -> Result<Vec<Held>, StoreError> {
    let sql = "SELECT message_row, message_id, held, newcomers, named FROM outbox
               WHERE chat_id = ?1 AND held > 0 AND message_row IS NOT NULL ORDER BY id";
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_and_then([chat.0], |row| {
        let names: String = row.get(3)?;
        Ok(Held {
            chat,
            message_row: row.get(0)?,
            message_id: message_id(row, 1)?,
            by: if row.get::<_, i64>(2)? == column(HeldBy::Block) { HeldBy::Block } else { HeldBy::OthersCame },
            newcomers: names.split_whitespace().filter_map(|name| name.parse().ok()).collect(),
            named: row.get(4)?,
        })
    })?;
    rows.collect()
}

fn rows(at: &Snapshot<'_>, sql: &str, chat: ChatId, held: i64) -> Result<Vec<(i64, Option<i64>)>, StoreError> {
    let mut query = at.sql().prepare_cached(sql)?;
    let rows = query.query_map([chat.0, held], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn let_go(tx: &Tx<'_>, chat: ChatId, rows: &[(i64, Option<i64>)]) -> Result<(), StoreError> {
    for (id, message_row) in rows {
        tx.sql()
            .prepare_cached(
                "UPDATE outbox SET held = 0, newcomers = '', group_id = NULL, epoch = NULL, ciphertext = NULL WHERE id = ?1",
            )?
            .execute([id])?;
        if let Some(row) = message_row {
            messages::set_queued(tx, *row)?;
        }
    }
    changed(tx, chat);
    Ok(())
}

fn changed(tx: &Tx<'_>, chat: ChatId) {
    tx.changed(Change::Task(TASK));
    tx.changed(Change::Chat(chat));
}
