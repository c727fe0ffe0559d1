//! Contents of kinds that this version does not know, and that are not to be shown. A newer version applies them.

use privmsg_protocol::{DeviceId, MessageId, UserId};
use rusqlite::{Row, params};

use crate::chats::ChatId;
use crate::position::{self, Place, Position};
use crate::sql_types::{device_id, message_id, user_id};
use crate::{Snapshot, StoreError, Tx};

/// Contents kept for one chat, and bytes of them. Beyond that the oldest go.
const KEPT: i64 = 10_000;
const KEPT_BYTES: i64 = 16 << 20;

/// A kept content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Row.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// Its id.
    pub message_id: MessageId,
    /// Who said it.
    pub sender_id: UserId,
    /// On which device.
    pub sender_device: DeviceId,
    /// That device's key, Ed25519.
    pub sender_key: Option<[u8; 32]>,
    /// Where it stands in the chat.
    pub position: Position,
    /// When it came, ms.
    pub received_at: i64,
    /// Encoded content.
    pub content: Vec<u8>,
}

/// Who said what is kept, and where.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Chat.
    pub chat: ChatId,
    /// What decides where it stands.
    pub place: Place,
    /// Its id.
    pub message_id: MessageId,
    /// Who said it.
    pub sender_id: &'a UserId,
    /// On which device.
    pub sender_device: &'a DeviceId,
    /// That device's key, Ed25519.
    pub sender_key: Option<[u8; 32]>,
    /// When it came, ms.
    pub received_at: i64,
    /// What the present version knows of contents; grows with each.
    pub revision: i64,
}

/// Keeps a content; a second time is the same.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn keep(tx: &Tx<'_>, origin: &Origin<'_>, kind: i64, content: &[u8]) -> Result<(), StoreError> {
    let position = position::of(tx, origin.chat, origin.place)?;
    tx.sql()
        .prepare_cached(
            "INSERT INTO unknown_content (chat_id, message_id, sender_id, sender_device, position, received_at, kind,
                 content, revision, sender_key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (message_id, sender_id, sender_device, chat_id) DO NOTHING",
        )?
        .execute(params![
            origin.chat.0,
            origin.message_id.as_bytes().as_slice(),
            origin.sender_id.as_str(),
            origin.sender_device.as_str(),
            position.0,
            origin.received_at,
            kind,
            content,
            origin.revision,
            origin.sender_key
        ])?;
    let mut is_over =
        tx.sql().prepare_cached("SELECT contents > ?2 OR bytes > ?3 FROM unknown_content_sum WHERE chat_id = ?1")?;
    while is_over.query_row(params![origin.chat.0, KEPT, KEPT_BYTES], |row| row.get(0))? {
        tx.sql()
            .prepare_cached(
                "DELETE FROM unknown_content WHERE id = (SELECT min(id) FROM unknown_content WHERE chat_id = ?1)",
            )?
            .execute([origin.chat.0])?;
    }
    Ok(())
}

/// Up to `limit` contents of this kind that only versions before `revision` have tried, the oldest first.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_kind(at: &Snapshot<'_>, kind: i64, revision: i64, limit: u32) -> Result<Vec<Unknown>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT id, chat_id, message_id, sender_id, sender_device, position, received_at, content, sender_key
         FROM unknown_content
         WHERE kind = ?1 AND revision < ?2 ORDER BY id LIMIT ?3",
    )?;
    let rows = query.query_map(params![kind, revision, limit], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Forgets a kept content: it has been applied.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn remove(tx: &Tx<'_>, id: i64) -> Result<(), StoreError> {
    tx.sql().prepare_cached("DELETE FROM unknown_content WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Unknown, StoreError> {
    Ok(Unknown {
        id: row.get(0)?,
        chat: ChatId(row.get(1)?),
        message_id: message_id(row, 2)?,
        sender_id: user_id(row, 3)?,
        sender_device: device_id(row, 4)?,
        position: Position(row.get(5)?),
        received_at: row.get(6)?,
        content: row.get(7)?,
        sender_key: row.get(8)?,
    })
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{GroupId, Seq};

    use super::*;
    use crate::chats::ChatKind;
    use crate::key::DatabaseKey;
    use crate::{Store, chats, groups};

    /// What nobody sees takes no more of the disk than it may, however large each piece is.
    #[tokio::test]
    async fn what_is_kept_is_bounded_by_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let (kept, newest) = store
            .write(|tx| {
                let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
                let group = GroupId::from_bytes([1; 16]);
                groups::insert(tx, &group, chat, &[], groups::GroupState::Active, 0)?;
                let content = vec![1; 1 << 20];
                for n in 0..40 {
                    let origin = Origin {
                        chat,
                        place: Place::Numbered { group, seq: Seq(u64::from(n) + 1) },
                        message_id: MessageId::from_bytes([n; 16]),
                        sender_id: &UserId::new("mallory").unwrap(),
                        sender_device: &DeviceId::new("m").unwrap(),
                        sender_key: None,
                        received_at: 0,
                        revision: 1,
                    };
                    keep(tx, &origin, 99, &content)?;
                }
                let kept = of_kind(tx, 99, 2, 100)?;
                Ok::<_, StoreError>((kept.len(), kept.last().map(|kept| kept.message_id)))
            })
            .await
            .unwrap();
        assert_eq!((kept, newest), (16, Some(MessageId::from_bytes([39; 16]))));
    }
}
