//! Changing a conversation: adding and removing devices, rotating the own leaf key.

use openmls::group::{CommitBuilderStageError, CreateCommitError, MergeCommitError, MergePendingCommitError};
use openmls::prelude::LeafNodeParameters;
use openmls_traits::OpenMlsProvider as _;
use privmsg_protocol::{DeviceId, UserId};

use super::bundle::{CommitBundle, Unexpected};
use super::{Conversation, member};
use crate::identity::DeviceKeys;
use crate::key_package::ClaimedKeyPackage;
use crate::member::Member;
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::group::{self, RejectReason, Rules};
use privmsg_mls_public::{ConversationInfo, Roster, leaf};

/// Why no commit was made or merged.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A commit of our own waits for the server's word already.
    #[error("a commit is pending already")]
    Pending,
    /// This device has been removed from the group.
    #[error("this device was removed from the group")]
    Removed,
    /// A device to be added may not be: see the reason.
    #[error("cannot add a device")]
    Add(#[source] RejectReason),
    /// A device to be removed is not in the group, or is this one, which only others can remove.
    #[error("cannot remove {0}/{1}")]
    Remove(UserId, DeviceId),
    /// The roster step is not allowed, or is none of this group's.
    #[error("not the next roster of this group")]
    Step(#[source] RejectReason),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// OpenMLS refused what it should not: a bug of ours.
    #[error("OpenMLS made no commit")]
    Mls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Unexpected> for CommitError {
    fn from(error: Unexpected) -> Self {
        Self::Mls(Box::new(error))
    }
}

impl Conversation {
    /// Makes a commit (RFC 9420, section 12.4) that adds and removes these devices and renews this device's leaf key.
    /// With two empty lists it is a mere key rotation. `made_at`: when the new leaf is made; later than the one before in
    /// any case.
    ///
    /// The commit is pending in the storage until [`Conversation::merge_pending`] or
    /// [`Conversation::clear_pending`]. Commit only when the mailbox is drained.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn commit<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        add: &[ClaimedKeyPackage],
        remove: &[(UserId, DeviceId)],
        made_at: u64,
    ) -> Result<CommitBundle, CommitError> {
        self.make_commit(provider, keys, add, remove, None, made_at)
    }

    /// Makes a commit that moves a group of people to its next roster, whoever has signed that: it removes all devices of
    /// those who are not in it any more, besides `remove`, and adds devices of those who are.
    ///
    /// # Errors
    /// [`CommitError`]; [`CommitError::Step`] for a roster that may not follow.
    pub fn commit_step<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        step: &Roster,
        add: &[ClaimedKeyPackage],
        remove: &[(UserId, DeviceId)],
        made_at: u64,
    ) -> Result<CommitBundle, CommitError> {
        let before = self.roster.as_ref().ok_or(CommitError::Step(RejectReason::OtherRoster))?;
        step.replaces(before).map_err(|error| CommitError::Step(RejectReason::Step(error)))?;
        let is_gone = |member: &Member| {
            let place = step.participant(&member.user_id);
            place.is_none_or(|place| *place.identity() != member.identity)
        };
        let gone = self.members().into_iter().filter(is_gone).map(|member| (member.user_id, member.device_id));
        let gone: Vec<_> = gone.filter(|device| !remove.contains(device)).collect();
        let remove = [remove, &gone].concat();
        self.make_commit(provider, keys, add, &remove, Some(step), made_at)
    }

    fn make_commit<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        add: &[ClaimedKeyPackage],
        remove: &[(UserId, DeviceId)],
        step: Option<&Roster>,
        made_at: u64,
    ) -> Result<CommitBundle, CommitError> {
        if !self.is_active() {
            return Err(CommitError::Removed);
        }
        if self.has_pending() {
            return Err(CommitError::Pending);
        }
        let next = step.map(|step| self.info.with_roster(step).ok_or(CommitError::Step(RejectReason::OtherRoster)));
        let next = next.transpose()?;
        self.check_adds(next.as_ref().unwrap_or(&self.info), step.or(self.roster.as_ref()), add, remove)?;
        let removals = self.removals(remove)?;
        self.group.set_aad(step.map(Roster::encode).unwrap_or_default());
        let made_at = after(made_at, self.group.own_leaf_node().and_then(|own| leaf::made_at(own).ok()));
        let parameters = LeafNodeParameters::builder().with_extensions(leaf::extensions(made_at)).build();
        let mut builder = self.group.commit_builder().consume_proposal_store(false).force_self_update(true);
        builder = builder.leaf_node_parameters(parameters);
        if let Some(next) = &next {
            builder = builder.propose_group_context_extensions(group::extensions(next)).map_err(mls)?;
        }
        let messages = builder
            .propose_adds(add.iter().map(|package| package.key_package().clone()))
            .propose_removals(removals)
            .load_psks(provider.storage())
            .map_err(mls)?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), keys, |_| true)
            .map_err(mls::<CreateCommitError>)?
            .stage_commit(provider)
            .map_err(|error| match error {
                CommitBuilderStageError::KeyStoreError(error) => StorageError::new("storing a commit", error).into(),
                CommitBuilderStageError::LibraryError(error) => mls(error),
            })?;
        Ok(CommitBundle::collect(provider, &self.group, messages, add, remove.to_vec())?)
    }

    /// Enters the epoch of the pending commit, because the server accepted it. Without one nothing happens. After a roster
    /// step, the roster is not at hand any more: see [`Conversation::with_roster`].
    ///
    /// # Errors
    /// [`CommitError::Storage`], or [`CommitError::Removed`].
    pub fn merge_pending<S: Storage>(&mut self, provider: &Provider<'_, S>) -> Result<(), CommitError> {
        self.group.merge_pending_commit(provider).map_err(|error| match error {
            MergePendingCommitError::MergeCommitError(MergeCommitError::StorageError(error)) => {
                StorageError::new("merging a commit", error).into()
            }
            MergePendingCommitError::MergeCommitError(MergeCommitError::LibraryError(error)) => mls(error),
            MergePendingCommitError::MlsGroupStateError(_) => CommitError::Removed,
        })?;
        self.info = group::info_of_extensions(self.group.extensions()).map_err(mls)?;
        // The one before, after a roster step.
        if self.rules().is_err() {
            self.roster = None;
        }
        Ok(())
    }

    /// Forgets the pending commit, because the server refused it. Without one nothing happens.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn clear_pending<S: Storage>(&mut self, provider: &Provider<'_, S>) -> Result<(), StorageError> {
        let cleared = self.group.clear_pending_commit(provider.storage());
        cleared.map_err(|error| StorageError::new("forgetting a commit", error))
    }

    fn check_adds(
        &self,
        info: &ConversationInfo,
        roster: Option<&Roster>,
        add: &[ClaimedKeyPackage],
        remove: &[(UserId, DeviceId)],
    ) -> Result<(), CommitError> {
        let rules = Rules::new(info, roster).map_err(CommitError::Step)?;
        let mut devices: Vec<_> = self.members().into_iter().map(|member| (member.user_id, member.device_id)).collect();
        devices.retain(|device| !remove.contains(device));
        for package in add {
            rules.check_certificate(package.certificate()).map_err(CommitError::Add)?;
            let device = (package.certificate().user_id().clone(), package.certificate().device_id().clone());
            if devices.contains(&device) {
                return Err(CommitError::Add(RejectReason::DuplicateDevice));
            }
            devices.push(device);
        }
        Ok(())
    }

    fn removals(&self, remove: &[(UserId, DeviceId)]) -> Result<Vec<openmls::prelude::LeafNodeIndex>, CommitError> {
        let members: Vec<_> = member::indexed(&self.group).collect();
        let index = |(user, device): &(UserId, DeviceId)| {
            let found = members.iter().find(|(_, member)| member.is(user, device) && !member.is_self);
            found.map(|(index, _)| *index).ok_or_else(|| CommitError::Remove(user.clone(), device.clone()))
        };
        remove.iter().map(index).collect()
    }
}

/// When a leaf is made that comes after the `former` one.
pub(super) fn after(made_at: u64, former: Option<u64>) -> u64 {
    former.map_or(made_at, |former| made_at.max(former.saturating_add(1)))
}

fn mls<E: std::error::Error + Send + Sync + 'static>(error: E) -> CommitError {
    CommitError::Mls(Box::new(error))
}
