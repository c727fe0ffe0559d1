//! A client that follows OpenMLS, but none of our rules.

use openmls::credentials::NewSignerBundle;
use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, KeyPackage, KeyPackageBuilder, LeafNode, LeafNodeParameters, Lifetime,
    MlsGroup, MlsGroupCreateConfig, MlsMessageBodyIn, MlsMessageIn, OpenMlsCrypto, RatchetTreeIn,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls_traits::OpenMlsProvider as _;
use privmsg_e2ee::{CommitBundle, DeviceCertificate, RejectReason};
use privmsg_protocol::GroupId;

use super::people::{CHAT, Device, Person, made_at, now};

pub(crate) const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const INFO: u16 = 0xF000;
const MADE_AT: u16 = 0xF001;

/// A device that says it is what it likes: its leaf carries a certificate that does not fit.
pub(crate) fn with_certificate(device: Device, certificate: DeviceCertificate) -> Device {
    Device { certificate, ..device }
}

/// The certificate of a device that names the identity key of another one, which has not signed it.
pub(crate) fn forged(of: &Device, rightful: &Device) -> DeviceCertificate {
    let mut bytes = of.certificate.encode();
    // Behind both versions and the user_id with its length.
    let identity = 3 + of.user_id().as_str().len();
    bytes[identity..identity + 32].copy_from_slice(rightful.certificate.identity_key().as_bytes());
    DeviceCertificate::decode_admitted(&bytes).unwrap()
}

pub(crate) fn is_stranger(reason: &RejectReason, person: &Person) -> bool {
    matches!(reason, RejectReason::NotAParticipant(user) if *user == person.user_id)
}

/// A leaf of this device with anything in the place of the certificate.
pub(crate) fn credential(device: &Device, certificate: &[u8]) -> CredentialWithKey {
    let credential: Credential = BasicCredential::new(certificate.to_vec()).into();
    CredentialWithKey { credential, signature_key: device.keys.public().as_bytes().as_slice().into() }
}

pub(crate) fn build(builder: KeyPackageBuilder, device: &Device, certificate: &[u8], suite: Ciphersuite) -> KeyPackage {
    let credential = credential(device, certificate);
    builder.build(suite, &device.provider(), &device.keys, credential).unwrap().key_package().clone()
}

/// A key package with anything in the place of the certificate.
pub(crate) fn key_package(device: &Device, certificate: &[u8]) -> KeyPackage {
    let builder = KeyPackage::builder().key_package_lifetime(good());
    build(builder.leaf_node_capabilities(ours()).leaf_node_extensions(dated()), device, certificate, SUITE)
}

/// The lifetime of a key package that is made now.
pub(crate) fn good() -> Lifetime {
    privmsg_mls_public::Lifetime::of_new(now()).in_mls()
}

/// The extensions of a leaf that is later than any before.
pub(crate) fn dated() -> Extensions<LeafNode> {
    extension(&made_at().to_be_bytes())
}

/// Those of a leaf with anything in the place of the time.
pub(crate) fn extension(made_at: &[u8]) -> Extensions<LeafNode> {
    Extensions::from_vec(vec![Extension::Unknown(MADE_AT, UnknownExtension(made_at.to_vec()))]).unwrap()
}

pub(crate) fn ours() -> Capabilities {
    Capabilities::builder()
        .ciphersuites(vec![SUITE])
        .extensions(vec![ExtensionType::LastResort, ExtensionType::Unknown(INFO), ExtensionType::Unknown(MADE_AT)])
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// A GroupContext with anything in the place of the conversation info.
pub(crate) fn context(info: &[u8]) -> Extensions<GroupContext> {
    let info = Extension::Unknown(INFO, UnknownExtension(info.to_vec()));
    Extensions::from_vec(vec![required(), info]).unwrap()
}

/// A GroupContext without any.
pub(crate) fn bare_context() -> Extensions<GroupContext> {
    Extensions::from_vec(vec![required()]).unwrap()
}

fn required() -> Extension {
    let info = [ExtensionType::Unknown(INFO), ExtensionType::Unknown(MADE_AT)];
    Extension::RequiredCapabilities(RequiredCapabilitiesExtension::new(&info, &[], &[CredentialType::Basic]))
}

pub(crate) struct Rogue<'a> {
    device: &'a Device,
    pub(crate) group: MlsGroup,
}

impl<'a> Rogue<'a> {
    /// Takes over the device's state of the chat.
    pub(crate) fn of(device: &'a Device) -> Self {
        Self::in_group(device, CHAT)
    }

    /// Takes over the device's state of any group.
    pub(crate) fn in_group(device: &'a Device, id: GroupId) -> Self {
        let id = openmls::group::GroupId::from_slice(id.as_bytes());
        Self { device, group: MlsGroup::load(device.provider().storage(), &id).unwrap().unwrap() }
    }

    pub(crate) fn create(device: &'a Device, id: &[u8], context: Extensions<GroupContext>) -> Self {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(ours())
            .with_leaf_node_extensions(dated())
            .unwrap()
            .with_group_context_extensions(context)
            .build();
        let id = openmls::group::GroupId::from_slice(id);
        let (keys, credential) = (&device.keys, credential(device, &device.certificate.encode()));
        let group = MlsGroup::new_with_group_id(&device.provider(), keys, &config, id, credential).unwrap();
        Self { device, group }
    }

