//! The MLS group behind a chat, and what this device still has to do for it.

mod lists;

use privmsg_protocol::{Epoch, GroupId, Seq};
use rusqlite::{OptionalExtension, params};

use crate::chats::ChatId;
use crate::sql_types::{from_sql, group_id, to_sql};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, epoch_ends, former, holds};

pub use lists::{has_come_in, is_checked, is_told, set_checked, set_comes_in, set_told};

/// The queue of what is to be done for groups.
pub const TASK: TaskName = TaskName::new("groups");

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
    /// A restored server has lost where it had come to: the chat goes on in another group, made here at `rotate_at` unless somebody
    /// else has made it before.
    Lost,
}

impl GroupState {
    const ALL: [Self; 5] = [Self::Creating, Self::Joining, Self::Active, Self::Broken, Self::Lost];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Joining => "joining",
            Self::Active => "active",
            Self::Broken => "broken",
            Self::Lost => "lost",
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
    /// What the conversation is, as its GroupContext says.
    pub info: Vec<u8>,
    /// Where this device stands.
    pub state: GroupState,
    /// Creation or commit that was sent to the server and not answered yet, as JSON. Sending the same again is safe.
    pub request: Option<Vec<u8>>,
    /// The set of devices has changed so often since it was compared: compare and commit before anything is sent.
    pub reconcile: u32,
    /// The epoch that this device is in.
    pub epoch: Epoch,
    /// When this device's leaf key is due for a change, ms.
    pub rotate_at: i64,
    /// The latest epoch that this device has taken part in.
    pub reached: Epoch,
    /// Of a group of people: the roster that `info` names.
    pub roster: Option<Vec<u8>>,
    /// The roster that the commit in `request` leads to.
    pub step: Option<Vec<u8>>,
    /// The highest number of its history that has been seen.
    pub seen: Seq,
}

const COLUMNS: &str =
    "group_id, chat_id, state, request, reconcile, rotate_at, epoch, info, reached, roster, step, last_seq";

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
        epoch: Epoch(from_sql(row.get(6)?)),
        info: row.get(7)?,
        reached: Epoch(from_sql(row.get(8)?)),
        roster: row.get(9)?,
        step: row.get(10)?,
        seen: Seq(from_sql(row.get(11)?)),
    })
}

/// Reads a group.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn load(at: &Snapshot<'_>, group: &GroupId) -> Result<Option<StoredGroup>, StoreError> {
    at.sql()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group WHERE group_id = ?1"))?
        .query_row([group.as_bytes().as_slice()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// The group that carries a chat. There is one at most: a lost race is deleted before the winner is joined.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<StoredGroup>, StoreError> {
    at.sql()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group WHERE chat_id = ?1"))?
        .query_row([chat.0], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// All groups.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<StoredGroup>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!("SELECT {COLUMNS} FROM mls_group"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    rows.map(|row| row?).collect()
}

/// Adds a group.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn insert(
    tx: &Tx<'_>,
    group: &GroupId,
    chat: ChatId,
    info: &[u8],
    state: GroupState,
    rotate_at: i64,
) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE chat SET groups = groups + 1 WHERE id = ?1", [chat.0])?;
    tx.sql().execute(
        "INSERT INTO mls_group (group_id, chat_id, state, rotate_at, info, ordinal)
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT groups FROM chat WHERE id = ?2))",
        params![group.as_bytes().as_slice(), chat.0, state.as_str(), rotate_at, info],
    )?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Notes what the GroupContext of a group of people says in this epoch, and the roster that it names.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_roster(tx: &Tx<'_>, group: &GroupId, info: &[u8], roster: &[u8]) -> Result<(), StoreError> {
    tx.sql().prepare_cached("UPDATE mls_group SET info = ?2, roster = ?3 WHERE group_id = ?1")?.execute(params![
        group.as_bytes().as_slice(),
        info,
        roster
    ])?;
    Ok(())
}

/// Keeps the roster that the commit leads to which is about to be sent, or forgets it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_step(tx: &Tx<'_>, group: &GroupId, step: Option<&[u8]>) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET step = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), step])?;
    Ok(())
}

/// Notes how far its history was seen, before this device asks to join anew. Which epochs have ended is of the state that it
/// replaces.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn note_seen(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET seen_before = last_seq WHERE group_id = ?1")?
        .execute([group.as_bytes().as_slice()])?;
    epoch_ends::forget(tx, group)
}

/// The server's numbers begin again: what is said from now on stands behind everything that was.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn renumber(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    let key = group.as_bytes().as_slice();
    tx.sql().execute(
        "UPDATE chat SET groups = groups + 1 WHERE id = (SELECT chat_id FROM mls_group WHERE group_id = ?1)",
        [key],
    )?;
    tx.sql().execute(
        "UPDATE mls_group SET ordinal = (SELECT groups FROM chat WHERE id = chat_id) WHERE group_id = ?1",
        [key],
    )?;
    Ok(())
}

