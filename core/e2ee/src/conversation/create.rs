//! Beginning a conversation.

use openmls::group::{MlsGroup, NewGroupError};
use openmls_traits::OpenMlsProvider as _;

use super::{CommitBundle, CommitError, Conversation, create_config, loading, mls_id};
use crate::identity::DeviceKeys;
use crate::key_package::ClaimedKeyPackage;
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::group::{RejectReason, Rules};
use privmsg_mls_public::{CertificateError, ConversationInfo, DeviceCertificate, Roster, leaf};

/// Why no conversation was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The storage has a group with this identifier already.
    #[error("a group with this identifier exists already")]
    Exists,
    /// The own certificate does not hold, is for other keys, or its user does not take part.
    #[error("the own device cannot be a member")]
    Own(#[source] RejectReason),
    /// The first commit could not be made; see there.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// OpenMLS refused what it should not: a bug of ours.
    #[error("OpenMLS made no group")]
    Mls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Conversation {
    /// Creates a conversation whose first commit (epoch 0 → 1) adds all `others` at once: the other devices of all
    /// participants, our own ones included. With no others the commit is made all the same, so that every
    /// conversation reaches the server in the same way; it has no welcomes then.
    ///
    /// The group is named after what the conversation is ([`ConversationInfo::group_id`]). A group of people begins with
    /// the `roster` that its info names. `made_at`: when this device's leaf is made; the commit renews it, one later.
    ///
    /// The commit is pending: [`Conversation::merge_pending`] when the server has accepted it,
    /// [`Conversation::delete`] when somebody else was faster.
    ///
    /// # Errors
    /// [`CreateError`].
    pub fn create<S: Storage>(
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        certificate: &DeviceCertificate,
        info: ConversationInfo,
        roster: Option<Roster>,
        others: &[ClaimedKeyPackage],
        made_at: u64,
    ) -> Result<(Self, CommitBundle), CreateError> {
        let rules = Rules::new(&info, roster.as_ref()).map_err(CreateError::Own)?;
        check_own(keys, certificate, &rules).map_err(CreateError::Own)?;
        let id = mls_id(info.group_id());
        if MlsGroup::load(provider.storage(), &id).map_err(loading)?.is_some() {
            return Err(CreateError::Exists);
        }
        let group = MlsGroup::new_with_group_id(
            provider,
            keys,
            &create_config(&info, made_at),
            id,
            leaf::credential(certificate, &keys.public()),
        )
        .map_err(|error| match error {
            NewGroupError::StorageError(error) => StorageError::new("creating a group", error).into(),
            NewGroupError::GroupAlreadyExists => CreateError::Exists,
            other => CreateError::Mls(Box::new(other)),
        })?;
        let mut conversation = Self { group, info, roster };
        let bundle = conversation.commit(provider, keys, others, &[], made_at)?;
        Ok((conversation, bundle))
    }
}

/// Checks that this device, with these keys and this certificate, may be a member.
pub(super) fn check_own(
    keys: &DeviceKeys,
    certificate: &DeviceCertificate,
    rules: &Rules<'_>,
) -> Result<(), RejectReason> {
    certificate.verify().map_err(RejectReason::Certificate)?;
    if *certificate.device_key() != keys.public() {
        return Err(RejectReason::Certificate(CertificateError::KeyMismatch));
    }
    rules.check_certificate(certificate)
}
