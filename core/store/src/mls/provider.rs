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
    pub(super) fn new(tx: &'t Tx<'t>) -> Self {
        Self(Tables(tx.sql()))
    }
}

impl StorageProvider<V> for MlsStorage<'_> {
    type Error = MlsStorageError;

    fn write_mls_join_config<GroupId: traits::GroupId<V>, MlsGroupJoinConfig: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &GroupId,
        config: &MlsGroupJoinConfig,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::JOIN_CONFIG, config)
    }

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

    fn write_tree<GroupId: traits::GroupId<V>, TreeSync: traits::TreeSync<V>>(
        &self,
        group_id: &GroupId,
        tree: &TreeSync,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::TREE, tree)
    }

    fn write_interim_transcript_hash<
        GroupId: traits::GroupId<V>,
        InterimTranscriptHash: traits::InterimTranscriptHash<V>,
    >(
        &self,
        group_id: &GroupId,
        interim_transcript_hash: &InterimTranscriptHash,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::INTERIM_TRANSCRIPT_HASH, interim_transcript_hash)
    }

    fn write_context<GroupId: traits::GroupId<V>, GroupContext: traits::GroupContext<V>>(
        &self,
        group_id: &GroupId,
        group_context: &GroupContext,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::CONTEXT, group_context)
    }

    fn write_confirmation_tag<GroupId: traits::GroupId<V>, ConfirmationTag: traits::ConfirmationTag<V>>(
        &self,
        group_id: &GroupId,
        confirmation_tag: &ConfirmationTag,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::CONFIRMATION_TAG, confirmation_tag)
    }

    fn write_group_state<GroupState: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
        group_state: &GroupState,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::STATE, group_state)
    }

    fn write_message_secrets<GroupId: traits::GroupId<V>, MessageSecrets: traits::MessageSecrets<V>>(
        &self,
        group_id: &GroupId,
        message_secrets: &MessageSecrets,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::MESSAGE_SECRETS, message_secrets)
    }

    fn write_resumption_psk_store<GroupId: traits::GroupId<V>, ResumptionPskStore: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &GroupId,
        resumption_psk_store: &ResumptionPskStore,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::RESUMPTION_PSKS, resumption_psk_store)
    }

    fn write_own_leaf_index<GroupId: traits::GroupId<V>, LeafNodeIndex: traits::LeafNodeIndex<V>>(
        &self,
        group_id: &GroupId,
        own_leaf_index: &LeafNodeIndex,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::OWN_LEAF_INDEX, own_leaf_index)
    }

    fn write_group_epoch_secrets<GroupId: traits::GroupId<V>, GroupEpochSecrets: traits::GroupEpochSecrets<V>>(
        &self,
        group_id: &GroupId,
        group_epoch_secrets: &GroupEpochSecrets,
    ) -> Result<(), MlsStorageError> {
        self.0.set_part(group_id, part::EPOCH_SECRETS, group_epoch_secrets)
    }

    fn write_signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<V>,
        SignatureKeyPair: traits::SignatureKeyPair<V>,
    >(
        &self,
        public_key: &SignaturePublicKey,
        signature_key_pair: &SignatureKeyPair,
    ) -> Result<(), MlsStorageError> {
        self.0.set_key(kind::SIGNATURE_KEYS, public_key, signature_key_pair)
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

    fn write_key_package<HashReference: traits::HashReference<V>, KeyPackage: traits::KeyPackage<V>>(
        &self,
        hash_ref: &HashReference,
        key_package: &KeyPackage,
    ) -> Result<(), MlsStorageError> {
        self.0.set_key(kind::KEY_PACKAGES, hash_ref, key_package)
    }

    fn write_psk<PskId: traits::PskId<V>, PskBundle: traits::PskBundle<V>>(
        &self,
        psk_id: &PskId,
        psk: &PskBundle,
    ) -> Result<(), MlsStorageError> {
        self.0.set_key(kind::PSKS, psk_id, psk)
    }

    fn mls_group_join_config<GroupId: traits::GroupId<V>, MlsGroupJoinConfig: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MlsGroupJoinConfig>, MlsStorageError> {
        self.0.part(group_id, part::JOIN_CONFIG)
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

    fn tree<GroupId: traits::GroupId<V>, TreeSync: traits::TreeSync<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<TreeSync>, MlsStorageError> {
        self.0.part(group_id, part::TREE)
    }

    fn group_context<GroupId: traits::GroupId<V>, GroupContext: traits::GroupContext<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupContext>, MlsStorageError> {
        self.0.part(group_id, part::CONTEXT)
    }

    fn interim_transcript_hash<GroupId: traits::GroupId<V>, InterimTranscriptHash: traits::InterimTranscriptHash<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<InterimTranscriptHash>, MlsStorageError> {
        self.0.part(group_id, part::INTERIM_TRANSCRIPT_HASH)
    }

    fn confirmation_tag<GroupId: traits::GroupId<V>, ConfirmationTag: traits::ConfirmationTag<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ConfirmationTag>, MlsStorageError> {
        self.0.part(group_id, part::CONFIRMATION_TAG)
    }

    fn group_state<GroupState: traits::GroupState<V>, GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupState>, MlsStorageError> {
        self.0.part(group_id, part::STATE)
    }

    fn message_secrets<GroupId: traits::GroupId<V>, MessageSecrets: traits::MessageSecrets<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MessageSecrets>, MlsStorageError> {
        self.0.part(group_id, part::MESSAGE_SECRETS)
    }

    fn resumption_psk_store<GroupId: traits::GroupId<V>, ResumptionPskStore: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ResumptionPskStore>, MlsStorageError> {
        self.0.part(group_id, part::RESUMPTION_PSKS)
    }

    fn own_leaf_index<GroupId: traits::GroupId<V>, LeafNodeIndex: traits::LeafNodeIndex<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<LeafNodeIndex>, MlsStorageError> {
        self.0.part(group_id, part::OWN_LEAF_INDEX)
    }

    fn group_epoch_secrets<GroupId: traits::GroupId<V>, GroupEpochSecrets: traits::GroupEpochSecrets<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupEpochSecrets>, MlsStorageError> {
        self.0.part(group_id, part::EPOCH_SECRETS)
    }

    fn signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<V>,
        SignatureKeyPair: traits::SignatureKeyPair<V>,
    >(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<Option<SignatureKeyPair>, MlsStorageError> {
        self.0.key(kind::SIGNATURE_KEYS, public_key)
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

    fn key_package<KeyPackageRef: traits::HashReference<V>, KeyPackage: traits::KeyPackage<V>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<Option<KeyPackage>, MlsStorageError> {
        self.0.key(kind::KEY_PACKAGES, hash_ref)
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

    fn delete_group_config<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::JOIN_CONFIG)
    }

    fn delete_tree<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::TREE)
    }

    fn delete_confirmation_tag<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::CONFIRMATION_TAG)
    }

    fn delete_group_state<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::STATE)
    }

    fn delete_context<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::CONTEXT)
    }

    fn delete_interim_transcript_hash<GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::INTERIM_TRANSCRIPT_HASH)
    }

    fn delete_message_secrets<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::MESSAGE_SECRETS)
    }

    fn delete_all_resumption_psk_secrets<GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::RESUMPTION_PSKS)
    }

    fn delete_own_leaf_index<GroupId: traits::GroupId<V>>(&self, group_id: &GroupId) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::OWN_LEAF_INDEX)
    }

    fn delete_group_epoch_secrets<GroupId: traits::GroupId<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_part(group_id, part::EPOCH_SECRETS)
    }

    fn clear_proposal_queue<GroupId: traits::GroupId<V>, ProposalRef: traits::ProposalRef<V>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), MlsStorageError> {
        self.0.clear_list(group_id, part::PROPOSALS)
    }

    fn delete_signature_key_pair<SignaturePublicKey: traits::SignaturePublicKey<V>>(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_key(kind::SIGNATURE_KEYS, public_key)
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

    fn delete_key_package<KeyPackageRef: traits::HashReference<V>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<(), MlsStorageError> {
        self.0.remove_key(kind::KEY_PACKAGES, hash_ref)
    }

    fn delete_psk<PskKey: traits::PskId<V>>(&self, psk_id: &PskKey) -> Result<(), MlsStorageError> {
        self.0.remove_key(kind::PSKS, psk_id)
    }
}
