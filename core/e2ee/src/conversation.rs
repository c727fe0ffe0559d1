//! Conversations: one MLS group (RFC 9420) each, whose leaves are all devices of all participants.
//!
//! The protocol's word is *group*, the user's is *chat*; [`Conversation`] is the group together with what we demand of
//! it beyond MLS: every leaf carries a valid [device certificate](privmsg_mls_public::certificate) by the identity key
//! of one of its people, and no device has two leaves. Kind and people stand in the GroupContext ([`ConversationInfo`]),
//! so every member agrees on them by construction, and the group is named after them, so none can be served for another.
//! Those of a group of people stand in its [`Roster`], which the GroupContext names by its hash, and which moves on by
//! steps that are signed by those whom the one before lets ([`Roster::replaces`]).
//!
//! # Transactions
//!
//! Every function that takes a [`Provider`] reads and writes the caller's storage, and expects one
//! transaction around it. **On an error the caller rolls back and drops the `Conversation`**, which may be ahead of the
//! storage then; [`Conversation::load`] gives the last committed state. The same way a caller refuses what this crate
//! accepts: it looks at the [`MembershipChange`], finds an identity key that is not the pinned one, and rolls back.
//!
//! # States
//!
//! The server accepts one commit per epoch. A commit of our own is therefore *pending* until the server has accepted
//! it, and survives a restart.
//!
//! | State | how it is reached | `encrypt` | `commit` | `process` of a message / of a commit |
//! |---|---|---|---|---|
//! | operational | `join`, `join_external`, `merge_pending`, `clear_pending` | yes | yes, → pending | decrypts / merges |
//! | pending own commit | `create`, `commit` | yes, in the old epoch | [`CommitError::Pending`] | decrypts / another's commit wins: merges it and drops ours; our own echo is merged ([`Processed::Commit`]) |
//! | removed | `process` of a commit that removes this device | [`EncryptError::Removed`] | [`CommitError::Removed`] | [`ProcessError::Removed`] |
//!
//! From *pending*: accepted → [`Conversation::merge_pending`]; "stale epoch" → process what was missed (which clears
//! it), or [`Conversation::clear_pending`], then commit again; a group that lost its creation →
//! [`Conversation::delete`]. From *removed*: [`Conversation::join`] or [`Conversation::join_external`] replace the
//! old state.
//!
//! [`Conversation::join_external`] has no pending state, because OpenMLS merges an external commit when it is made: the
//! stored group is already in the epoch after it. The caller keeps the [`CommitBundle`] durably until the server has
//! answered; if it was refused, the group is of no use: [`Conversation::delete`] it and join again.
//!
//! # Messages out of order
//!
//! | message of | result |
//! |---|---|
//! | the current epoch | decrypted; again: [`ProcessError::Duplicate`], or [`ProcessError::Stale`] once it is [`OUT_OF_ORDER`] messages back |
//! | a later epoch | [`ProcessError::Future`]: keep it, process the commits between, retry |
//! | one of the last [`MAX_PAST_EPOCHS`] epochs | decrypted; whether its device is still in the group is said |
//! | an older epoch, or a commit of any past epoch | [`ProcessError::Stale`] |
//! | ourselves | [`ProcessError::Duplicate`]: the sender's ratchet cannot go back |
//!
//! After a commit that leads to a version which this build does not know ([`ProcessError::UpdateNeeded`]) nothing can be
//! processed any more: keep it and what follows, and go on after an update.

mod bundle;
mod commit;
mod create;
mod encrypt;
mod entrance;
mod external;
mod join;
mod member;
mod process;

pub use bundle::{CommitBundle, SharedWelcome};
pub use commit::CommitError;
pub use create::CreateError;
pub use encrypt::EncryptError;
pub use external::ExternalJoinError;
pub use join::JoinError;
pub use member::MembershipChange;
pub use privmsg_mls_public::group::{LeafDate, RejectReason};
pub use process::{Expected, ProcessError, Processed};

use std::fmt;

use openmls::group::{MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig};
use openmls::prelude::SenderRatchetConfiguration;
use openmls_traits::OpenMlsProvider as _;
use privmsg_mls_public::group::Rules;
use privmsg_mls_public::{CertificateError, ConversationInfo, InfoError, Roster, UpdateNeeded, group, leaf};
use privmsg_protocol::{Epoch, GroupId, UserId};

use crate::member::Member;
use crate::provider::{Provider, Storage, StorageError};

/// Epochs before the current one whose application messages can still be decrypted.
///
/// The server orders commits and messages strictly and refuses a message whose epoch is not current, so in order
/// nothing of the past arrives. Two epochs cover a message that a client parked and retries after the next commit;
/// more would weaken forward secrecy for nothing.
pub const MAX_PAST_EPOCHS: usize = 2;

/// Message lengths are rounded up to a multiple of this, so that a ciphertext tells little about its text.
const PADDING: usize = 128;

/// Messages of one sender that may arrive in another order than they were encrypted: those that lay in its outbox
/// while later ones got through. Their keys are kept, and each costs storage at every message.
pub const OUT_OF_ORDER: u32 = 32;

/// Messages of one sender that may be missing in a row (lost to the server's retention) before the group has to be
/// joined anew. Skipping costs two hashes each: about 50 ms for this many.
const MAX_SKIPPED: u32 = 10_000;

/// Why a stored conversation was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A newer build has stored it, and this one must not touch it.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// What is stored is no conversation.
    #[error("what is stored of {group_id} is no conversation")]
    Corrupt {
        /// The group.
        group_id: GroupId,
        /// What is wrong with it.
        source: InfoError,
    },
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// One conversation of this device, as it stands in the storage. See the [module documentation](self).
pub struct Conversation {
    group: MlsGroup,
    info: ConversationInfo,
    /// Of a group of people, as far as it is at hand.
    roster: Option<Roster>,
}

