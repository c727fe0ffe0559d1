//! What the engine has to do besides reading the socket. Each task is a file here and an entry in [`all`].

mod asked;
mod blocks;
pub(super) mod device_lists;
mod downloads;
mod ended_uploads;
mod expiry;
mod gaps;
pub(crate) mod groups;
mod kept;
pub(crate) mod key_packages;
pub(crate) mod open;
pub(crate) mod outbox;
pub(crate) mod own_devices;
mod pins;
mod presence;
mod receipts;
pub(crate) mod requests;
mod sealed_files;
mod search;
mod signing_key;
pub(super) mod sync;
mod uploads;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use privmsg_store::holds::{self, Reason, Scope};
use privmsg_store::{Change, Snapshot, Store, StoreError, TaskName};
use tokio::time::Instant;

use super::Link;
use crate::error::{ClientError, causes};

/// The tasks of one session.
pub(super) fn all() -> Vec<Box<dyn Task>> {
    vec![
        Box::new(sync::Sync),
        Box::new(groups::Groups),
        Box::new(open::Open),
        Box::new(receipts::Receipts),
        Box::new(outbox::Outbox),
        Box::new(uploads::Uploads::default()),
        Box::new(downloads::Downloads),
        Box::new(ended_uploads::EndedUploads),
        Box::new(sealed_files::SealedFiles),
        Box::new(key_packages::KeyPackages::default()),
        Box::new(presence::Presence::default()),
        Box::new(blocks::Blocks::default()),
        Box::new(requests::Requests::default()),
        Box::new(own_devices::OwnDevices::default()),
        Box::new(device_lists::DeviceLists),
        Box::new(signing_key::PassSigningKey::default()),
        Box::new(pins::PassPins),
        Box::new(gaps::Gaps),
        Box::new(kept::Kept),
        Box::new(expiry::Expiry),
        Box::new(search::Search),
    ]
}

/// A future in a box.
pub(super) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Something that the engine does.
pub(super) trait Task: Send + Sync + 'static {
    /// Its name, for the log.
    fn name(&self) -> TaskName;

    /// What is to be done now, and when to ask again if nothing changes. Asked after every change of anything, so it
    /// must be quick.
    fn due(&self, at: &Snapshot<'_>, link: &Link, now_ms: i64) -> Result<Due, ClientError>;

    /// Does one piece. May be cut off at any await, when the connection breaks.
    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>>;

    /// How many pieces may be done at once.
    fn at_once(&self) -> usize {
        1
    }

    /// Whether it says something that is waited for when the engine stops. It must not take long.
    fn is_quick(&self) -> bool {
        false
    }

    /// Whether this device takes part in all of its user's chats only when nothing of this is due, awaited, or about to be tried again.
    fn is_needed_to_be_in_step(&self) -> bool {
        false
    }
}

/// What a task has to do.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// About what it can begin now, unless there is a hold.
    pub(super) now: Vec<Scope>,
    /// By the wall clock, ms.
    pub(super) at_ms: Option<i64>,
    /// By the time that passes.
    pub(super) at: Option<Instant>,
    /// Something of it has its time still to come, and this device does not take part in all of its user's chats before that.
    pub(super) is_awaited: bool,
}

impl Due {
    pub(super) fn now(scope: Scope) -> Self {
        Self { now: vec![scope], ..Self::default() }
    }

    pub(super) fn now_if(due: bool, scope: Scope) -> Self {
        if due { Self::now(scope) } else { Self::default() }
    }

    /// As [`Due::later_ms`], of what is needed to be in step.
    fn awaited_ms(&mut self, at: i64) {
        self.is_awaited = true;
        self.later_ms(at);
    }

    fn later_ms(&mut self, at: i64) {
        self.at_ms = Some(self.at_ms.map_or(at, |earlier| earlier.min(at)));
    }

    fn later(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
    }
}

/// Files that are begun in one go, beside those that wait.
const FILES: usize = 32;

