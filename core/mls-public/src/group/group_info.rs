//! The GroupInfo (RFC 9420, section 12.4.3) that is uploaded beside a commit, for external joiners.

use super::crypto::Crypto;
use openmls::group::GroupContext;
use openmls::messages::ConfirmationTag;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::{
    Extension, LeafNode, LeafNodeIndex, MlsMessageBodyIn, MlsMessageIn, SignaturePublicKey, Verifiable as _,
};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSize, VLBytes};

use super::keys::{self, UnusableKey};
use crate::leaf;
use crate::malformed::Malformed;

/// What is wrong with a GroupInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupInfoError {
    /// Of another group or epoch, or with another tree, transcript or other extensions than follow from the commit.
    #[error("a GroupInfo of another GroupContext")]
    Context,
    /// It does not repeat the commit's confirmation tag.
    #[error("a GroupInfo with another confirmation tag than the commit's")]
    ConfirmationTag,
    /// The confirmation tag has not the length of a MAC.
    #[error("a confirmation tag that is no MAC of the ciphersuite")]
    TagLength,
    /// By another leaf than the committer's.
    #[error("a GroupInfo that somebody else than the committer has signed")]
    Signer,
    /// The signature does not hold.
    #[error("a GroupInfo with a wrong signature")]
    Signature,
    /// Something else than `external_pub`, and nothing besides, is in its extensions.
    #[error("a GroupInfo with other extensions than external_pub")]
    Extensions,
    /// `external_pub` is no key.
    #[error("external_pub: {0}")]
    ExternalPub(#[from] UnusableKey),
}

/// What follows the GroupContext.
#[derive(TlsDeserializeBytes, TlsSize)]
struct Rest {
    _extensions: VLBytes,
    confirmation_tag: VLBytes,
    signer: u32,
    _signature: VLBytes,
}

/// A GroupInfo whose signature nobody has checked.
pub(super) struct Unverified {
    info: VerifiableGroupInfo,
    rest: Rest,
}

/// What a commit makes of a group.
pub(super) struct Expected<'a> {
    pub(super) context: &'a GroupContext,
    pub(super) confirmation_tag: &'a ConfirmationTag,
    pub(super) committer: LeafNodeIndex,
    /// As it is after the commit.
    pub(super) leaf: &'a LeafNode,
}

impl Unverified {
    /// Reads a GroupInfo, which must be all there is and in the only encoding that RFC 9420 allows.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "group info";
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Malformed::because(WHAT))?;
        if message.tls_serialize_detached().is_ok_and(|again| again != bytes) {
            return Err(Malformed::new(WHAT));
        }
        let MlsMessageBodyIn::GroupInfo(info) = message.extract() else {
            return Err(Malformed::new(WHAT));
        };
        let context = info.group_context().tls_serialize_detached().map_err(Malformed::because(WHAT))?;
        let rest = bytes.get(MESSAGE_HEADER_LEN + context.len()..).ok_or(Malformed::new(WHAT))?;
        let rest = Rest::tls_deserialize_exact_bytes(rest).map_err(Malformed::because(WHAT))?;
        Ok(Self { info, rest })
    }

    pub(super) fn context(&self) -> &GroupContext {
        self.info.group_context()
    }

    pub(super) fn signer(&self) -> u32 {
        self.rest.signer
    }

    /// What OpenMLS begins a group with.
    pub(super) fn into_inner(self) -> VerifiableGroupInfo {
        self.info
    }

    /// Checks all that the signature says nothing about.
    pub(super) fn check_contents(&self, crypto: &Crypto) -> Result<(), GroupInfoError> {
        if self.rest.confirmation_tag.as_slice().len() != leaf::CIPHERSUITE.hash_length() {
            return Err(GroupInfoError::TagLength);
        }
        let mut extensions = self.info.extensions().iter();
        let (Some(Extension::ExternalPub(key)), None) = (extensions.next(), extensions.next()) else {
            return Err(GroupInfoError::Extensions);
        };
        Ok(keys::check(crypto, key.external_pub().as_slice())?)
    }

    /// Checks that it is the GroupInfo of what the commit makes of the group, by the committer.
    pub(super) fn check(self, crypto: &Crypto, expected: &Expected<'_>) -> Result<(), GroupInfoError> {
        if self.context() != expected.context {
            return Err(GroupInfoError::Context);
        }
        self.check_contents(crypto)?;
        let tag = expected.confirmation_tag.tls_serialize_detached();
        if tag.ok() != self.rest.confirmation_tag.tls_serialize_detached().ok() {
            return Err(GroupInfoError::ConfirmationTag);
        }
        if self.signer() != expected.committer.u32() {
            return Err(GroupInfoError::Signer);
        }
        let key: SignaturePublicKey = expected.leaf.signature_key().clone();
        let key = key.into_signature_public_key_enriched(leaf::CIPHERSUITE.signature_algorithm());
        self.info.verify(crypto, &key).map_err(|_| GroupInfoError::Signature)?;
        Ok(())
    }
}

/// Version and wire format of an `MLSMessage`.
const MESSAGE_HEADER_LEN: usize = 4;
