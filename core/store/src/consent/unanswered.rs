//! What the server says of groups in which somebody has to be answered first, by its word alone.

use privmsg_protocol::{ErrorCode, GroupId};
use rusqlite::params;

use crate::chats::ChatId;
use crate::{Change, Snapshot, StoreError, Tx};

/// Takes over in which groups nobody of this user has answered, as the server says. That opens nothing and takes nothing back.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note_unanswered(tx: &Tx<'_>, groups: &[GroupId]) -> Result<(), StoreError> {
    tx.sql().execute("DELETE FROM said_unanswered", [])?;
    for group in groups {
        tx.sql()
            .prepare_cached("INSERT OR IGNORE INTO said_unanswered (group_id) VALUES (?1)")?
            .execute([group.as_bytes().as_slice()])?;
    }
    Ok(())
}

/// Whether the server calls a group unanswered.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_said_unanswered(at: &Snapshot<'_>, group: &GroupId) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT EXISTS (SELECT 1 FROM said_unanswered WHERE group_id = ?1)")?;
    Ok(query.query_row([group.as_bytes().as_slice()], |row| row.get(0))?)
}

/// Somebody else has said something in a chat: what was not taken there before they answered is tried again at once.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn was_answered(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    let released = tx
        .sql()
        .prepare_cached(
            "DELETE FROM hold WHERE reason = ?1 AND (scope = 'chat' AND id = ?2
                 OR scope = 'group' AND id IN (SELECT group_id FROM mls_group WHERE chat_id = ?3))",
        )?
        .execute(params![ErrorCode::AwaitsAnswer.as_str(), chat.0.to_be_bytes().as_slice(), chat.0])?;
    if released > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}
