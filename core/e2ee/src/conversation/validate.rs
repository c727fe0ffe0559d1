//! What we demand of a group and of a commit beyond RFC 9420.

use openmls::group::{MlsGroup, StagedCommit};
use openmls::prelude::{LeafNode, LeafNodeIndex, Proposal, Sender};
use privmsg_mls_public::{CertificateError, ConversationInfo, DeviceCertificate, InfoError, UpdateNeeded};
use privmsg_protocol::{Epoch, UserId};

use super::info;
use super::member::{self, MembershipChange};
use crate::leaf;
use crate::member::Member;

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
    /// The group is none of our conversations.
    #[error("a group that is no conversation")]
    Info(#[source] InfoError),
}

impl RejectReason {
    pub(super) fn invalid(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Invalid(cause.into())
    }
}

/// What does not pass our rules: it is against them, or this build is too old to say.
#[derive(Debug)]
pub(super) enum Refusal {
    Rejected(RejectReason),
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

/// The rules for one conversation: the same for whoever looks.
pub(super) struct Rules<'a> {
    pub(super) info: &'a ConversationInfo,
}

impl Rules<'_> {
    /// Checks a leaf that is to enter the group.
    fn check_leaf(&self, node: &LeafNode) -> Result<DeviceCertificate, Refusal> {
        let certificate = leaf::certificate(node.credential(), node.signature_key().as_slice())?;
        self.check_certificate(&certificate)?;
        Ok(certificate)
    }

    pub(super) fn check_certificate(&self, certificate: &DeviceCertificate) -> Result<(), RejectReason> {
        let user = certificate.user_id();
        let person = self.info.person(user).ok_or_else(|| RejectReason::NotAParticipant(user.clone()))?;
        if person.identity == *certificate.identity_key() {
            Ok(())
        } else {
            Err(RejectReason::ForeignIdentity(user.clone()))
        }
    }

    /// Checks all leaves of a group that this device joins, its own included.
    pub(super) fn check_tree(&self, leaves: impl Iterator<Item = openmls::group::Member>) -> Result<(), Refusal> {
        let mut members = Vec::new();
        for leaf in leaves {
            let certificate = leaf::certificate(&leaf.credential, &leaf.signature_key)?;
            self.check_certificate(&certificate)?;
            members.push(Member::from_certificate(&certificate, false));
        }
        Ok(check_unique(&members)?)
    }

    /// Checks a commit of somebody else before it is merged, and says what it would change.
    pub(super) fn check_commit(
        &self,
        group: &MlsGroup,
        staged: &StagedCommit,
        sender: &Sender,
    ) -> Result<MembershipChange, Refusal> {
        check_next_info(staged)?;
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for queued in staged.queued_proposals() {
            match queued.proposal() {
                Proposal::Add(add) => {
                    let certificate = self.check_leaf(add.key_package().leaf_node())?;
                    added.push(Member::from_certificate(&certificate, false));
                }
                Proposal::Remove(remove) => removed.push(leaf_at(group, remove.removed())?),
                Proposal::ExternalInit(_) if *sender == Sender::NewMemberCommit => {}
                _ => return Err(RejectReason::Proposal.into()),
            }
        }
        let path = staged.update_path_leaf_node().map(|node| self.check_leaf(node)).transpose()?;
        let path = path.map(|certificate| Member::from_certificate(&certificate, false));
        let committer = match sender {
            Sender::Member(index) => {
                let committer = leaf_at(group, *index)?;
                if path.is_some_and(|new| !new.same_device(&committer)) {
                    return Err(RejectReason::LeafTakeover.into());
                }
                committer
            }
            Sender::NewMemberCommit => {
                let joiner = path.ok_or_else(|| RejectReason::invalid("external commit without a path"))?;
                if removed.iter().any(|old| !old.same_device(&joiner)) {
                    return Err(RejectReason::LeafTakeover.into());
                }
                added.push(joiner.clone());
                joiner
            }
            _ => return Err(RejectReason::invalid("commit of somebody outside the group").into()),
        };
        let mut after: Vec<Member> = member::members(group);
        after.retain(|member| !removed.iter().any(|gone| gone.same_device(member)));
        after.extend(added.iter().cloned());
        check_unique(&after)?;
        Ok(MembershipChange { epoch: Epoch(staged.epoch().as_u64()), committer, added, removed })
    }
}

/// What the conversation would be after the commit. Whatever else a newer client does in the commit that makes it
/// something which this build does not know, is not for this build to judge.
///
/// An info that this build does know stays as it is, because [`Rules::check_commit`] lets no proposal change it.
fn check_next_info(staged: &StagedCommit) -> Result<(), Refusal> {
    match info::from_extensions(staged.group_context().extensions()) {
        Err(InfoError::UpdateNeeded(newer)) => Err(Refusal::UpdateNeeded(newer)),
        _ => Ok(()),
    }
}

fn leaf_at(group: &MlsGroup, index: LeafNodeIndex) -> Result<Member, RejectReason> {
    member::at(group, index).ok_or_else(|| RejectReason::invalid("no such leaf"))
}

fn check_unique(members: &[Member]) -> Result<(), RejectReason> {
    let mut devices: Vec<_> = members.iter().map(|member| (&member.user_id, &member.device_id)).collect();
    devices.sort_unstable();
    if devices.windows(2).any(|pair| pair[0] == pair[1]) { Err(RejectReason::DuplicateDevice) } else { Ok(()) }
}
