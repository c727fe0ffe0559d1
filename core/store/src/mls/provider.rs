//! What OpenMLS asks of its storage.

use openmls_traits::storage::{CURRENT_VERSION as V, StorageProvider, traits};

use super::tables::{MlsStorageError, Tables};
use crate::Tx;

/// Names of what a group has one or several of.
mod part {
    pub(super) const JOIN_CONFIG: &str = "join_config";
    pub(super) const TREE: &str = "tree";
    pub(super) const INTERIM_TRANSCRIPT_HASH: &str = "interim_transcript_hash";
    pub(super) const CONTEXT: &str = "context";
    pub(super) const CONFIRMATION_TAG: &str = "confirmation_tag";
    pub(super) const STATE: &str = "state";
    pub(super) const MESSAGE_SECRETS: &str = "message_secrets";
    pub(super) const RESUMPTION_PSKS: &str = "resumption_psks";
    pub(super) const OWN_LEAF_INDEX: &str = "own_leaf_index";
    pub(super) const EPOCH_SECRETS: &str = "epoch_secrets";
    pub(super) const OWN_LEAF_NODES: &str = "own_leaf_nodes";
    pub(super) const PROPOSALS: &str = "proposals";
}

/// Names of what belongs to no group.
mod kind {
    pub(super) const SIGNATURE_KEYS: &str = "signature_keys";
    pub(super) const ENCRYPTION_KEYS: &str = "encryption_keys";
    pub(super) const KEY_PACKAGES: &str = "key_packages";
    pub(super) const PSKS: &str = "psks";
}

/// OpenMLS storage inside a transaction. See [`super::mls_storage`].
pub struct MlsStorage<'t>(Tables<'t>);

impl<'t> MlsStorage<'t> {
    pub(super) fn new(tx: &'t Tx<'t>, are_former: bool) -> Self {
        Self(Tables { sql: tx.sql(), are_former })
    }
}

/// What a group has one of: how it is written, read and deleted.
macro_rules! parts {
    ($($part:ident: $value:ident, $write:ident, $read:ident, $delete:ident;)*) => {$(
        fn $write<GroupId: traits::GroupId<V>, Value: traits::$value<V>>(
            &self,
            group_id: &GroupId,
            value: &Value,
        ) -> Result<(), MlsStorageError> {
            self.0.set_part(group_id, part::$part, value)
        }

        fn $read<GroupId: traits::GroupId<V>, Value: traits::$value<V>>(
            &self,
            group_id: &GroupId,
        ) -> Result<Option<Value>, MlsStorageError> {
            self.0.part(group_id, part::$part)
        }

        fn $delete<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
            self.0.remove_part(group_id, part::$part)
        }
    )*};
}

/// What belongs to no group, by its key.
macro_rules! keys {
    ($($kind:ident: $key:ident, $value:ident, $write:ident, $read:ident, $delete:ident;)*) => {$(
        fn $write<Key: traits::$key<V>, Value: traits::$value<V>>(
            &self,
            key: &Key,
            value: &Value,
        ) -> Result<(), MlsStorageError> {
            self.0.set_key(kind::$kind, key, value)
        }

        fn $read<Key: traits::$key<V>, Value: traits::$value<V>>(
            &self,
            key: &Key,
        ) -> Result<Option<Value>, MlsStorageError> {
            self.0.key(kind::$kind, key)
        }

        fn $delete<Key: traits::$key<V>>(&self, key: &Key) -> Result<(), MlsStorageError> {
            self.0.remove_key(kind::$kind, key)
        }
    )*};
}

