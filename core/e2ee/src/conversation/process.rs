//! Processing what the server delivers to a conversation.

use std::fmt;

use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::group::{
    MergeCommitError, ProcessMessageError, ProposalValidationError, StageCommitError, StagedCommit, ValidationError,
};
use openmls::prelude::{ContentType, MlsMessageIn, ProcessedMessageContent, ProtocolMessage, Sender};
use openmls::treesync::errors::LeafNodeValidationError;
use privmsg_protocol::Epoch;
use tls_codec::DeserializeBytes as _;
use zeroize::Zeroizing;

use super::member::{self, MembershipChange};
use super::{CommitError, Conversation, MAX_PAST_EPOCHS, mls_id};
use crate::member::Member;
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::group::{self, Refusal, RejectReason};
use privmsg_mls_public::{Malformed, Roster, UpdateNeeded, leaf};

const MESSAGE: &str = "message of a group";

/// What the server says a message is, by its `message_type`.
///
/// It orders commits and delivers them as `key_exchange` only. A member could otherwise slip the others a commit in an
/// ordinary message, which the server has not ordered, and split the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A commit: `key_exchange`.
    Commit,
    /// An application message: everything else.
    Application,
}

/// What a message was.
pub enum Processed {
    /// An application message.
    Application {
        /// Who encrypted it, with the certificate that was valid in the message's epoch.
        sender: Member,
        /// What was encrypted, usually a [`Content`](crate::Content). Wiped when dropped.
        plaintext: Zeroizing<Vec<u8>>,
        /// In which epoch it was encrypted, as MLS authenticates that.
        epoch: Epoch,
        /// The sender's device has been removed since. Whoever has it, or its keys, can write such messages as long as this
        /// device keeps those of the epoch: that it was said before has to be known from elsewhere.
        is_former: bool,
    },
    /// A commit, which is merged now: somebody else's, or our own pending one come back.
    /// See [`MembershipChange::removes_self`].
    Commit(MembershipChange),
}

impl Processed {
    /// Whose message it is, as MLS authenticates that.
    #[must_use]
    pub const fn sender(&self) -> &Member {
        match self {
            Self::Application { sender, .. } => sender,
            Self::Commit(change) => &change.committer,
        }
    }
}

/// Shows who wrote, and not what.
impl fmt::Debug for Processed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application { sender, .. } => write!(f, "Application(… by {}/{})", sender.user_id, sender.device_id),
            Self::Commit(change) => change.fmt(f),
        }
    }
}

/// Why a message was not processed. The group is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Of an epoch that this device has not reached: keep it, and try again after the next commit.
    #[error("message of the future epoch {epoch}")]
    Future {
        /// The message's epoch.
        epoch: Epoch,
    },
    /// Its keys are deleted: of an epoch that is too long over, or further behind its sender's newest message than
    /// [`OUT_OF_ORDER`](super::OUT_OF_ORDER). Or a commit of an epoch that is over (also our own, already merged).
    #[error("message from too far back, in epoch {epoch}")]
    Stale {
        /// The message's epoch.
        epoch: Epoch,
    },
    /// Processed before, or sent by this very device: its key was used and deleted.
    #[error("message was processed before")]
    Duplicate,
    /// Forged, or against the rules. It will never be accepted.
    #[error("message rejected")]
    Rejected(#[from] RejectReason),
    /// A commit after which the conversation, or a device in it, would be of a version that this build does not know.
    /// Keep it: after an update it can be processed, and nothing after it can be before.
    ///
    /// That the *conversation* becomes newer is the word of a member, as MLS authenticates it. That a *device* which
    /// joins by itself is newer is the word of whoever made the external commit, and no identity key has signed it.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// This device has been removed from the group, and reads it no more.
    #[error("this device was removed from the group")]
    Removed,
    /// The bytes are no MLS message of a group.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Refusal> for ProcessError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(reason) => reason.into(),
            Refusal::UpdateNeeded(newer) => newer.into(),
        }
    }
}

