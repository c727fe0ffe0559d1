//! Numbers that the user does not want to have: of somebody who is blocked, or in a chat that is declined.

use privmsg_protocol::{GroupId, UserId};

use crate::chats::ChatId;
use crate::{Snapshot, StoreError, Tx};

/// The user wants that nothing of this one arrives, as is known only now: what the server has said to have kept back is believed.
pub(crate) fn is_wanted(tx: &Tx<'_>, peer: &UserId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE gap SET confirmed = 2 WHERE confirmed = 3
                 AND chat_id IN (SELECT id FROM chat WHERE kind = 'direct' AND peer = ?1)",
        )?
        .execute([peer.as_str()])
        .map(drop)
        .map_err(StoreError::from)
}

/// The same of a chat that the user declines.
pub(crate) fn is_wanted_in(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE gap SET confirmed = 2 WHERE confirmed = 3 AND chat_id = ?1")?
        .execute([chat.0])
        .map(drop)
        .map_err(StoreError::from)
}

/// The user has declined the chat of a group: what is still on its way there, if it does not come, was taken out by the server as
/// the user wants it, and is nothing that this device has had.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn take_out(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE gap SET confirmed = 2 WHERE group_id = ?1 AND confirmed = 0
                 AND ordinal = (SELECT ordinal FROM mls_group WHERE group_id = ?1)",
        )?
        .execute([group.as_bytes().as_slice()])?;
    Ok(())
}

/// Whether something of a group was kept back because the user wants it so.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn any_kept_back(at: &Snapshot<'_>, group: &GroupId) -> Result<bool, StoreError> {
    let mut query =
        at.sql().prepare_cached("SELECT EXISTS (SELECT 1 FROM gap WHERE group_id = ?1 AND confirmed IN (2, 3))")?;
    Ok(query.query_row([group.as_bytes().as_slice()], |row| row.get(0))?)
}
