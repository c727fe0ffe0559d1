use privmsg_protocol::Epoch;

use super::reject::{Refusal, RejectReason};
use crate::malformed::Malformed;
use crate::update_needed::UpdateNeeded;

/// Why a server does not take a group or a commit.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A commit of another epoch than the current one: somebody else was faster, or its sender has missed something.
    /// Nothing else of it was looked at.
    #[error("commit of epoch {found} in epoch {expected}")]
    OtherEpoch {
        /// The commit's.
        found: Epoch,
        /// The group's.
        expected: Epoch,
    },
    /// The bytes are not what they should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A signature does not hold, or a rule of RFC 9420 is broken. See the source.
    #[error("invalid by RFC 9420")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is valid MLS, but none of our clients makes or accepts it. Never [`RejectReason::Invalid`].
    #[error("against the rules of conversations")]
    AgainstRules(#[source] RejectReason),
    /// Made by a newer version, which this build cannot judge.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
}

impl Refused {
    pub(super) fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(cause.into())
    }
}

impl From<RejectReason> for Refused {
    fn from(reason: RejectReason) -> Self {
        match reason {
            RejectReason::Invalid(cause) => Self::Invalid(cause),
            reason => Self::AgainstRules(reason),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(reason) => reason.into(),
            Refusal::UpdateNeeded(newer) => newer.into(),
        }
    }
}
