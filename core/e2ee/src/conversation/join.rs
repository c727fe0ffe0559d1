//! Joining by welcome (RFC 9420, section 12.4.3.1).

use openmls::group::{GroupContext, MlsGroup, StagedWelcome, WelcomeError};
use openmls::prelude::{MlsMessageBodyIn, MlsMessageIn};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::DeserializeBytes as _;

use super::{Conversation, join_config, loading};
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::group::{self, Refusal, RejectReason, Rules};
use privmsg_mls_public::{Malformed, Roster, UpdateNeeded};

/// Why a welcome was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The welcome is for a key package that this device does not have (any more): used up, expired, or never its
    /// own. The device can still join by external commit.
    #[error("no key package for this welcome")]
    NoKeyPackage,
    /// This device is a member of that group already, in this epoch or a later one: the welcome came twice.
    #[error("already a member of this group")]
    AlreadyMember,
    /// The bytes are no welcome, or no ratchet tree.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The group is forged, or breaks our rules.
    #[error("welcome refused")]
    Rejected(#[from] RejectReason),
    /// The conversation, or a device in it, is of a newer version: the welcome can be used after an update.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Refusal> for JoinError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(reason) => reason.into(),
            Refusal::UpdateNeeded(newer) => newer.into(),
        }
    }
}

impl Conversation {
    /// Joins a conversation with a welcome and the ratchet tree of the epoch that it leads to.
    ///
    /// Every leaf's certificate is checked against the people whom the conversation is between. Whether their identity
    /// keys in [`Conversation::info`] are the pinned ones is for the caller to compare, before the transaction is committed. A former membership (removed, or
    /// broken and added anew) is replaced, so take welcomes only as the server delivers them. The key package is used
    /// up unless it is a last-resort one.
    ///
    /// # Errors
    /// [`JoinError`]. The caller rolls back, so that a forged welcome costs no key package.
    pub fn join<S: Storage>(
        provider: &Provider<'_, S>,
        welcome: &[u8],
        ratchet_tree: &[u8],
        roster: Option<Roster>,
    ) -> Result<Self, JoinError> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(welcome).map_err(Malformed::because("welcome"))?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(Malformed::new("welcome").into());
        };
        let tree = group::read_tree(ratchet_tree)?;

        let builder = StagedWelcome::build_from_welcome(provider, &join_config(), welcome).map_err(welcome_error)?;
        let context = builder.processed_welcome().unverified_group_info().group_context().clone();
        let info = group::info_of_context(&context)?;
        group::check_dated(&tree)?;
        forget_former(provider, &context)?;
        let staged = builder
            .with_ratchet_tree(tree)
            // RFC 9420, section 7.3: the lifetime matters when a leaf is added, not for those in the tree.
            .skip_lifetime_validation()
            .replace_old_group()
            .build()
            .map_err(welcome_error)?;
        let leaves: Vec<_> = staged.members().collect();
        Rules::new(&info, roster.as_ref())?
            .check_leaves(leaves.iter().map(|leaf| (&leaf.credential, &*leaf.signature_key)))?;
        let group = staged.into_group(provider).map_err(welcome_error)?;
        Ok(Self { group, info, roster })
    }
}

/// Deletes what is stored of an earlier membership, if the welcome leads further than that.
fn forget_former<S: Storage>(provider: &Provider<'_, S>, context: &GroupContext) -> Result<(), JoinError> {
    let former = MlsGroup::load(provider.storage(), context.group_id()).map_err(loading)?;
    let Some(mut former) = former else { return Ok(()) };
    if former.is_active() && former.epoch() >= context.epoch() {
        return Err(JoinError::AlreadyMember);
    }
    Ok(former.delete(provider.storage()).map_err(|error| StorageError::new("deleting a group", error))?)
}

fn welcome_error<E: std::error::Error + Send + Sync + 'static>(error: WelcomeError<E>) -> JoinError {
    match error {
        WelcomeError::NoMatchingKeyPackage | WelcomeError::JoinerSecretNotFound => JoinError::NoKeyPackage,
        WelcomeError::GroupAlreadyExists => JoinError::AlreadyMember,
        WelcomeError::StorageError(error) => StorageError::new("joining a group", error).into(),
        error => RejectReason::invalid(error).into(),
    }
}
