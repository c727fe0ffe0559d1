//! What we demand of a group and of a commit beyond RFC 9420.

use std::collections::HashSet;

use openmls::group::StagedCommit;
use openmls::prelude::{Credential, LeafNode, LeafNodeIndex, Proposal, Sender};
use openmls::treesync::TreeSync;
use openmls_rust_crypto::RustCrypto;
use privmsg_protocol::{Epoch, UserId};
use tls_codec::Size as _;

use super::context;
use super::keys;
use super::member::{Change, Leaf, LeafDate, Member};
use super::reject::{Refusal, RejectReason};
use crate::certificate::DeviceCertificate;
use crate::conversation_info::{ConversationInfo, InfoError, RosterMark};
use crate::keys::AccountPublicKey;
use crate::leaf;
use crate::lifetime::Lifetime;
use crate::roster::{Participant, Roster};

/// Longest leaf, in bytes. Today's have about 1,600: the encryption key takes 1,216, a certificate at most 1,024. Every
/// member keeps each leaf, and the server hands it to every joiner.
pub const MAX_LEAF_LEN: usize = 3072;

/// The rules for one conversation in one epoch: the same for whoever looks.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    info: &'a ConversationInfo,
    roster: Option<&'a Roster>,
}

impl<'a> Rules<'a> {
    /// The rules for what a conversation is, with the roster that its GroupContext names, if it is a group of people.
    ///
    /// # Errors
    /// [`RejectReason::OtherRoster`].
    pub fn new(info: &'a ConversationInfo, roster: Option<&'a Roster>) -> Result<Self, RejectReason> {
        let is_named = match (info.roster(), roster) {
            (None, None) => true,
            (Some(named), Some(roster)) => {
                named == RosterMark::of(roster) && roster.conversation_id() == info.conversation_id()
            }
            _ => false,
        };
        if is_named { Ok(Self { info, roster }) } else { Err(RejectReason::OtherRoster) }
    }

    /// The identity that a user has here. `None`: the user takes no part.
    #[must_use]
    pub fn identity_of(&self, user: &UserId) -> Option<&AccountPublicKey> {
        match self.roster {
            Some(roster) => roster.participant(user).map(Participant::identity),
            None => self.info.person(user).map(|person| &person.identity),
        }
    }

    /// Checks the certificate of a leaf that is, or is to be, in the group. That its signature holds was checked before.
    ///
    /// # Errors
    /// [`RejectReason`].
    pub fn check_certificate(&self, certificate: &DeviceCertificate) -> Result<(), RejectReason> {
        let user = certificate.user_id();
        let identity = self.identity_of(user).ok_or_else(|| RejectReason::NotAParticipant(user.clone()))?;
        if identity == certificate.identity_key() { Ok(()) } else { Err(RejectReason::ForeignIdentity(user.clone())) }
    }

