//! Joining without being invited: external commit (RFC 9420, section 12.4.3.2).
//!
//! So a device that was linked after a conversation began comes in, and one whose state is broken or too old comes back:
//! nobody else has to be there, and the user does nothing.

use openmls::group::{ExternalCommitBuilderFinalizeError, MlsGroup};
use openmls::prelude::{ExternalCommitBuilderError, LeafNodeParameters, MlsMessageBodyIn, MlsMessageIn};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::DeserializeBytes as _;

use super::bundle::Unexpected;
use super::commit::after;
use super::create::check_own;
use super::{CommitBundle, Conversation, join_config, loading};
use crate::identity::DeviceKeys;
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::group::{self, Refusal, RejectReason, Rules};
use privmsg_mls_public::{DeviceCertificate, Malformed, Roster, UpdateNeeded, leaf};

/// Why no external commit was made.
#[derive(Debug, thiserror::Error)]
pub enum ExternalJoinError {
    /// The bytes are no GroupInfo, or no ratchet tree.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The group is forged, breaks our rules, or this device may not be in it.
    #[error("cannot join")]
    Rejected(#[from] RejectReason),
    /// The conversation, or a device in it, is of a newer version: it can be joined after an update.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// OpenMLS refused what it should not: a bug of ours.
    #[error("OpenMLS made no external commit")]
    Mls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Refusal> for ExternalJoinError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(reason) => reason.into(),
            Refusal::UpdateNeeded(newer) => newer.into(),
        }
    }
}

impl From<Unexpected> for ExternalJoinError {
    fn from(error: Unexpected) -> Self {
        Self::Mls(Box::new(error))
    }
}

impl Conversation {
    /// Makes an external commit into the group of this GroupInfo and ratchet tree, with the roster that it names if it is a
    /// group of people, which replaces a leaf that this
    /// device already has there. The leaves are checked as in [`Conversation::join`], and what is stored of an earlier
    /// membership is deleted. `made_at`: when this device's leaf is made; later than the one that it replaces in any case.
    ///
    /// The stored group is already in the next epoch (OpenMLS keeps no pending external commit). Until the server has
    /// accepted the commit nothing may be encrypted; if it refuses, [`Conversation::delete`] and join again with the
    /// newer GroupInfo. So the caller stores the bundle in the same transaction, and sends it again after a crash.
    ///
    /// # Errors
    /// [`ExternalJoinError`].
    pub fn join_external<S: Storage>(
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        certificate: &DeviceCertificate,
        group_info: &[u8],
        ratchet_tree: &[u8],
        roster: Option<Roster>,
        made_at: u64,
    ) -> Result<(Self, CommitBundle), ExternalJoinError> {
        let message =
            MlsMessageIn::tls_deserialize_exact_bytes(group_info).map_err(Malformed::because("group info"))?;
        let MlsMessageBodyIn::GroupInfo(group_info) = message.extract() else {
            return Err(Malformed::new("group info").into());
        };
        let tree = group::read_tree(ratchet_tree)?;

        let context = group_info.group_context().clone();
        let info = group::info_of_context(&context)?;
        let rules = Rules::new(&info, roster.as_ref())?;
        check_own(keys, certificate, &rules)?;
        group::check_dated(&tree)?;
        let former = MlsGroup::load(provider.storage(), context.group_id()).map_err(loading)?;
        if let Some(mut former) = former {
            former.delete(provider.storage()).map_err(|error| StorageError::new("deleting a group", error))?;
        }

        let device = (certificate.user_id().clone(), certificate.device_id().clone());
        // OpenMLS removes the leaf that has this device's signature key.
        let former = group::made_at_in(&tree, keys.public().as_bytes());
        let old_leaf = if former.is_some() { vec![device.clone()] } else { Vec::new() };
        let made_at = after(made_at, former);
        let parameters = LeafNodeParameters::builder().with_capabilities(leaf::capabilities());
        let (group, messages) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(join_config())
            .skip_lifetime_validation()
            .build_group(provider, group_info, leaf::credential(certificate, &keys.public()))
            .map_err(group_error)?
            .leaf_node_parameters(parameters.with_extensions(leaf::extensions(made_at)).build())
            .load_psks(provider.storage())
            .map_err(mls)?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), keys, |_| true)
            .map_err(mls)?
            .finalize(provider)
            .map_err(|error| match error {
                ExternalCommitBuilderFinalizeError::StorageError(error) => joining(error),
                other => mls(other),
            })?;
        let leaves = group.treesync().full_leaves();
        let leaves = leaves.map(|(_, leaf)| (leaf.credential(), leaf.signature_key().as_slice()));
        rules.check_leaves(leaves)?;
        let mut bundle = CommitBundle::collect(provider, &group, messages, &[], old_leaf)?;
        bundle.added.push(device);
        Ok((Self { group, info, roster }, bundle))
    }
}

fn group_error<E: std::error::Error + Send + Sync + 'static>(
    error: ExternalCommitBuilderError<E>,
) -> ExternalJoinError {
    match error {
        ExternalCommitBuilderError::StorageError(error) => joining(error),
        error => RejectReason::invalid(error).into(),
    }
}

fn joining<E: std::error::Error + Send + Sync + 'static>(error: E) -> ExternalJoinError {
    StorageError::new("joining a group", error).into()
}

fn mls<E: std::error::Error + Send + Sync + 'static>(error: E) -> ExternalJoinError {
    ExternalJoinError::Mls(Box::new(error))
}
