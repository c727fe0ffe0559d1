//! What the engine has to do besides reading the socket. Each task is a file here and an entry in [`all`].

mod downloads;
mod expiry;
mod gaps;
pub(crate) mod groups;
mod kept;
pub(crate) mod key_packages;
pub(crate) mod open;
pub(crate) mod outbox;
mod presence;
mod receipts;
mod sealed_files;
pub(super) mod sync;
mod uploads;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::ErrorCode;
use privmsg_store::holds::{Reason, Scope};
use privmsg_store::{Snapshot, TaskName};
use tokio::time::Instant;

use super::{Link, scheduler};
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
        Box::new(sealed_files::SealedFiles),
        Box::new(key_packages::KeyPackages::default()),
        Box::new(presence::Presence::default()),
        Box::new(gaps::Gaps),
        Box::new(kept::Kept),
        Box::new(expiry::Expiry),
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

    /// Whether this device takes part in all of its user's chats only when nothing of this is due.
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
}

impl Due {
    pub(super) fn now(scope: Scope) -> Self {
        Self { now: vec![scope], ..Self::default() }
    }

    pub(super) fn now_if(due: bool, scope: Scope) -> Self {
        if due { Self::now(scope) } else { Self::default() }
    }

    fn later_ms(&mut self, at: i64) {
        self.at_ms = Some(self.at_ms.map_or(at, |earlier| earlier.min(at)));
    }

    fn later(&mut self, at: Instant) {
        self.at = Some(self.at.map_or(at, |earlier| earlier.min(at)));
    }
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
    },
    /// The session cannot go on.
    EndsSession(ClientError),
}

/// What a failed attempt must have moved, in bytes, so that the next one follows soon: less could be had for nothing.
const WORTH_IT: u64 = 64 << 10;

impl Failure {
    /// An attempt that moved so many bytes for good was not in vain, and need not wait longer than the one before.
    pub(crate) fn after_moving(self, bytes: u64) -> Self {
        match self {
            Self::Hold { scope, reason, pause: None } if bytes >= WORTH_IT => {
                Self::Hold { scope, reason, pause: Some(scheduler::FIRST_PAUSE) }
            }
            other => other,
        }
    }

    /// What an error means for the piece of work that it came up in. A broken request does not end the session: if it is
    /// the network, the socket will notice, and if it is this one request (too large for a proxy, too slow for a line),
    /// the others shall not suffer.
    pub(crate) fn of(scope: Scope, error: ClientError) -> Self {
        if error.ends_session() || error.is(&ErrorCode::TokenExpired) {
            return Self::EndsSession(error);
        }
        let pause = error.retry_after();
        let reason = match error {
            ClientError::Store(_) | ClientError::NotSignedIn => return Self::EndsSession(error),
            ClientError::Server { code, .. } => Reason::Refused(code),
            ClientError::Unreachable { why, .. } => Reason::Unreachable(why),
            ClientError::Network(_) | ClientError::GoingAway { .. } => Reason::Network,
            ClientError::Disk(fault) => {
                tracing::warn!(%fault, "the profile's disk cannot be used");
                Reason::Disk
            }
            ClientError::UpdateNeeded(newer) => {
                tracing::warn!(%newer, "a task waits for an update");
                Reason::UpdateNeeded
            }
            other => {
                tracing::warn!(error = %causes(&other), "a task failed");
                Reason::Unusable
            }
        };
        Self::Hold { scope, reason, pause }
    }
}