    /// Checks all leaves of a group, given by credential and signature key. Of the tree, [`check_dated`](super::check_dated)
    /// is another part.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_leaves<'l>(&self, leaves: impl Iterator<Item = (&'l Credential, &'l [u8])>) -> Result<(), Refusal> {
        let mut devices = HashSet::new();
        for (credential, signature_key) in leaves {
            let certificate = leaf::certificate(credential, signature_key)?;
            self.check_certificate(&certificate)?;
            if !devices.insert((certificate.user_id().clone(), certificate.device_id().clone())) {
                return Err(RejectReason::DuplicateDevice.into());
            }
        }
        Ok(())
    }

    /// Checks a commit to the group with this tree before it is merged, and says what it would change. Every leaf of
    /// `tree` was checked when it entered. `beside` is the commit's `authenticated_data`: the step to the next roster, or
    /// nothing.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_commit(
        &self,
        tree: &TreeSync,
        staged: &StagedCommit,
        sender: &Sender,
        beside: &[u8],
    ) -> Result<Change, Refusal> {
        check_next_info(staged)?;
        let step = self.step(staged, sender, beside)?;
        let next = match &step {
            Some((info, roster)) => Rules { info, roster: Some(roster) },
            None => *self,
        };
        let (mut dates, mut added, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        let mut packages = Lifetime::ALWAYS;
        for queued in staged.queued_proposals() {
            match queued.proposal() {
                Proposal::Add(add) => {
                    let (member, date) = next.check_leaf(add.key_package().leaf_node())?;
                    added.push(member);
                    dates.push(date);
                    packages = packages.and(Lifetime::of(add.key_package()));
                }
                Proposal::Remove(remove) => {
                    let index = remove.removed();
                    removed.push(Leaf { index: index.u32(), member: member_at(tree, index)? });
                }
                Proposal::ExternalInit(_) if *sender == Sender::NewMemberCommit => {}
                // It is what the step says.
                Proposal::GroupContextExtensions(_) if step.is_some() => {}
                _ => return Err(RejectReason::Proposal.into()),
            }
        }
        let path = staged.update_path_leaf_node().map(|node| next.check_leaf(node)).transpose()?;
        let committer = match sender {
            Sender::Member(index) => {
                let committer = member_at(tree, *index)?;
                if let Some((new, date)) = path {
                    // Nor does a device take another key: its list says which it has.
                    if !new.same_device(&committer) || new.device_key != committer.device_key {
                        return Err(RejectReason::LeafTakeover.into());
                    }
                    check_newer(tree, *index, &date)?;
                    dates.push(date);
                }
                committer
            }
            Sender::NewMemberCommit => {
                let (joiner, date) = path.ok_or_else(|| RejectReason::invalid("external commit without a path"))?;
                check_former_leaf(&joiner, &removed)?;
                dates.push(date);
                added.push(joiner.clone());
                joiner
            }
            _ => return Err(RejectReason::invalid("commit of somebody outside the group").into()),
        };
        check_unique(tree, &removed, &added)?;
        check_newer_than_removed(tree, &removed, &added, &dates)?;
        if let Some((_, next)) = &step {
            self.check_gone(tree, &removed, next)?;
        }
        let epoch = Epoch(staged.epoch().as_u64());
        let external = *sender == Sender::NewMemberCommit;
        let roster = step.map(|(_, roster)| roster);
        Ok(Change { epoch, committer, external, added, removed, dates, packages, roster })
    }

    /// The roster step of a commit, and what the conversation is after it. There is one if and only if the GroupContext
    /// changes, and it changes to nothing else.
    fn step(
        &self,
        staged: &StagedCommit,
        sender: &Sender,
        beside: &[u8],
    ) -> Result<Option<(ConversationInfo, Roster)>, Refusal> {
        let proposed = staged.queued_proposals().find_map(|queued| match queued.proposal() {
            Proposal::GroupContextExtensions(proposal) => Some(proposal.extensions()),
            _ => None,
        });
        let (before, extensions) = match (self.roster, beside, proposed) {
            (_, [], None) => return Ok(None),
            (Some(before), [_, ..], Some(extensions)) if matches!(sender, Sender::Member(_)) => (before, extensions),
            // What else is no part of any conversation.
            (None, [], Some(_)) => return Err(RejectReason::Proposal.into()),
            _ => return Err(RejectReason::Context.into()),
        };
        let roster = Roster::decode(beside)?;
        roster.replaces(before).map_err(RejectReason::Step)?;
        let info = self.info.with_roster(&roster).ok_or(RejectReason::OtherRoster)?;
        if *extensions == context::extensions(&info) {
            Ok(Some((info, roster)))
        } else {
            Err(RejectReason::Context.into())
        }
    }

    /// Whoever is not in the next roster any more, or is somebody else there, leaves with all devices.
    fn check_gone(&self, tree: &TreeSync, removed: &[Leaf], next: &Roster) -> Result<(), Refusal> {
        let before = self.roster.map(Roster::participants).unwrap_or_default();
        let stays = |old: &Participant| next.participant(old.user_id()).is_some_and(|new| new.is_same_as(old));
        let gone: HashSet<_> = before.iter().filter(|old| !stays(old)).map(Participant::user_id).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let removed: HashSet<_> = removed.iter().map(|leaf| leaf.index).collect();
        for (_, leaf) in tree.full_leaves().filter(|(index, _)| !removed.contains(&index.u32())) {
            let (user, _) = leaf::device_of(leaf.credential())?;
            if gone.contains(&user) {
                return Err(RejectReason::NotAParticipant(user).into());
            }
        }
        Ok(())
    }

    /// Checks a leaf that is to enter the group.
    fn check_leaf(&self, node: &LeafNode) -> Result<(Member, LeafDate), Refusal> {
        let certificate = leaf::certificate_of(node)?;
        self.check_certificate(&certificate)?;
        check_leaf_len(node)?;
        keys::check_node(&RustCrypto::default(), node.encryption_key()).map_err(RejectReason::invalid)?;
        let made_at = leaf::made_at(node).map_err(|_| RejectReason::Undated)?;
        let member = Member::from_certificate(&certificate);
        let date = LeafDate { user_id: member.user_id.clone(), device_key: member.device_key, made_at };
        Ok((member, date))
    }
}

pub(super) fn check_leaf_len(node: &LeafNode) -> Result<(), RejectReason> {
    let len = node.tls_serialized_len();
    if len > MAX_LEAF_LEN { Err(RejectReason::OversizedLeaf(len)) } else { Ok(()) }
}

