//! What waits for what, why, and until when. Front-ends read it, whichever process runs the engine.

use std::time::Duration;

use privmsg_protocol::error::Retry;
use privmsg_protocol::{ErrorCode, GroupId};
use rusqlite::{OptionalExtension as _, Row, params};

use crate::chats::ChatId;
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// Whom or what a hold, or a piece of the engine's work, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// This profile by itself.
    Profile,
    /// This device and its server.
    Device,
    /// A chat.
    Chat(ChatId),
    /// A group.
    Group(GroupId),
    /// A file to be uploaded or downloaded, by its row.
    File(i64),
}

/// Why somebody cannot be written to, as this device has found out by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// None of their devices is in the conversation at the moment.
    NobodyThere,
    /// They are signed in, but no device has left key packages: it is of another kind of client.
    NoKeyPackages,
    /// All key packages are too old, or are dated in the future: the devices have not been online for long, or have a wrong
    /// clock.
    OutOfLifetime,
    /// Their devices use other cryptography.
    Incompatible,
    /// They have published no identity key.
    NoIdentity,
    /// Their devices are not vouched for by the identity key that they have published, or their key packages are forged.
    NotVouchedFor,
}

impl Unreachable {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::NobodyThere,
        Self::NoKeyPackages,
        Self::OutOfLifetime,
        Self::Incompatible,
        Self::NoIdentity,
        Self::NotVouchedFor,
    ];

    /// A name for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NobodyThere => "nobody_there",
            Self::NoKeyPackages => "no_key_packages",
            Self::OutOfLifetime => "key_packages_out_of_lifetime",
            Self::Incompatible => "incompatible_client",
            Self::NoIdentity => "no_identity",
            Self::NotVouchedFor => "not_vouched_for",
        }
    }
}

/// Why something waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The server has said so, with this code.
    Refused(ErrorCode),
    /// Somebody cannot be written to.
    Unreachable(Unreachable),
    /// There was no answer.
    Network,
    /// What the server sent cannot be used.
    Unusable,
    /// It is newer than this version knows.
    UpdateNeeded,
    /// This device's disk takes or gives nothing.
    Disk,
    /// The server says again and again that numbers are missing here: it is not believed any more today.
    JoinedTooOften,
    /// A verified contact has another identity, and the user has not accepted it.
    IdentityToAccept,
    /// Somebody takes part in a group under a key that the user has refused for them.
    IdentityRefused,
    /// The server has a device list of this very account by another identity. It is not followed.
    AnotherOwnIdentity,
    /// There are two device lists of this account with one number: somebody else signs with its keys. What stands in one only
    /// does not count.
    DeviceListConflict,
    /// The other one of a chat has named a device list of theirs that is not known here.
    DeviceListMissing,
    /// This device does not stand in its account's device list.
    NotListed,
    /// Somebody has begun to put another identity in the place of this account's.
    ReplacementBegun,
    /// The server serves another sealed identity than the account's identity has signed for: the recovery words open nothing there.
    SealedIdentitySpoilt,
    /// The people of a group are not agreed on: an owner has to change something.
    GroupUnsettled,
}

/// Something that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose work.
    pub task: TaskName,
    /// About what.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// Until when, ms; then it is tried again.
    pub until: i64,
    /// How long that was from when it was put, ms. Where more than this is left, the clock has gone back since.
    pub pause: i64,
    /// Attempts that have failed so far.
    pub attempts: u32,
}

impl Scope {
    fn columns(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Profile => ("profile", Vec::new()),
            Self::Device => ("device", Vec::new()),
            Self::Chat(chat) => ("chat", chat.0.to_be_bytes().to_vec()),
            Self::Group(group) => ("group", group.as_bytes().to_vec()),
            Self::File(row) => ("file", row.to_be_bytes().to_vec()),
        }
    }

    fn parse(kind: &str, id: &[u8]) -> Option<Self> {
        let number = || id.try_into().ok().map(i64::from_be_bytes);
        match kind {
            "profile" => Some(Self::Profile),
            "device" => Some(Self::Device),
            "chat" => number().map(|id| Self::Chat(ChatId(id))),
            "group" => id.try_into().ok().map(|id| Self::Group(GroupId::from_bytes(id))),
            "file" => number().map(Self::File),
            _ => None,
        }
    }
}

