//! What we demand of a group and of a commit beyond RFC 9420.

use openmls::group::{MlsGroup, StagedCommit};
use openmls::prelude::{LeafNode, Proposal, Sender};
use privmsg_protocol::{Epoch, UserId};

use super::member::{self, Member, MembershipChange};
use super::{ConversationInfo, InfoError};
use crate::certificate::{CertificateError, DeviceCertificate};
use crate::identity::AccountPublicKey;
use crate::leaf;

/// Why something that came from outside is refused. It is forged, broken, or breaks a rule of ours; retrying is no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// A signature, a MAC or a decryption failed, or a rule of RFC 9420 is broken.
    #[error("invalid by RFC 9420")]
    Invalid,
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
    #[error("device certificate: {0}")]
    Certificate(#[from] CertificateError),
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
    #[error(transparent)]
    Info(#[from] InfoError),
}

/// The rules for one conversation, seen from one device.
pub(super) struct Rules<'a> {
    pub(super) info: &'a ConversationInfo,
    pub(super) own_user: &'a UserId,
    pub(super) own_identity: &'a AccountPublicKey,
}

impl Rules<'_> {
    /// Checks a leaf that is to enter the group.
    fn check_leaf(&self, node: &LeafNode) -> Result<DeviceCertificate, RejectReason> {
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
    ) -> Result<(), RejectReason> {
        let mut members = Vec::new();
        for leaf in leaves {
            let certificate = leaf::certificate(&leaf.credential, &leaf.signature_key)?;
            match self.check_certificate(&certificate) {
                Err(RejectReason::ForeignIdentity) if former_self => {}
                other => other?,
            }
            members.push(Member::from_certificate(&certificate, false));
        }
        check_unique(&members)
    }

    /// Checks a commit of somebody else before it is merged, and says what it would change.
    pub(super) fn check_commit(
        &self,
        group: &MlsGroup,
        staged: &StagedCommit,
        sender: &Sender,
    ) -> Result<MembershipChange, RejectReason> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for queued in staged.queued_proposals() {
            match queued.proposal() {
                Proposal::Add(add) => {
                    let certificate = self.check_leaf(add.key_package().leaf_node())?;
                    added.push(Member::from_certificate(&certificate, false));
                }
                Proposal::Remove(remove) => {
                    removed.push(member::at(group, remove.removed()).ok_or(RejectReason::Invalid)?);
                }
                Proposal::ExternalInit(_) if *sender == Sender::NewMemberCommit => {}
                _ => return Err(RejectReason::Proposal),
            }
        }
        let path = staged.update_path_leaf_node().map(|node| self.check_leaf(node)).transpose()?;
        let path = path.map(|certificate| Member::from_certificate(&certificate, false));
        let committer = match sender {
            Sender::Member(index) => {
                let committer = member::at(group, *index).ok_or(RejectReason::Invalid)?;
                if path.is_some_and(|new| !new.same_device(&committer) || new.identity != committer.identity) {
                    return Err(RejectReason::LeafTakeover);
                }
                committer
            }
            Sender::NewMemberCommit => {
                let joiner = path.ok_or(RejectReason::Invalid)?;
                if removed.iter().any(|old| !old.same_device(&joiner)) {
                    return Err(RejectReason::LeafTakeover);
                }
                added.push(joiner.clone());
                joiner
            }
            _ => return Err(RejectReason::Invalid),
        };
        let mut after: Vec<Member> = member::members(group);
        after.retain(|member| !removed.iter().any(|gone| gone.same_device(member)));
        after.extend(added.iter().cloned());
        check_unique(&after)?;
        Ok(MembershipChange { epoch: Epoch(staged.epoch().as_u64()), committer, added, removed })
    }
}

fn check_unique(members: &[Member]) -> Result<(), RejectReason> {
    let mut devices: Vec<_> = members.iter().map(|member| (&member.user_id, &member.device_id)).collect();
    devices.sort_unstable();
    if devices.windows(2).any(|pair| pair[0] == pair[1]) { Err(RejectReason::DuplicateDevice) } else { Ok(()) }
}