impl Conversation {
    /// Processes one `MLSMessage` of this group, which must be what is `expected`. A commit is checked against our rules
    /// before it is merged.
    ///
    /// # Errors
    /// [`ProcessError`]; the module documentation has the table of epochs.
    pub fn process<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        expected: Expected,
        bytes: &[u8],
    ) -> Result<Processed, ProcessError> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Malformed::because(MESSAGE))?;
        let message = message.try_into_protocol_message().map_err(|_| Malformed::new(MESSAGE))?;
        let found = match message.content_type() {
            ContentType::Application => Expected::Application,
            ContentType::Commit => Expected::Commit,
            ContentType::Proposal => return Err(RejectReason::Proposal.into()),
        };
        if found != expected {
            return Err(RejectReason::UnexpectedKind.into());
        }
        self.check_epoch(&message)?;
        let epoch = Epoch(message.epoch().as_u64());
        let past = message.epoch() < self.group.epoch();
        let processed = self.group.process_message(provider, message).map_err(|e| process_error(e, epoch, past))?;
        let (sender, beside) = (processed.sender().clone(), processed.aad().to_vec());
        let credential = processed.credential().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(message) => {
                let sender = leaf::admitted_certificate(&credential).map_err(Refusal::from)?;
                let sender = Member::new(group::Member::from_certificate(&sender), false);
                let is_former = past && !self.has_leaf_of(&sender);
                let plaintext = Zeroizing::new(message.into_bytes());
                Ok(Processed::Application { sender, plaintext, epoch, is_former })
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => self.merge(provider, *staged, &sender, &beside),
            ProcessedMessageContent::OwnPendingCommit => self.merge_own(provider, &sender, &beside),
            ProcessedMessageContent::OwnPrivateMessage => Err(ProcessError::Duplicate),
            _ => Err(RejectReason::Proposal.into()),
        }
    }

    fn check_epoch(&self, message: &ProtocolMessage) -> Result<(), ProcessError> {
        if *message.group_id() != mls_id(self.group_id()) {
            return Err(RejectReason::WrongGroup.into());
        }
        if !self.is_active() {
            return Err(ProcessError::Removed);
        }
        let (epoch, current) = (message.epoch().as_u64(), self.epoch().0);
        if epoch > current {
            return Err(ProcessError::Future { epoch: Epoch(epoch) });
        }
        let kept = if message.content_type() == ContentType::Application { MAX_PAST_EPOCHS as u64 } else { 0 };
        if current - epoch > kept {
            return Err(ProcessError::Stale { epoch: Epoch(epoch) });
        }
        Ok(())
    }

    /// Keys of past epochs are for messages that a commit has overtaken, not for whoever that commit has put out.
    fn has_leaf_of(&self, sender: &Member) -> bool {
        member::indexed(&self.group)
            .any(|(_, member)| (&member.user_id, &member.device_id) == (&sender.user_id, &sender.device_id))
    }

    fn merge<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        staged: StagedCommit,
        sender: &Sender,
        beside: &[u8],
    ) -> Result<Processed, ProcessError> {
        let change = self.describe(&staged, sender, beside)?;
        self.group.merge_staged_commit(provider, staged).map_err(|error| match error {
            MergeCommitError::StorageError(error) => {
                ProcessError::Storage(StorageError::new("merging a commit", error))
            }
            MergeCommitError::LibraryError(error) => RejectReason::invalid(error).into(),
        })?;
        self.enter(&change)?;
        Ok(Processed::Commit(change))
    }

    fn merge_own<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        sender: &Sender,
        beside: &[u8],
    ) -> Result<Processed, ProcessError> {
        let pending = self.group.pending_commit().ok_or_else(|| RejectReason::invalid("no commit is pending"))?;
        let change = self.describe(pending, sender, beside)?;
        self.merge_pending(provider).map_err(|error| match error {
            CommitError::Storage(error) => error.into(),
            error => ProcessError::Rejected(RejectReason::invalid(error)),
        })?;
        self.enter(&change)?;
        Ok(Processed::Commit(change))
    }

    /// The roster of a commit that is merged counts from now on.
    fn enter(&mut self, change: &MembershipChange) -> Result<(), ProcessError> {
        if let Some(roster) = &change.roster {
            self.info = self.info.with_roster(roster).ok_or(RejectReason::OtherRoster)?;
            self.roster = Some(Roster::clone(roster));
        }
        Ok(())
    }

    fn describe(&self, staged: &StagedCommit, sender: &Sender, beside: &[u8]) -> Result<MembershipChange, Refusal> {
        let change = self.rules()?.check_commit(self.group.treesync(), staged, sender, beside)?;
        Ok(MembershipChange::new(change, sender, self.group.own_leaf_index()))
    }
}

/// A message further back in its sender's ratchet than keys are kept is lost, which is not the same as known. Of a past
/// epoch, OpenMLS does not say whether there ever were keys.
fn process_error<E: std::error::Error + Send + Sync + 'static>(
    error: ProcessMessageError<E>,
    epoch: Epoch,
    past: bool,
) -> ProcessError {
    use MessageDecryptionError::SecretTreeError as Tree;
    use ProposalValidationError::LeafNodeValidation;
    use ValidationError::{KeyPackageVerifyError, UnableToDecrypt};
    use openmls::prelude::KeyPackageVerifyError as Package;
    match error {
        ProcessMessageError::StorageError(error) => StorageError::new("processing a message", error).into(),
        ProcessMessageError::GroupStateError(_) => ProcessError::Removed,
        ProcessMessageError::ValidationError(ValidationError::NoPastEpochData) if past => ProcessError::Stale { epoch },
        // Of an epoch that this device never was in, because it has joined anew since.
        ProcessMessageError::ValidationError(UnableToDecrypt(MessageDecryptionError::AeadError)) if past => {
            ProcessError::Stale { epoch }
        }
        ProcessMessageError::ValidationError(UnableToDecrypt(Tree(SecretTreeError::TooDistantInThePast))) => {
            ProcessError::Stale { epoch }
        }
        ProcessMessageError::ValidationError(UnableToDecrypt(Tree(SecretTreeError::SecretReuseError))) => {
            ProcessError::Duplicate
        }
        // OpenMLS asks for the time twice, and it goes on in between.
        ProcessMessageError::ValidationError(KeyPackageVerifyError(Package::LifetimeError(_)))
        | ProcessMessageError::InvalidCommit(StageCommitError::ProposalValidationError(LeafNodeValidation(
            LeafNodeValidationError::Lifetime(_),
        ))) => RejectReason::Lifetime.into(),
        ProcessMessageError::InvalidCommit(StageCommitError::OwnCommitMismatch) => ProcessError::Duplicate,
        error => RejectReason::invalid(error).into(),
    }
}