impl Reason {
    /// Whether something is wrong with one's own account: a person has to know it for as long as it is so.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(
            self,
            Self::AnotherOwnIdentity | Self::DeviceListConflict | Self::ReplacementBegun | Self::SealedIdentitySpoilt
        )
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Refused(code) => code.as_str(),
            Self::Unreachable(why) => why.as_str(),
            Self::Network => "network",
            Self::Unusable => "unusable",
            Self::UpdateNeeded => "update_needed",
            Self::Disk => "disk",
            Self::JoinedTooOften => "joined_too_often",
            Self::IdentityToAccept => "identity_to_accept",
            Self::IdentityRefused => "identity_refused",
            Self::GroupUnsettled => "group_unsettled",
            Self::AnotherOwnIdentity => "another_own_identity",
            Self::DeviceListConflict => "device_list_conflict",
            Self::DeviceListMissing => "device_list_missing",
            Self::NotListed => "not_in_device_list",
            Self::ReplacementBegun => "replacement_begun",
            Self::SealedIdentitySpoilt => "sealed_identity_spoilt",
        }
    }

    /// Whether the same again is refused again.
    fn is_for_good(&self) -> bool {
        match self {
            Self::Unusable => true,
            Self::Refused(code) => code.retry() == Retry::Never,
            _ => false,
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "network" => Self::Network,
            "unusable" => Self::Unusable,
            "update_needed" => Self::UpdateNeeded,
            "disk" => Self::Disk,
            "joined_too_often" => Self::JoinedTooOften,
            "identity_to_accept" => Self::IdentityToAccept,
            "identity_refused" => Self::IdentityRefused,
            "group_unsettled" => Self::GroupUnsettled,
            "another_own_identity" => Self::AnotherOwnIdentity,
            "device_list_conflict" => Self::DeviceListConflict,
            "device_list_missing" => Self::DeviceListMissing,
            "not_in_device_list" => Self::NotListed,
            "replacement_begun" => Self::ReplacementBegun,
            "sealed_identity_spoilt" => Self::SealedIdentitySpoilt,
            other => match Unreachable::ALL.into_iter().find(|why| why.as_str() == other) {
                Some(why) => Self::Unreachable(why),
                None => Self::Refused(ErrorCode::from(other)),
            },
        }
    }
}

/// The longest that anything waits, whoever asks for it: a server must not keep a device away for good by one answer, nor a
/// clock that was wrong for a day.
pub const LONGEST_MS: i64 = 60 * 60 * 1000;

impl Hold {
    /// Whether it still holds.
    #[must_use]
    pub const fn holds_at(&self, now_ms: i64) -> bool {
        self.until > now_ms && self.until.saturating_sub(now_ms) <= self.pause
    }
}

/// Lets something wait: for `pause` if that is known, else for longer each time, by `growing(attempts)`.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put(
    tx: &Tx<'_>,
    task: &TaskName,
    scope: Scope,
    reason: &Reason,
    now_ms: i64,
    pause: impl FnOnce(u32) -> Duration,
) -> Result<Hold, StoreError> {
    let (kind, id) = scope.columns();
    let attempts = tx
        .sql()
        .prepare_cached(
            "INSERT INTO hold (task, scope, id, reason, until, pause, attempts, refusals)
             VALUES (?5, ?1, ?2, ?3, ?4, 0, 1, ?6)
             ON CONFLICT (task, scope, id) DO UPDATE SET reason = ?3, attempts = attempts + 1, refusals = refusals + ?6
             RETURNING attempts",
        )?
        .query_row(params![kind, id, reason.as_str(), now_ms, task.0, reason.is_for_good()], |row| {
            row.get::<_, u32>(0)
        })?;
    let pause = i64::try_from(pause(attempts).as_millis()).unwrap_or(i64::MAX).min(LONGEST_MS);
    let until = now_ms.saturating_add(pause);
    tx.sql()
        .prepare_cached("UPDATE hold SET until = ?3, pause = ?5 WHERE scope = ?1 AND id = ?2 AND task = ?4")?
        .execute(params![kind, id, until, task.0, pause])?;
    tx.changed(Change::Holds);
    Ok(Hold { task: task.clone(), scope, reason: reason.clone(), until, pause, attempts })
}