/// What is due of a queue of files, by their rows: those that wait hide none of the others.
fn files_due(at: &Snapshot<'_>, task: &TaskName, rows: Vec<i64>, now_ms: i64) -> Result<Due, StoreError> {
    let mut due = Due::default();
    if rows.is_empty() {
        return Ok(due);
    }
    let held: HashMap<_, _> =
        holds::all(at)?.into_iter().filter(|hold| hold.task == *task).map(|hold| (hold.scope, hold)).collect();
    for scope in rows.into_iter().map(Scope::File) {
        match held.get(&scope) {
            Some(hold) if hold.holds_at(now_ms) => due.later_ms(hold.until),
            _ if due.now.len() < FILES => due.now.push(scope),
            _ => {}
        }
    }
    Ok(due)
}

/// Returns once something is not in the database any more. `task` is the queue whose changes may take it away.
async fn until_gone<T: Send + 'static>(
    store: &Store,
    task: TaskName,
    look: impl Fn(&Snapshot<'_>) -> Result<Option<T>, StoreError> + Send + Sync + Clone + 'static,
) -> Result<(), StoreError> {
    let mut changes = store.changes();
    while store.read(look.clone()).await?.is_some() {
        if !changes.wait_for(|change| matches!(change, Change::Task(of) if *of == task)).await {
            break;
        }
    }
    Ok(())
}

/// Why a piece of work is not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It waits.
    Hold {
        scope: Scope,
        reason: Reason,
        /// How long; else longer with each attempt.
        pause: Option<Duration>,
        /// Attempts before this one do not count.
        is_first: bool,
    },
    /// The session cannot go on.
    EndsSession(ClientError),
}

/// What a failed attempt must have moved, in bytes, so that the next one follows as soon as after a first one: less could
/// be had for nothing.
const WORTH_IT: u64 = 256 << 10;

/// How long until a group about which the server has been believed too often is looked at again: what is missing may have come.
pub(crate) const NEXT_LOOK: Duration = Duration::from_secs(600);

impl Failure {
    /// The next attempt is another one, and need not wait.
    pub(crate) const fn at_once(scope: Scope) -> Self {
        Self::Hold { scope, reason: Reason::Unusable, pause: Some(Duration::ZERO), is_first: false }
    }

    /// An attempt that moved so many bytes for good was not in vain.
    pub(crate) fn after_moving(self, bytes: u64) -> Self {
        match self {
            Self::Hold { scope, reason, pause, .. } => Self::Hold { scope, reason, pause, is_first: bytes >= WORTH_IT },
            other => other,
        }
    }

    /// What an error means for the piece of work that it came up in. A broken request does not end the session: if it is
    /// the network, the socket will notice, and if it is this one request (too large for a proxy, too slow for a line),
    /// the others shall not suffer.
    pub(crate) fn of(scope: Scope, error: ClientError) -> Self {
        if error.ends_session() || error.is_not_listed() {
            return Self::EndsSession(error);
        }
        let pause = match error {
            ClientError::JoinedTooOften { wait } => Some(wait),
            _ => error.retry_after(),
        };
        let reason = match error {
            ClientError::Store(_) | ClientError::NotSignedIn => return Self::EndsSession(error),
            ClientError::Server { code, .. } => Reason::Refused(code),
            ClientError::Unreachable { why, .. } => Reason::Unreachable(why),
            ClientError::Network(_) | ClientError::GoingAway { .. } => Reason::Network,
            ClientError::Disk(fault) => {
                tracing::warn!(%fault, "the profile's disk cannot be used");
                Reason::Disk
            }
            ClientError::JoinedTooOften { .. } => Reason::JoinedTooOften,
            ClientError::IdentityToAccept => Reason::IdentityToAccept,
            ClientError::IdentityRefused => Reason::IdentityRefused,
            ClientError::GroupUnsettled => Reason::GroupUnsettled,
            ClientError::UpdateNeeded(newer) => {
                tracing::warn!(%newer, "a task waits for an update");
                Reason::UpdateNeeded
            }
            other => {
                tracing::warn!(error = %causes(&other), "a task failed");
                Reason::Unusable
            }
        };
        Self::Hold { scope, reason, pause, is_first: false }
    }
}