/// Forgets a group that this device was creating and that the server has not taken, perhaps because somebody else was faster
/// with the same one: what has come of it is of theirs, and stays.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn give_way(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql().execute("DELETE FROM mls_group WHERE group_id = ?1", [group.as_bytes().as_slice()])?;
    epoch_ends::forget(tx, group)?;
    former::forget(tx, group)?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Removes a group that the server has no more, or whose conversation goes on in another one.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn remove(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    let key = group.as_bytes().as_slice();
    // Nothing more will come of it; what is missing stays missing.
    if tx.sql().execute("UPDATE gap SET confirmed = 1 WHERE group_id = ?1 AND confirmed = 0", [key])? > 0
        && let Some(known) = load(tx, group)?
    {
        tx.changed(Change::Chat(known.chat));
    }
    tx.sql().execute("DELETE FROM parked WHERE group_id = ?1", [key])?;
    tx.sql().execute("DELETE FROM mls_group WHERE group_id = ?1", [key])?;
    epoch_ends::forget(tx, group)?;
    former::forget(tx, group)?;
    holds::forget(tx, holds::Scope::Group(*group))?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Everything has to be joined anew: this is another device now.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn break_all(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE mls_group SET state = 'broken', request = NULL", [])?;
    former::forget_all(tx)?;
    tx.sql().execute("UPDATE outbox SET group_id = NULL, epoch = NULL, ciphertext = NULL", [])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Changes where this device stands.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_state(tx: &Tx<'_>, group: &GroupId, state: GroupState) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET state = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), state.as_str()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Keeps the request that is about to be sent, or forgets the answered one.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_request(tx: &Tx<'_>, group: &GroupId, request: Option<&[u8]>) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET request = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), request])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Notes that devices have to be compared.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_reconcile(tx: &Tx<'_>, group: &GroupId) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET reconcile = reconcile + 1 WHERE group_id = ?1")?
        .execute([group.as_bytes().as_slice()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Looks at all groups of people again: this account signs otherwise than before.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn reconcile_people(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE mls_group SET reconcile = reconcile + 1 WHERE roster IS NOT NULL", [])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Devices have been compared, as often as that was asked for when the comparison began; what has been asked for since
/// stays.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_reconciled(tx: &Tx<'_>, group: &GroupId, asked: u32) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET reconcile = max(reconcile - ?2, 0) WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), asked])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Notes the epoch that the MLS state is in, in the transaction that leads there.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_epoch(tx: &Tx<'_>, group: &GroupId, epoch: Epoch) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE mls_group SET epoch = ?2, reached = max(reached, iif(state = 'active', ?2, 0)) WHERE group_id = ?1",
        )?
        .execute(params![group.as_bytes().as_slice(), to_sql(epoch.0)])?;
    Ok(())
}

/// Notes that this device takes part from an epoch on, also if it had come further before.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn begin_at(tx: &Tx<'_>, group: &GroupId, epoch: Epoch) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET epoch = ?2, reached = ?2, checked_epoch = -1 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), to_sql(epoch.0)])?;
    Ok(())
}

/// Sets when this device's leaf key is due for a change.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_rotate_at(tx: &Tx<'_>, group: &GroupId, at_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE mls_group SET rotate_at = ?2 WHERE group_id = ?1")?
        .execute(params![group.as_bytes().as_slice(), at_ms])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// The longest cursor that is kept: a server may say what it likes.
const LONGEST_CURSOR: usize = 128;

/// Up to where the server's groups have been compared with this device's, in the server's words.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn cursor(at: &Snapshot<'_>) -> Result<Option<String>, StoreError> {
    Ok(at.sql().prepare_cached("SELECT cursor FROM group_cursor")?.query_row([], |row| row.get(0)).optional()?)
}

/// Notes how far they have been compared. What is no cursor, as it would stand in a request, is as none.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_cursor(tx: &Tx<'_>, cursor: &str) -> Result<(), StoreError> {
    if !is_word(cursor) {
        tx.sql().execute("DELETE FROM group_cursor", [])?;
    } else {
        tx.sql().execute("INSERT OR REPLACE INTO group_cursor (id, cursor) VALUES (1, ?1)", [cursor])?;
    }
    Ok(())
}

/// A word of the server's that can be kept, and stand in a request.
fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= LONGEST_CURSOR && text.chars().all(fits)
}

/// Notes with which database of the server the groups are compared. Returns whether it was another one before: the server was
/// restored from a backup. What is no word is noted as none, and says nothing.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn note_lineage(tx: &Tx<'_>, lineage: &str) -> Result<bool, StoreError> {
    if !is_word(lineage) {
        return Ok(false);
    }
    let known: Option<String> =
        tx.sql().prepare_cached("SELECT lineage FROM server_lineage")?.query_row([], |row| row.get(0)).optional()?;
    if known.as_deref() == Some(lineage) {
        return Ok(false);
    }
    tx.sql().execute(
        "INSERT INTO server_lineage (id, lineage) VALUES (1, ?1)
         ON CONFLICT DO UPDATE SET lineage = ?1, restores = restores + 1",
        [lineage],
    )?;
    Ok(known.is_some())
}