impl StorageProvider<V> for MlsStorage<'_> {
    type Error = MlsStorageError;

    parts! {
        JOIN_CONFIG: MlsGroupJoinConfig, write_mls_join_config, mls_group_join_config, delete_group_config;
        TREE: TreeSync, write_tree, tree, delete_tree;
        INTERIM_TRANSCRIPT_HASH: InterimTranscriptHash, write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash;
        CONTEXT: GroupContext, write_context, group_context, delete_context;
        CONFIRMATION_TAG: ConfirmationTag, write_confirmation_tag, confirmation_tag, delete_confirmation_tag;
        RESUMPTION_PSKS: ResumptionPskStore, write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets;
        OWN_LEAF_INDEX: LeafNodeIndex, write_own_leaf_index, own_leaf_index, delete_own_leaf_index;
        EPOCH_SECRETS: GroupEpochSecrets, write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets;
    }

    keys! {
        SIGNATURE_KEYS: SignaturePublicKey, SignatureKeyPair, write_signature_key_pair, signature_key_pair, delete_signature_key_pair;
        KEY_PACKAGES: HashReference, KeyPackage, write_key_package, key_package, delete_key_package;
    }

    // What is written at every message, see `split`.

    fn write_message_secrets<GroupId: traits::GroupId<V>, MessageSecrets: traits::MessageSecrets<V>>(
        &self,
        group_id: &GroupId,
        message_secrets: &MessageSecrets,
    ) -> Result<(), MlsStorageError> {
        self.0.set_message_secrets(group_id, part::MESSAGE_SECRETS, message_secrets)
    }

    fn message_secrets<GroupId: traits::GroupId<V>, MessageSecrets: traits::MessageSecrets<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MessageSecrets>, MlsStorageError> {
        self.0.message_secrets(group_id, part::MESSAGE_SECRETS)
    }

    fn delete_message_secrets<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_message_secrets(group_id, part::MESSAGE_SECRETS)
    }

    // Whose type parameters stand in another order, and what a group has several of.

    fn append_own_leaf_node<GroupId: traits::GroupId<V>, LeafNode: traits::LeafNode<V>>(
        &self,
        group_id: &GroupId,
        leaf_node: &LeafNode,
    ) -> Result<(), MlsStorageError> {
        self.0.push(group_id, part::OWN_LEAF_NODES, &(), leaf_node)
    }

    fn queue_proposal<
        GroupId: traits::GroupId<V>,
        ProposalRef: traits::ProposalRef<V>,
        QueuedProposal: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
        proposal: &QueuedProposal,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_from_list(group_id, part::PROPOSALS, proposal_ref)?;
        self.0.push(group_id, part::PROPOSALS, proposal_ref, proposal)
    }

    fn write_group_state<GroupState: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
        group_state: &GroupState,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::STATE, group_state)
    }

    fn write_encryption_key_pair<EncryptionKey: traits::EncryptionKey<V>, HpkeKeyPair: traits::HpkeKeyPair<V>>(
        &self,
        public_key: &EncryptionKey,
        key_pair: &HpkeKeyPair,
    ) -> Result<(), MlsStorageError> {
        self.0.set_key(kind::ENCRYPTION_KEYS, public_key, key_pair)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<V>,
        EpochKey: traits::EpochKey<V>,
        HpkeKeyPair: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), MlsStorageError> {
        self.0.set_epoch_keys(group_id, epoch, leaf_index, key_pairs)
    }

    fn write_psk<PskId: traits::PskId<V>, PskBundle: traits::PskBundle<V>>(
        &self,
        psk_id: &PskId,
        psk: &PskBundle,
    ) -> Result<(), MlsStorageError> {
        self.0.set_key(kind::PSKS, psk_id, psk)
    }

    fn own_leaf_nodes<GroupId: traits::GroupId<V>, LeafNode: traits::LeafNode<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<LeafNode>, MlsStorageError> {
        Ok(self.0.list::<(), _>(group_id, part::OWN_LEAF_NODES)?.into_iter().map(|(_, node)| node).collect())
    }

    fn queued_proposal_refs<GroupId: traits::GroupId<V>, ProposalRef: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<ProposalRef>, MlsStorageError> {
        self.0.references(group_id, part::PROPOSALS)
    }

    fn queued_proposals<
        GroupId: traits::GroupId<V>,
        ProposalRef: traits::ProposalRef<V>,
        QueuedProposal: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, MlsStorageError> {
        self.0.list(group_id, part::PROPOSALS)
    }

    fn group_state<GroupState: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupState>, MlsStorageError> {
        self.0.part(group_id, part::STATE)
    }

    fn encryption_key_pair<HpkeKeyPair: traits::HpkeKeyPair<V>, EncryptionKey: traits::EncryptionKey<V>>(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<Option<HpkeKeyPair>, MlsStorageError> {
        self.0.key(kind::ENCRYPTION_KEYS, public_key)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<V>,
        EpochKey: traits::EpochKey<V>,
        HpkeKeyPair: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, MlsStorageError> {
        Ok(self.0.epoch_keys(group_id, epoch, leaf_index)?.unwrap_or_default())
    }

    fn psk<PskBundle: traits::PskBundle<V>, PskId: traits::PskId<V>>(
        &self,
        psk_id: &PskId,
    ) -> Result<Option<PskBundle>, MlsStorageError> {
        self.0.key(kind::PSKS, psk_id)
    }

    fn remove_proposal<GroupId: traits::GroupId<V>, ProposalRef: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_from_list(group_id, part::PROPOSALS, proposal_ref)
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.clear_list(group_id, part::OWN_LEAF_NODES)
    }

    fn delete_group_state<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::STATE)
    }

    fn clear_proposal_queue<GroupId: traits::GroupId<V>, ProposalRef: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), MlsStorageError> {
        self.0.clear_list(group_id, part::PROPOSALS)
    }

    fn delete_encryption_key_pair<EncryptionKey: traits::EncryptionKey<V>>(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_key(kind::ENCRYPTION_KEYS, public_key)
    }

    fn delete_encryption_epoch_key_pairs<GroupId: traits::GroupId<V>, EpochKey: traits::EpochKey<V>>(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_epoch_keys(group_id, epoch, leaf_index)
    }

    fn delete_psk<PskKey: traits::PskId<V>>(&self, psk_id: &PskKey) -> Result<(), MlsStorageError> {
        self.0.remove_key(kind::PSKS, psk_id)
    }
}