/// What waited has been done: the hold that there was when it began is lifted. One that has been put since stays.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn lift(tx: &Tx<'_>, hold: &Hold) -> Result<(), StoreError> {
    let (kind, id) = hold.scope.columns();
    let lifted = tx
        .sql()
        .prepare_cached("DELETE FROM hold WHERE task = ?1 AND scope = ?2 AND id = ?3 AND attempts = ?4")?
        .execute(params![hold.task.0, kind, id, hold.attempts])?;
    if lifted > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// What nothing waits for any more goes: the thing itself is gone.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, scope: Scope) -> Result<(), StoreError> {
    let (kind, id) = scope.columns();
    let gone = tx.sql().prepare_cached("DELETE FROM hold WHERE scope = ?1 AND id = ?2")?.execute(params![kind, id])?;
    if gone > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// One task's piece of work does not wait any more: it is to be done at once, from the first attempt, or not at all.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget_of(tx: &Tx<'_>, task: &TaskName, scope: Scope) -> Result<(), StoreError> {
    let (kind, id) = scope.columns();
    let sql = "DELETE FROM hold WHERE task = ?1 AND scope = ?2 AND id = ?3";
    if tx.sql().prepare_cached(sql)?.execute(params![task.0, kind, id])? > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// There is a network again: what waited for one is tried at once.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn release_network(tx: &Tx<'_>, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE hold SET until = ?1 WHERE until > ?1 AND reason = ?2";
    if tx.sql().execute(sql, params![now_ms, Reason::Network.as_str()])? > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// What waited for the user to accept an identity, or for one that they have refused to go, waits no longer.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn release_accepted(tx: &Tx<'_>) -> Result<(), StoreError> {
    let reasons = [Reason::IdentityToAccept, Reason::IdentityRefused];
    let sql = "DELETE FROM hold WHERE reason IN (?1, ?2)";
    if tx.sql().execute(sql, [reasons[0].as_str(), reasons[1].as_str()])? > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// Who is in a chat has changed, or somebody wants to say something there: what waited for that is tried at once, from the first
/// attempt.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn release_people(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    let (kind, id) = Scope::Chat(chat).columns();
    let of_people = [
        Reason::IdentityToAccept,
        Reason::IdentityRefused,
        Reason::GroupUnsettled,
        Reason::Unreachable(Unreachable::NobodyThere),
        Reason::Refused(ErrorCode::RecipientNotBack),
        Reason::Refused(ErrorCode::RecipientHasNoDevices),
    ];
    let [asked, refused, unsettled, nobody, not_back, no_devices] = of_people.each_ref().map(Reason::as_str);
    let sql = "DELETE FROM hold WHERE scope = ?1 AND id = ?2 AND reason IN (?3, ?4, ?5, ?6, ?7, ?8)";
    let lifted = params![kind, id, asked, refused, unsettled, nobody, not_back, no_devices];
    if tx.sql().prepare_cached(sql)?.execute(lifted)? > 0 {
        tx.changed(Change::Holds);
    }
    Ok(())
}

/// How often something was tried in vain, in a row.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn attempts(at: &Snapshot<'_>, task: &TaskName, scope: Scope) -> Result<u32, StoreError> {
    let (kind, id) = scope.columns();
    let mut query = at.sql().prepare_cached("SELECT attempts FROM hold WHERE task = ?1 AND scope = ?2 AND id = ?3")?;
    Ok(query.query_row(params![task.0, kind, id], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// How often of these it was because of what it is, and not because of the network, the time or a person to be asked.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn refusals(at: &Snapshot<'_>, task: &TaskName, scope: Scope) -> Result<u32, StoreError> {
    let (kind, id) = scope.columns();
    let mut query = at.sql().prepare_cached("SELECT refusals FROM hold WHERE task = ?1 AND scope = ?2 AND id = ?3")?;
    Ok(query.query_row(params![task.0, kind, id], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Everything that waits, or waited and has not succeeded since.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn all(at: &Snapshot<'_>) -> Result<Vec<Hold>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT scope, id, reason, until, attempts, task, pause FROM hold")?;
    let rows = query.query_map([], read)?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// `None` for a scope that a newer version has made.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<Hold>> {
    let Some(scope) = Scope::parse(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_blob()?) else { return Ok(None) };
    let reason = Reason::parse(row.get_ref(2)?.as_str()?);
    let task = TaskName(row.get::<_, String>(5)?.into());
    Ok(Some(Hold { task, scope, reason, until: row.get(3)?, pause: row.get(6)?, attempts: row.get(4)? }))
}

#[cfg(test)]
#[path = "holds_tests.rs"]
mod tests;
