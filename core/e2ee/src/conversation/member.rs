//! Who is in a group, and what a commit changes of it.

use openmls::group::MlsGroup;
use openmls::prelude::{Credential, LeafNodeIndex, Sender};
use privmsg_protocol::Epoch;

use crate::member::Member;
use privmsg_mls_public::group::{self, Change, LeafDate};
use privmsg_mls_public::{Roster, leaf};

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
    /// When the leaves were made that came.
    pub dates: Vec<LeafDate>,
    /// The roster that counts since, if it is another one.
    pub roster: Option<Box<Roster>>,
}

impl MembershipChange {
    /// Of a commit by `sender`, as the device with this leaf sees it.
    pub(super) fn new(change: Change, sender: &Sender, own: LeafNodeIndex) -> Self {
        let committer = Member::new(change.committer, *sender == Sender::Member(own));
        let added = change.added.into_iter().map(|member| Member::new(member, false)).collect();
        let removed =
            change.removed.into_iter().map(|leaf| Member::new(leaf.member, leaf.index == own.u32())).collect();
        let roster = change.roster.map(Box::new);
        Self { epoch: change.epoch, committer, added, removed, dates: change.dates, roster }
    }

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

fn from_credential(credential: &Credential, is_self: bool) -> Option<Member> {
    let certificate = leaf::admitted_certificate(credential).ok()?;
    Some(Member::new(group::Member::from_certificate(&certificate), is_self))
}
