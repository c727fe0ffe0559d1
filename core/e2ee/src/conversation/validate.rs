//! What we demand of a group and of a commit beyond RFC 9420.

use openmls::group::{MlsGroup, StagedCommit};
use openmls::prelude::{LeafNode, LeafNodeIndex, Proposal, Sender};
use privmsg_protocol::{Epoch, UserId};

use super::member::{self, MembershipChange};
use super::{ConversationInfo, InfoError};
use crate::certificate::{CertificateError, DeviceCertificate};
use crate::identity::AccountPublicKey;
use crate::leaf;
use crate::member::Member;
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
    /// A device of our own user that another identity key vouches for.
    #[error("a device of this account under another identity")]
    ForeignIdentity,
    /// A device would have two leaves.
    #[error("a device would be in the group twice")]
    DuplicateDevice,
    /// A leaf would change its owner, device or identity, or a joiner would remove somebody else.
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

/// The rules for one conversation, seen from one device.
pub(super) struct Rules<'a> {
    pub(super) info: &'a ConversationInfo,
    pub(super) own_user: &'a UserId,
    pub(super) own_identity: &'a AccountPublicKey,
}

impl Rules<'_> {
    /// Checks a leaf that is to enter the group.
    fn check_leaf(&self, node: &LeafNode) -> Result<DeviceCertificate, Refusal> {
        let certificate = leaf::certificate(node.credential(), node.signature_key().as_slice())?;
        self.check_certificate(&certificate)?;
        Ok(certificate)
    }

    pub(super) fn check_certificate(&self, certificate: &DeviceCertificate) -> Result<(), RejectReason> {
        if !self.info.includes(certificate.user_id()) {
            return Err(RejectReason::NotAParticipant(certificate.user_id().clone()));
        }
        if certificate.user_id() == self.own_user && certificate.identity_key() != self.own_identity {
            return Err(RejectReason::ForeignIdentity);
        }
        Ok(())
    }

    /// Checks all leaves of a group that this device joins.
    ///
    /// Who comes back by external commit with a new identity finds the leaves of the former one there, and is the one
    /// who has to remove them: `former_self` lets them pass.
    pub(super) fn check_tree(
        &self,
        leaves: impl Iterator<Item = openmls::group::Member>,
        former_self: bool,
    ) -> Result<(), Refusal> {
        let mut members = Vec::new();
        for leaf in leaves {
            let certificate = leaf::certificate(&leaf.credential, &leaf.signature_key)?;
            match self.check_certificate(&certificate) {
                Err(RejectReason::ForeignIdentity) if former_self => {}
                other => other?,
            }
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
                if path.is_some_and(|new| !new.same_device(&committer) || new.identity != committer.identity) {
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
    match ConversationInfo::from_extensions(staged.group_context().extensions()) {
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
