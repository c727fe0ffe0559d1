//! Why what came from outside does not pass our rules.

use privmsg_protocol::UserId;

use crate::certificate::CertificateError;
use crate::conversation_info::InfoError;
use crate::roster::StepError;
use crate::statement::StatementError;
use crate::update_needed::UpdateNeeded;

/// Why something that came from outside is refused. It is forged, broken, or breaks a rule of ours; retrying is no use.
///
/// What is only newer than this build is not among them: it is an [`UpdateNeeded`] of the error of the operation.
#[derive(Debug, thiserror::Error)]
pub enum RejectReason {
    /// A signature, a MAC or a decryption failed, or a rule of RFC 9420 is broken: OpenMLS says which.
    #[error("invalid by RFC 9420")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A group of another ciphersuite, or with an identifier that is not 16 bytes.
    #[error("a group of another kind than ours")]
    OtherGroup,
    /// It belongs to another group.
    #[error("belongs to another group")]
    WrongGroup,
    /// A commit that came as an ordinary message, or the other way round.
    #[error("not what the server said it is")]
    UnexpectedKind,
    /// A proposal outside a commit, or of a kind that we do not use.
    #[error("proposal of a kind that is not used")]
    Proposal,
    /// A leaf without a valid device certificate: a device that its owner's identity key never vouched for.
    #[error("a device that its owner has not vouched for")]
    Certificate(#[source] CertificateError),
    /// A device of a user who does not take part in the conversation.
    #[error("{0} is no participant")]
    NotAParticipant(UserId),
    /// A device that another identity key vouches for than the one that its user has in this conversation.
    #[error("a device of {0} under another identity")]
    ForeignIdentity(UserId),
    /// A device would have two leaves.
    #[error("a device would be in the group twice")]
    DuplicateDevice,
    /// A leaf would change its owner or device, or a joiner would remove somebody else.
    #[error("a leaf would pass to another device")]
    LeafTakeover,
    /// A leaf that does not say when it was made.
    #[error("a leaf that does not say when it was made")]
    Undated,
    /// A leaf in the place of one that its device has made no earlier.
    #[error("a leaf that is no newer than the one that it replaces")]
    NotNewer,
    /// A device comes by a key package that is not good now, by the clock here. Others may see that otherwise.
    #[error("a key package outside its lifetime")]
    Lifetime,
    /// A leaf with more in it than any of ours.
    #[error("a leaf of {0} bytes")]
    OversizedLeaf(usize),
    /// The group is none of our conversations.
    #[error("a group that is no conversation")]
    Info(#[source] InfoError),
    /// Not the roster that the GroupContext names, or one where none belongs.
    #[error("not the roster that the group names")]
    OtherRoster,
    /// What stands in the place of a roster step is none.
    #[error("a commit with something else than a roster step beside it")]
    Statement(#[source] StatementError),
    /// A roster that may not follow the one before.
    #[error("a roster step that is not allowed")]
    Step(#[source] StepError),
    /// The GroupContext would change otherwise than by a roster step, or a roster step would not change it.
    #[error("a GroupContext that does not follow from a roster step")]
    Context,
}

impl RejectReason {
    /// What OpenMLS found.
    pub fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(cause.into())
    }
}

/// What does not pass our rules: it is against them, or this build is too old to say.
#[derive(Debug)]
pub enum Refusal {
    /// It is against them.
    Rejected(RejectReason),
    /// This build cannot say.
    UpdateNeeded(UpdateNeeded),
}

impl From<RejectReason> for Refusal {
    fn from(reason: RejectReason) -> Self {
        Self::Rejected(reason)
    }
}

impl From<CertificateError> for Refusal {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::UpdateNeeded(newer) => Self::UpdateNeeded(newer),
            error => Self::Rejected(RejectReason::Certificate(error)),
        }
    }
}

impl From<InfoError> for Refusal {
    fn from(error: InfoError) -> Self {
        match error {
            InfoError::UpdateNeeded(newer) => Self::UpdateNeeded(newer),
            error => Self::Rejected(RejectReason::Info(error)),
        }
    }
}

impl From<StatementError> for Refusal {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::UpdateNeeded(newer) => Self::UpdateNeeded(newer),
            error => Self::Rejected(RejectReason::Statement(error)),
        }
    }
}
