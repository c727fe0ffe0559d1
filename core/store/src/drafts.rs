//! What the user has begun to write and has not sent. There may be no chat yet to which it belongs.

use rusqlite::{OptionalExtension as _, params};

use crate::chats::{self, ChatKind};
use crate::{Change, Snapshot, StoreError, Tx};

/// What is begun, if anything.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, kind: &ChatKind) -> Result<Option<String>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT text FROM draft WHERE recipient = ?1")?;
    Ok(query.query_row([recipient(kind)], |row| row.get(0)).optional()?)
}

/// Keeps what is begun in the place of what was; nothing, if it is empty.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(tx: &Tx<'_>, kind: &ChatKind, text: &str) -> Result<(), StoreError> {
    let recipient = recipient(kind);
    let changed = if text.is_empty() {
        tx.sql().prepare_cached("DELETE FROM draft WHERE recipient = ?1")?.execute([recipient])?
    } else {
        tx.sql()
            .prepare_cached(
                "INSERT INTO draft (recipient, text) VALUES (?1, ?2)
                 ON CONFLICT (recipient) DO UPDATE SET text = ?2 WHERE text <> ?2",
            )?
            .execute(params![recipient, text])?
    };
    if changed > 0
        && let Some(chat) = chats::find(tx, kind)?
    {
        tx.changed(Change::Chat(chat));
    }
    Ok(())
}

fn recipient(kind: &ChatKind) -> String {
    match kind {
        ChatKind::Direct { peer } => format!("direct:{peer}"),
        ChatKind::Group { conversation } => format!("group:{conversation}"),
        ChatKind::SelfNotes => "self".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{ConversationId, UserId};

    use super::*;
    use crate::Store;
    use crate::key::DatabaseKey;

    #[tokio::test]
    async fn each_has_its_own_before_there_is_a_chat_and_after() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let bob = ChatKind::Direct { peer: UserId::new("bob").unwrap() };
        let group = ChatKind::Group { conversation: ConversationId::from_bytes([1; 32]) };
        let seen = store.write(move |tx| {
            set(tx, &bob, "Hello")?;
            set(tx, &ChatKind::SelfNotes, "Milk")?;
            chats::ensure(tx, &bob, 0)?;
            set(tx, &bob, "Hello, Bob")?;
            set(tx, &group, "")?;
            set(tx, &ChatKind::SelfNotes, "")?;
            Ok::<_, StoreError>((of(tx, &bob)?, of(tx, &group)?, of(tx, &ChatKind::SelfNotes)?))
        });
        assert_eq!(seen.await.unwrap(), (Some("Hello, Bob".to_owned()), None, None));
    }
}
