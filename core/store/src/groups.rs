//! The MLS group behind a chat, and what this device still has to do for it.

use privmsg_protocol::GroupId;
use rusqlite::{Connection, OptionalExtension, params};

use crate::StoreError;
use crate::chats::ChatId;
use crate::sql_types::group_id;

/// Where this device stands in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupState {
    /// Created here; the server has not accepted it yet. `request` holds the creation.
    Creating,
    /// External commit made here; the server has not accepted it yet. `request` holds the commit.
    Joining,
    /// Taking part.
    Active,
    /// Out of step for good, or removed: has to be joined anew.
    Broken,
}

impl GroupState {
    const ALL: [Self; 4] = [Self::Creating, Self::Joining, Self::Active, Self::Broken];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Joining => "joining",
            Self::Active => "active",
            Self::Broken => "broken",
        }
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// MLS group id.
    pub group_id: GroupId,
    /// The chat that it carries.
    pub chat: ChatId,
    /// Where this device stands.
    pub state: GroupState,
    /// Creation or commit that was sent to the server and not answered yet, as JSON. Sending the same again is safe.
    pub request: Option<Vec<u8>>,
    /// The set of devices has changed: compare and commit before anything is sent.
    pub reconcile: bool,
    /// When this device's leaf key is due for a change, ms.
    pub rotate_at: i64,
}

const COLUMNS: &str = "group_id, chat_id, state, request, reconcile, rotate_at";

fn read(row: &rusqlite::Row<'_>) -> Result<StoredGroup, StoreError> {
    let state: String = row.get(2)?;
    Ok(StoredGroup {
        group_id: group_id(row, 0)?,
        chat: ChatId(row.get(1)?),
        state: GroupState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or(StoreError::Invalid("group state"))?,
        request: row.get(3)?,
        reconcile: row.get(4)?,
        rotate_at: row.get(5)?,
    })
}

/// Reads a group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(connection: &Connection, group: &GroupId) -> Result<Option<StoredGroup>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group WHERE group_id = ?1"))?
        .query_row([group.as_bytes().as_slice()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// The group that carries a chat. There is one at most: a lost race is deleted before the winner is joined.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(connection: &Connection, chat: ChatId) -> Result<Option<StoredGroup>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group WHERE chat_id = ?1"))?
        .query_row([chat.0], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// All groups.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(connection: &Connection) -> Result<Vec<StoredGroup>, StoreError> {
    let mut query = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Adds a group.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    connection: &Connection,
    group: &GroupId,
    chat: ChatId,
    state: GroupState,
    rotate_at: i64,
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO mls_group (group_id, chat_id, state, rotate_at) VALUES (?1, ?2, ?3, ?4)",
        params![group.as_bytes().as_slice(), chat.0, state.as_str(), rotate_at],
    )?;
    Ok(())
}

/// Removes a group that lost its race, with everything noted about it.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn remove(connection: &Connection, group: &GroupId) -> Result<(), StoreError> {
    let key = group.as_bytes().as_slice();
    connection.execute("DELETE FROM gap WHERE group_id = ?1", [key])?;
    connection.execute("DELETE FROM parked WHERE group_id = ?1", [key])?;
    connection.execute("DELETE FROM mls_group WHERE group_id = ?1", [key])?;
    Ok(())
}

/// Everything has to be joined anew: this is another device now.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn break_all(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("UPDATE mls_group SET state = 'broken', request = NULL", [])?;
    connection.execute("UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL", [])?;
    Ok(())
}

/// Changes where this device stands.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_state(connection: &Connection, group: &GroupId, state: GroupState) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE mls_group SET state = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), state.as_str()])?;
    Ok(())
}

/// Keeps the request that is about to be sent, or forgets the answered one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_request(connection: &Connection, group: &GroupId, request: Option<&[u8]>) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE mls_group SET request = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), request])?;
    Ok(())
}

/// Notes that devices have to be compared, or that they have been.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_reconcile(connection: &Connection, group: &GroupId, reconcile: bool) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE mls_group SET reconcile = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), reconcile])?;
    Ok(())
}

/// Sets when this device's leaf key is due for a change.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_rotate_at(connection: &Connection, group: &GroupId, at_ms: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE mls_group SET rotate_at = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), at_ms])?;
    Ok(())
}
