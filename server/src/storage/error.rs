//! Why a storage operation did not happen.

use std::borrow::Cow;
use std::num::NonZero;

use privmsg_protocol::{Epoch, ErrorCode, GroupId, Incarnation};

/// A rule of the domain said no. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    /// A sentence for people. Names no content, and no ids beyond those that participants of a group know of each other.
    pub(crate) detail: Cow<'static, str>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) group_id: Option<GroupId>,
    pub(crate) incarnation: Option<Incarnation>,
    /// In seconds.
    pub(crate) retry_after: Option<NonZero<u32>>,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self { code, detail, epoch: None, group_id: None, incarnation: None, retry_after: None }
    }

    /// The same may succeed in so many seconds.
    pub(crate) fn later(code: ErrorCode, detail: impl Into<Cow<'static, str>>, seconds: i64) -> Self {
        Self { retry_after: u32::try_from(seconds).ok().and_then(NonZero::new), ..Self::new(code, detail) }
    }

    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after.map(|seconds| 1000 * u64::from(seconds.get()))
    }

    /// The epoch named is not `current`.
    pub(crate) fn stale(current: Epoch) -> Self {
        Self {
            epoch: Some(current),
            ..Self::new(ErrorCode::StaleEpoch, "the group has moved on to another epoch; catch up and try again")
        }
    }

    /// There is a conversation of this kind already.
    pub(crate) fn exists(group_id: GroupId) -> Self {
        Self {
            group_id: Some(group_id),
            ..Self::new(ErrorCode::ConversationExists, "this conversation exists already; use the group that is named")
        }
    }

    /// The conversation has come further.
    pub(crate) fn stale_incarnation(newest: Incarnation) -> Self {
        Self {
            incarnation: Some(newest),
            ..Self::new(ErrorCode::StaleIncarnation, "the conversation has had this incarnation; begin a later one")
        }
    }

    /// The conversation has not come nearly so far here.
    pub(crate) fn incarnation_ahead(newest: Option<Incarnation>) -> Self {
        Self {
            incarnation: newest,
            ..Self::new(ErrorCode::IncarnationAhead, "the incarnation is too far ahead of the newest one known here")
        }
    }
}

/// The user's files would take more room than one user has.
pub(crate) fn over_quota() -> Refusal {
    Refusal::new(ErrorCode::StorageFull, "your files take all the room that the server gives one user; delete some")
}

/// The device waits to be let in.
pub(crate) fn not_listed() -> Refusal {
    let detail = "this device is not in the account's device list; have a device that is let it in";
    Refusal::new(ErrorCode::DeviceNotListed, detail)
}

/// Why a storage operation did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// A rule of the domain said no.
    #[error("{}", .0.detail)]
    Refused(Refusal),
    /// There is no room on the disk. Nothing was changed.
    #[error("the disk is full")]
    Full,
    /// The storage has been closed.
    #[error("the storage has been closed")]
    Stopped,
    /// The engine failed. Nothing was changed.
    #[error("the storage engine failed")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Refusal> for StorageError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl StorageError {
    /// The same answer for another operation that shared its fate.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Full => Refusal::new(ErrorCode::StorageFull, "the server's disk is full"),
            Self::Stopped => Refusal::new(ErrorCode::ShuttingDown, "the server is stopping"),
            Self::Engine(_) => Refusal::new(ErrorCode::Internal, "the server has a fault"),
        }
    }
}