/// An external commit has at most one Remove, of the joiner's own former leaf (RFC 9420, section 12.4.3.2). OpenMLS leaves
/// it to the application whose leaf that is.
fn check_former_leaf(joiner: &Member, removed: &[Leaf]) -> Result<(), RejectReason> {
    match removed {
        [] => Ok(()),
        [former] if former.member.same_device(joiner) => Ok(()),
        _ => Err(RejectReason::LeafTakeover),
    }
}

/// A leaf is newer than the one in whose place it comes, so that no commit leads a device back to a key that it has had before.
fn check_newer(tree: &TreeSync, replaced: LeafNodeIndex, date: &LeafDate) -> Result<(), Refusal> {
    let replaced = leaf::made_at(leaf_at(tree, replaced)?).map_err(|_| RejectReason::Undated)?;
    if date.made_at > replaced { Ok(()) } else { Err(RejectReason::NotNewer.into()) }
}

/// The same of devices that go and come again by one commit.
fn check_newer_than_removed(
    tree: &TreeSync,
    removed: &[Leaf],
    added: &[Member],
    dates: &[LeafDate],
) -> Result<(), Refusal> {
    for gone in removed.iter().filter(|gone| added.iter().any(|new| new.same_device(&gone.member))) {
        for date in dates.iter().filter(|date| date.device_key == gone.member.device_key) {
            check_newer(tree, LeafNodeIndex::new(gone.index), date)?;
        }
    }
    Ok(())
}

/// What the conversation would be after the commit. Whatever else a newer client does in the commit that makes it
/// something which this build does not know, is not for this build to judge.
///
/// An info that this build does know stays as it is, but for what a roster step makes of it.
fn check_next_info(staged: &StagedCommit) -> Result<(), Refusal> {
    match context::info_of_extensions(staged.group_context().extensions()) {
        Err(InfoError::UpdateNeeded(newer)) => Err(Refusal::UpdateNeeded(newer)),
        _ => Ok(()),
    }
}

fn member_at(tree: &TreeSync, index: LeafNodeIndex) -> Result<Member, Refusal> {
    let leaf = leaf_at(tree, index)?;
    Ok(Member::from_certificate(&leaf::admitted_certificate(leaf.credential())?))
}

fn leaf_at(tree: &TreeSync, index: LeafNodeIndex) -> Result<&LeafNode, Refusal> {
    let leaf = tree.full_leaves().find(|(at, _)| *at == index);
    Ok(leaf.ok_or_else(|| RejectReason::invalid("no such leaf"))?.1)
}

/// No device may have two leaves afterwards. Those that are there already are different ones.
fn check_unique(tree: &TreeSync, removed: &[Leaf], added: &[Member]) -> Result<(), Refusal> {
    let mut devices = HashSet::new();
    if !added.iter().all(|member| devices.insert((&member.user_id, &member.device_id))) {
        return Err(RejectReason::DuplicateDevice.into());
    }
    if devices.is_empty() {
        return Ok(());
    }
    let removed: HashSet<_> = removed.iter().map(|leaf| leaf.index).collect();
    for (_, leaf) in tree.full_leaves().filter(|(index, _)| !removed.contains(&index.u32())) {
        let (user_id, device_id) = leaf::device_of(leaf.credential())?;
        if devices.contains(&(&user_id, &device_id)) {
            return Err(RejectReason::DuplicateDevice.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::DeviceId;

    use super::*;
    use crate::test_keys::{account_key, device_key};

    fn leaf(index: u32, user: &str, device: &str) -> Leaf {
        let (user_id, device_id) = (UserId::new(user).unwrap(), DeviceId::new(device).unwrap());
        Leaf { index, member: Member { user_id, device_id, device_key: device_key(2), identity: account_key(1) } }
    }

    /// OpenMLS makes no such commit, not even for a rogue client.
    #[test]
    fn a_joiner_removes_at_most_its_own_former_leaf() {
        let joiner = leaf(0, "alice", "phone").member;
        let own = || leaf(2, "alice", "phone");
        let allowed = |removed: &[Leaf]| match check_former_leaf(&joiner, removed) {
            Ok(()) => true,
            Err(RejectReason::LeafTakeover) => false,
            Err(other) => panic!("{other:?}"),
        };
        assert!(allowed(&[]) && allowed(&[own()]));
        for other in [leaf(1, "alice", "laptop"), leaf(1, "bob", "phone")] {
            assert!(
                !allowed(std::slice::from_ref(&other))
                    && !allowed(&[own(), other.clone()])
                    && !allowed(&[other, own()])
            );
        }
        assert!(!allowed(&[own(), own()]));
    }
}