impl Conversation {
    /// The stored conversation, or `None` if this device never had it or deleted it.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load<S: Storage>(provider: &Provider<'_, S>, group_id: GroupId) -> Result<Option<Self>, LoadError> {
        let group = MlsGroup::load(provider.storage(), &mls_id(group_id)).map_err(loading)?;
        group.map(|group| Self::new(group, group_id)).transpose()
    }

    /// What the storage knows a conversation by.
    #[must_use]
    pub fn storage_key(group_id: GroupId) -> openmls::group::GroupId {
        mls_id(group_id)
    }

    /// Removes all stored state of this conversation: it was refused by the server, or is of no use any more.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete<S: Storage>(mut self, provider: &Provider<'_, S>) -> Result<(), StorageError> {
        self.group.delete(provider.storage()).map_err(|error| StorageError::new("deleting a group", error))
    }

    /// The group's identifier.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        GroupId::try_from(self.group.group_id().as_slice()).expect("checked when the group was made or joined")
    }

    /// The current epoch. A pending commit has not changed it yet.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.group.epoch().as_u64())
    }

    /// Kind and participants.
    #[must_use]
    pub const fn info(&self) -> &ConversationInfo {
        &self.info
    }

    /// The same with the roster that its GroupContext names. OpenMLS keeps no rosters, so whoever loads a group of people
    /// brings it: without it, the group can be read, and neither followed nor changed. Other conversations have none.
    ///
    /// # Errors
    /// [`RejectReason::OtherRoster`].
    pub fn with_roster(self, roster: Option<Roster>) -> Result<Self, RejectReason> {
        Rules::new(&self.info, roster.as_ref())?;
        Ok(Self { roster, ..self })
    }

    /// Who takes part, and as what, in this epoch of a group of people, as far as it is at hand.
    #[must_use]
    pub const fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// How many devices are in the group.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.group.treesync().full_leaves().count()
    }

    /// The generation of its account in which a device of this user was let in: the highest of those in the group.
    #[must_use]
    pub fn generation_of(&self, user: &UserId) -> Option<u64> {
        let certificate = |leaf: openmls::prelude::Member| {
            let (owner, _) = leaf::device_of(&leaf.credential).ok()?;
            (owner == *user).then(|| leaf::admitted_certificate(&leaf.credential).ok()).flatten()
        };
        let certificates = self.group.members().filter_map(certificate);
        certificates.map(|certificate| certificate.signing_certificate().generation()).max()
    }

    /// Whether this device is still a member.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.group.is_active()
    }

    /// Whether a commit of our own waits for the server's word.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.group.pending_commit().is_some()
    }

    /// Whether anybody but this user has a device in the group.
    #[must_use]
    pub fn has_others(&self, user: &UserId) -> bool {
        self.group.members().any(|leaf| leaf::device_of(&leaf.credential).is_ok_and(|(owner, _)| owner != *user))
    }

    /// All devices in the group, this one included unless it was removed, in the order of their leaves.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        member::members(&self.group)
    }

    /// When each device in the group has made its leaf.
    #[must_use]
    pub fn dates(&self) -> Vec<LeafDate> {
        group::dates(self.group.treesync())
    }

    fn new(group: MlsGroup, group_id: GroupId) -> Result<Self, LoadError> {
        let info = group::info_of_extensions(group.extensions()).map_err(|error| match error {
            InfoError::UpdateNeeded(newer) => LoadError::UpdateNeeded(newer),
            source => LoadError::Corrupt { group_id, source },
        })?;
        // A leaf that cannot be read would be missing from the members.
        for leaf in group.members() {
            if let Err(CertificateError::UpdateNeeded(newer)) = leaf::check_version(&leaf.credential) {
                return Err(newer.into());
            }
        }
        Ok(Self { group, info, roster: None })
    }

    /// The rules of the present epoch.
    fn rules(&self) -> Result<Rules<'_>, RejectReason> {
        Rules::new(&self.info, self.roster.as_ref())
    }
}

/// Names the group, and shows none of its secrets.
impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Conversation({}, epoch {})", self.group_id(), self.epoch())
    }
}

fn loading<E: std::error::Error + Send + Sync + 'static>(error: E) -> StorageError {
    StorageError::new("loading a group", error)
}

fn mls_id(group_id: GroupId) -> openmls::group::GroupId {
    openmls::group::GroupId::from_slice(group_id.as_bytes())
}

/// Handshake messages travel as `PublicMessage`: the server stores the tree and the GroupInfo anyway, for devices that
/// join by external commit, so encryption would hide nothing; and only so can our own commit be recognised for certain
/// when it comes back. Encrypted ones are understood. Application messages are always encrypted.
fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(MAX_PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, MAX_SKIPPED))
        .use_ratchet_tree_extension(false)
        .build()
}

fn create_config(info: &ConversationInfo, made_at: u64) -> MlsGroupCreateConfig {
    MlsGroupCreateConfig::builder()
        .ciphersuite(leaf::CIPHERSUITE)
        .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING)
        .max_past_epochs(MAX_PAST_EPOCHS)
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(OUT_OF_ORDER, MAX_SKIPPED))
        .use_ratchet_tree_extension(false)
        .capabilities(leaf::capabilities())
        .with_leaf_node_extensions(leaf::extensions(made_at))
        .expect("our capabilities have the extension of our leaves")
        .with_group_context_extensions(group::extensions(info))
        .build()
}
