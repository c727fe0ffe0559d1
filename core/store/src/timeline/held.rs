//! What a device has said that stands in no device list known here. A newer list may be on its way in which it stands; until
//! that has come, or nobody waits for it any more, nothing of it is shown.

use privmsg_protocol::{DeviceId, MessageId, UserId};
use rusqlite::{Row, params};

use crate::chats::ChatId;
use crate::position::{self, Place, Position};
use crate::sql_types::{device_id, key_bytes, message_id, user_id};
use crate::tasks::wanted_lists;
use crate::{Change, Snapshot, StoreError, Tx};

/// Contents of one device that are held at once: whoever says so much under a list that nobody knows is not waited for.
const OF_DEVICE: i64 = 64;

/// Of one other account: its devices share that, and nobody else with them.
const OF_ACCOUNT: i64 = 64;

/// Of all other accounts.
const OF_OTHERS: i64 = 512;

/// Of the user's own, apart: without them this device lacks what the others tell it, of which nothing is told again.
const OF_OWN: i64 = 512;

/// A held content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Row.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// Who said it.
    pub user: UserId,
    /// Under which identity.
    pub identity: [u8; 32],
    /// On which device.
    pub device: DeviceId,
    /// By which key.
    pub device_key: [u8; 32],
    /// Its id.
    pub message_id: MessageId,
    /// Where it stands in the chat.
    pub position: Position,
    /// Encoded content.
    pub content: Vec<u8>,
}

/// Who has said something.
#[derive(Debug, Clone, Copy)]
pub struct Speaker<'a> {
    /// User.
    pub user: &'a UserId,
    /// Under which identity.
    pub identity: &'a [u8; 32],
    /// On which device.
    pub device: &'a DeviceId,
    /// By which key.
    pub device_key: &'a [u8; 32],
}

/// Holds a content. `false` if there is no room.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn hold(
    tx: &Tx<'_>,
    chat: ChatId,
    speaker: &Speaker<'_>,
    place: Place,
    id: MessageId,
    content: &[u8],
) -> Result<bool, StoreError> {
    if !has_room(tx, speaker)? {
        return Ok(false);
    }
    tx.sql()
        .prepare_cached(
            "INSERT INTO held_content (chat_id, user_id, identity, device_id, device_key, message_id, position, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (message_id, user_id, device_id, chat_id) DO NOTHING",
        )?
        .execute(params![
            chat.0,
            speaker.user.as_str(),
            speaker.identity.as_slice(),
            speaker.device.as_str(),
            speaker.device_key.as_slice(),
            id.as_bytes().as_slice(),
            position::of(tx, chat, place)?.0,
            content
        ])?;
    tx.changed(Change::Task(wanted_lists::TASK));
    Ok(true)
}

fn has_room(at: &Snapshot<'_>, speaker: &Speaker<'_>) -> Result<bool, StoreError> {
    let (of_device, of_account, of_others, is_own): (i64, i64, i64, bool) = at
        .sql()
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE user_id = ?1 AND device_id = ?2), count(*) FILTER (WHERE user_id = ?1),
                 count(*) FILTER (WHERE user_id NOT IN (SELECT user_id FROM account)),
                 EXISTS (SELECT 1 FROM account WHERE user_id = ?1)
             FROM held_content",
        )?
        .query_row(params![speaker.user.as_str(), speaker.device.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let has_share = if is_own { of_account < OF_OWN } else { of_account < OF_ACCOUNT && of_others < OF_OTHERS };
    Ok(has_share && of_device < OF_DEVICE)
}

/// Everything that is held, in the order in which it came.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<Held>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, chat_id, user_id, identity, device_id, device_key, message_id, position, content FROM held_content
         ORDER BY id",
    )?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// It is held no more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM held_content WHERE id = ?1")?.execute([id])?;
    tx.changed(Change::Task(wanted_lists::TASK));
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Held, StoreError> {
    Ok(Held {
        id: row.get(0)?,
        chat: ChatId(row.get(1)?),
        user: user_id(row, 2)?,
        identity: key_bytes(row, 3)?,
        device: device_id(row, 4)?,
        device_key: key_bytes(row, 5)?,
        message_id: message_id(row, 6)?,
        position: Position(row.get(7)?),
        content: row.get(8)?,
    })
}