    /// GroupInfo and tree of its present epoch.
    pub(crate) fn export(&self) -> (Vec<u8>, Vec<u8>) {
        let provider = self.device.provider();
        let group_info = self.group.export_group_info(provider.crypto(), &self.device.keys, false).unwrap();
        (group_info.to_bytes().unwrap(), self.group.export_ratchet_tree().tls_serialize_detached().unwrap())
    }

    /// Commits what it likes, and merges it.
    pub(crate) fn commit(
        &mut self,
        add: Vec<KeyPackage>,
        leaf: LeafNodeParameters,
        context: Option<Extensions<GroupContext>>,
    ) -> Forged {
        let provider = self.device.provider();
        self.commit_with(provider.crypto(), add, leaf, context)
    }

    /// The same, with a cryptography of its own.
    pub(crate) fn commit_with(
        &mut self,
        crypto: &impl OpenMlsCrypto,
        add: Vec<KeyPackage>,
        leaf: LeafNodeParameters,
        context: Option<Extensions<GroupContext>>,
    ) -> Forged {
        let provider = self.device.provider();
        let mut dates = LeafNodeParameters::builder();
        if let Some(credential) = leaf.credential_with_key() {
            dates = dates.with_credential_with_key(credential.clone());
        }
        if let Some(capabilities) = leaf.capabilities() {
            dates = dates.with_capabilities(capabilities.clone());
        }
        let leaf = dates.with_extensions(leaf.extensions().cloned().unwrap_or_else(dated)).build();
        let mut builder = self.group.commit_builder().leaf_node_parameters(leaf).force_self_update(true);
        if let Some(context) = context {
            builder = builder.propose_group_context_extensions(context).unwrap();
        }
        let bundle = builder
            .propose_adds(add)
            .load_psks(provider.storage())
            .unwrap()
            .create_group_info(true)
            .build(provider.rand(), crypto, &self.device.keys, |_| true)
            .unwrap()
            .stage_commit(&provider)
            .unwrap();
        self.group.merge_pending_commit(&provider).unwrap();
        let (commit, welcome, group_info) = bundle.into_messages();
        Forged {
            commit: commit.to_bytes().unwrap(),
            welcome: welcome.map(|welcome| welcome.to_bytes().unwrap()).unwrap_or_default(),
            group_info: group_info.unwrap().to_bytes().unwrap(),
            tree: self.group.export_ratchet_tree().tls_serialize_detached().unwrap(),
        }
    }
}

impl Rogue<'_> {
    /// Commits a leaf of its own under another device's key, and merges it.
    pub(crate) fn takes_key_of(&mut self, other: &Device) -> Forged {
        let provider = self.device.provider();
        let credential_with_key = credential(other, &other.certificate.encode());
        let new = NewSignerBundle { signer: &other.keys, credential_with_key };
        let bundle = self
            .group
            .commit_builder()
            .leaf_node_parameters(LeafNodeParameters::builder().with_extensions(dated()).build())
            .force_self_update(true)
            .load_psks(provider.storage())
            .unwrap()
            .create_group_info(true)
            .build_with_new_signer(provider.rand(), provider.crypto(), &self.device.keys, new, |_| true)
            .unwrap()
            .stage_commit(&provider)
            .unwrap();
        self.group.merge_pending_commit(&provider).unwrap();
        let (commit, _, group_info) = bundle.into_messages();
        Forged {
            commit: commit.to_bytes().unwrap(),
            welcome: Vec::new(),
            group_info: group_info.unwrap().to_bytes().unwrap(),
            tree: self.group.export_ratchet_tree().tls_serialize_detached().unwrap(),
        }
    }
}

/// What a [`Rogue`] gives the server.
pub(crate) struct Forged {
    pub(crate) commit: Vec<u8>,
    pub(crate) welcome: Vec<u8>,
    pub(crate) group_info: Vec<u8>,
    pub(crate) tree: Vec<u8>,
}

/// An external commit with anything in the place of the certificate, and its GroupInfo.
pub(crate) fn rogue_join(device: &Device, certificate: &[u8], into: &CommitBundle) -> (Vec<u8>, Vec<u8>) {
    rogue_join_at(device, certificate, into, dated())
}

/// The same, with anything in the place of the time.
pub(crate) fn rogue_join_at(
    device: &Device,
    certificate: &[u8],
    into: &CommitBundle,
    leaf: Extensions<LeafNode>,
) -> (Vec<u8>, Vec<u8>) {
    let provider = device.provider();
    let group_info = MlsMessageIn::tls_deserialize_exact_bytes(&into.group_info).unwrap();
    let MlsMessageBodyIn::GroupInfo(group_info) = group_info.extract() else { panic!() };
    let tree = RatchetTreeIn::tls_deserialize_exact_bytes(&into.ratchet_tree).unwrap();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .build_group(&provider, group_info, credential(device, certificate))
        .unwrap()
        .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(ours()).with_extensions(leaf).build())
        .load_psks(provider.storage())
        .unwrap()
        .create_group_info(true)
        .build(provider.rand(), provider.crypto(), &device.keys, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let (commit, _, group_info) = bundle.into_messages();
    (commit.to_bytes().unwrap(), group_info.unwrap().to_bytes().unwrap())
}
