//! Who is in a conversation.

use openmls::group::MlsGroup;
use openmls::prelude::{Credential, LeafNodeIndex};
use privmsg_protocol::{DeviceId, Epoch, UserId};

use crate::certificate::DeviceCertificate;
use crate::identity::AccountPublicKey;
use crate::leaf;

/// A device in a conversation, with the identity key that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The owner.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// The account identity key that signed the device's certificate. The certificate holds; whether this is the key
    /// pinned for the user is for the client to compare.
    pub identity: AccountPublicKey,
    /// Whether it is this very device.
    pub is_self: bool,
}

impl Member {
    pub(crate) fn from_certificate(certificate: &DeviceCertificate, is_self: bool) -> Self {
        Self {
            user_id: certificate.user_id().clone(),
            device_id: certificate.device_id().clone(),
            identity: *certificate.identity_key(),
            is_self,
        }
    }

    pub(crate) fn is(&self, user_id: &UserId, device_id: &DeviceId) -> bool {
        self.user_id == *user_id && self.device_id == *device_id
    }

    pub(crate) fn same_device(&self, other: &Self) -> bool {
        self.is(&other.user_id, &other.device_id)
    }
}

/// What a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipChange {
    /// The epoch that the commit began.
    pub epoch: Epoch,
    /// Who made it. For an external commit, the joiner.
    pub committer: Member,
    /// Devices that came. A device that joined anew because its state was broken is in both lists.
    pub added: Vec<Member>,
    /// Devices that went.
    pub removed: Vec<Member>,
}

impl MembershipChange {
    /// Whether this device was removed, and the conversation is of no use to it any more.
    #[must_use]
    pub fn removes_self(&self) -> bool {
        self.removed.iter().any(|member| member.is_self) && !self.committer.is_self
    }
}

/// All members, by leaf. Every leaf was validated before it entered the group, so none is missing.
pub(super) fn members(group: &MlsGroup) -> Vec<Member> {
    indexed(group).map(|(_, member)| member).collect()
}

pub(super) fn indexed(group: &MlsGroup) -> impl Iterator<Item = (LeafNodeIndex, Member)> + '_ {
    let own = group.is_active().then(|| group.own_leaf_index());
    group
        .members()
        .filter_map(move |leaf| Some((leaf.index, from_credential(&leaf.credential, Some(leaf.index) == own)?)))
}

pub(super) fn at(group: &MlsGroup, index: LeafNodeIndex) -> Option<Member> {
    from_credential(group.member(index)?, index == group.own_leaf_index())
}

pub(super) fn own(group: &MlsGroup) -> Option<Member> {
    from_credential(group.own_leaf_node()?.credential(), true)
}

pub(super) fn from_credential(credential: &Credential, is_self: bool) -> Option<Member> {
    let certificate = leaf::unverified_certificate(credential).ok()?;
    Some(Member::from_certificate(&certificate, is_self))
}
