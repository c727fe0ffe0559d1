//! What has been changed in groups of people in the account's own name, by whichever device: for each person whom it was about, when
//! it last was. It says nothing that the newest roster says: after a theft the two together tell what is to be looked at.

use privmsg_protocol::UserId;
use rusqlite::params;

use crate::chats::ChatId;
use crate::sql_types::user_id;
use crate::{Snapshot, StoreError, Tx};

/// People that are remembered in a chat, beyond those who take part: those who were changed last.
const MOST: usize = 1000;

/// Somebody whom steps of the account's own were about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Who.
    pub user: UserId,
    /// They were let in.
    pub added: bool,
    /// They were sent away, or have left.
    pub removed: bool,
    /// They were given a role.
    pub role: bool,
    /// They were let in under another identity.
    pub identity: bool,
}

/// Notes what a step of the account's own has changed about somebody.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note(tx: &Tx<'_>, chat: ChatId, touched: &Touched, now_ms: i64) -> Result<(), StoreError> {
    let at = |is: bool| if is { now_ms } else { 0 };
    tx.sql()
        .prepare_cached(
            "INSERT INTO group_step (chat_id, user_id, added_at, removed_at, role_at, identity_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET added_at = max(added_at, ?3),
                 removed_at = max(removed_at, ?4), role_at = max(role_at, ?5), identity_at = max(identity_at, ?6)",
        )?
        .execute(params![
            chat.0,
            touched.user.as_str(),
            at(touched.added),
            at(touched.removed),
            at(touched.role),
            at(touched.identity)
        ])?;
    Ok(())
}

/// Forgets those who have taken no part for the longest, where there are too many.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn prune(tx: &Tx<'_>, chat: ChatId, takes_part: impl Fn(&UserId) -> bool) -> Result<(), StoreError> {
    let mut query = tx.sql().prepare_cached(
        "SELECT user_id FROM group_step WHERE chat_id = ?1
         ORDER BY max(added_at, removed_at, role_at, identity_at) DESC, user_id",
    )?;
    let all = query.query_and_then([chat.0], |row| user_id(row, 0))?.collect::<Result<Vec<_>, _>>()?;
    let mut delete = tx.sql().prepare_cached("DELETE FROM group_step WHERE chat_id = ?1 AND user_id = ?2")?;
    for user in all.iter().filter(|user| !takes_part(user)).skip(MOST) {
        delete.execute(params![chat.0, user.as_str()])?;
    }
    Ok(())
}

/// Whom steps of the account's own were about since then, ms by this device's clock.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn since(at: &Snapshot<'_>, chat: ChatId, since_ms: i64) -> Result<Vec<Touched>, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT user_id, added_at >= ?2, removed_at >= ?2, role_at >= ?2, identity_at >= ?2 FROM group_step
         WHERE chat_id = ?1 AND max(added_at, removed_at, role_at, identity_at) >= ?2 ORDER BY user_id",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let (added, removed, role, identity) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok::<_, StoreError>(Touched { user: user_id(row, 0)?, added, removed, role, identity })
    };
    let rows = query.query_and_then(params![chat.0, since_ms], read)?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::DatabaseKey;
    use crate::{Store, chats};

    /// However many others come and go, whoever takes part stays to be listed.
    #[tokio::test]
    async fn nobody_who_takes_part_is_pushed_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let listed = store.write(|tx| {
            let chat = chats::ensure(tx, &chats::ChatKind::SelfNotes, 5)?;
            let added = |user: &str| Touched {
                user: UserId::new(user).unwrap(),
                added: true,
                removed: false,
                role: false,
                identity: false,
            };
            note(tx, chat, &added("eve"), 10)?;
            note(tx, chat, &Touched { added: false, role: true, ..added("bob") }, 5)?;
            for one in 0..=MOST {
                let came_and_went = Touched { removed: true, ..added(&format!("u{one}")) };
                note(tx, chat, &came_and_went, 20 + i64::try_from(one).unwrap_or(0))?;
                prune(tx, chat, |user| user.as_str() == "eve" || user.as_str() == "bob")?;
            }
            Ok::<_, StoreError>((since(tx, chat, 6)?, since(tx, chat, 0)?.len()))
        });
        let (listed, all) = listed.await.unwrap();
        assert_eq!((listed.len(), all), (MOST + 1, MOST + 2));
        assert!(listed.iter().any(|one| one.user.as_str() == "eve" && one.added && !one.removed));
        assert!(!listed.iter().any(|one| one.user.as_str() == "u0"));
    }
}
