//! A device that follows OpenMLS, but none of our rules: it calls itself what it likes, and makes any group.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use openmls::group::{MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, GroupContext, KeyPackage, KeyPackageIn, LeafNodeIndex, LeafNodeParameters,
    MlsMessageBodyIn, MlsMessageIn, ProcessedMessageContent, ProtocolMessage, ProtocolVersion, RatchetTreeIn,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls_rust_crypto::MemoryStorage;
use openmls_traits::OpenMlsProvider as _;
use privmsg_e2ee::{
    AccountKey, AccountSigningKey, Content, ConversationInfo, DeviceCertificate, DeviceKeys, OsRng, Participant,
    Provider, Role, Roster, Text, generate_key_package,
};
use privmsg_mls_public::{group, leaf};
use privmsg_protocol::rest::PublicGroupState;
use privmsg_protocol::{DeviceId, Epoch, GroupId, Incarnation, MessageId, Opaque, UserId};

use super::claim::{Claim, Who, random};

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// The GroupContext extension with the conversation info.
const INFO: u16 = 0xF000;
/// The LeafNode extension with the time at which a leaf was made.
const MADE_AT: ExtensionType = ExtensionType::Unknown(leaf::MADE_AT_EXTENSION);

/// A device with keys of its own. Clones are the same device.
#[derive(Clone)]
pub struct Rogue(Arc<Device>);

struct Device {
    account: AccountKey,
    signing_key: AccountSigningKey,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    disk: MemoryStorage,
}

impl std::fmt::Debug for Rogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rogue({} on {})", self.0.certificate.user_id(), self.0.certificate.device_id())
    }
}

pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn new_message_id() -> Result<MessageId> {
    Ok(MessageId::v7(now_ms(), &random()?))
}

impl Rogue {
    /// A new identity with a new device, under any name.
    ///
    /// # Errors
    /// If it is none.
    pub fn named(user: &str, device: &str) -> Result<Self> {
        Self::with(AccountKey::generate(&mut OsRng), DeviceKeys::generate(&mut OsRng), user, device)
    }

    /// The same device under the same identity key, certified for somebody else.
    ///
    /// # Errors
    /// If that is no name.
    pub fn poses_as(&self, user: &str) -> Result<Self> {
        Self::with(self.0.account.clone(), self.0.keys.clone(), user, self.device_id().as_str())
    }

    /// Another device under the same identity key, certified for anybody.
    ///
    /// # Errors
    /// If that is no name.
    pub fn another(&self, user: &str, device: &str) -> Result<Self> {
        Self::with(self.0.account.clone(), DeviceKeys::generate(&mut OsRng), user, device)
    }

    pub(super) fn with(account: AccountKey, keys: DeviceKeys, user: &str, device: &str) -> Result<Self> {
        let signing_key = account.begin_generation(&user.parse()?, 1, &mut OsRng)?;
        let certificate = signing_key.certify(&device.parse()?, &keys.public(), now_ms() / 1000);
        Ok(Self(Arc::new(Device { account, signing_key, keys, certificate, disk: MemoryStorage::default() })))
    }

    /// Who it says that it is.
    #[must_use]
    pub fn who(&self) -> Who {
        Who { user_id: self.0.certificate.user_id().clone(), identity: *self.0.certificate.identity_key() }
    }

    /// What it signs rosters with.
    #[must_use]
    pub fn signing_key(&self) -> &AccountSigningKey {
        &self.0.signing_key
    }

    /// Itself in a roster.
    #[must_use]
    pub fn place(&self, role: Role) -> Participant {
        let generation = self.0.signing_key.certificate().generation();
        Participant::with_role(self.who().user_id, self.who().identity, role, generation)
    }

    /// Which device it says that it is.
    #[must_use]
    pub fn device_id(&self) -> &DeviceId {
        self.0.certificate.device_id()
    }

    /// A key package that others can add it with.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn key_package(&self) -> Result<Vec<u8>> {
        Ok(generate_key_package(
            &self.provider(),
            &self.0.keys,
            &self.0.certificate,
            false,
            now_ms() / 1000,
            now_ms() / 1000,
        )?
        .bytes)
    }

    /// Makes a group that claims to be something, with itself as the only leaf.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn founds(&self, claim: &Claim) -> Result<RogueGroup> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY)
            .capabilities(capabilities())
            .with_leaf_node_extensions(leaf::extensions(now_ms() / 1000))?
            .with_group_context_extensions(context(&claim.info)?)
            .build();
        let id = openmls::group::GroupId::from_slice(claim.group_id.as_bytes());
        let group = MlsGroup::new_with_group_id(&self.provider(), &self.0.keys, &config, id, self.credential())?;
        Ok(RogueGroup { rogue: self.clone(), claim: claim.clone(), group })
    }

    /// Joins a group by external commit, whatever its rules are.
    ///
    /// # Errors
    /// If OpenMLS does not.
    pub fn joins(&self, claim: &Claim, state: &PublicGroupState) -> Result<(RogueGroup, Forged)> {
        let bytes = state.group_info.decode().context("base64")?;
        let MlsMessageBodyIn::GroupInfo(info) = MlsMessageIn::tls_deserialize_exact_bytes(&bytes)?.extract() else {
            bail!("no GroupInfo");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact_bytes(&state.ratchet_tree.decode().context("base64")?)?;
        let former = group::made_at_in(&tree, self.0.keys.public().as_bytes());
        let made_at = (now_ms() / 1000).max(former.map_or(0, |former| former + 1));
        let provider = self.provider();
        let config = MlsGroupJoinConfig::builder().wire_format_policy(MIXED_PLAINTEXT_WIRE_FORMAT_POLICY).build();
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(config)
            .build_group(&provider, info, self.credential())?
            .leaf_node_parameters(
                LeafNodeParameters::builder()
                    .with_capabilities(capabilities())
                    .with_extensions(leaf::extensions(made_at))
                    .build(),
            )
            .load_psks(provider.storage())?
            .build(provider.rand(), provider.crypto(), &self.0.keys, |_| true)?
            .finalize(&provider)?;
        let group = RogueGroup { rogue: self.clone(), claim: claim.clone(), group };
        let commit = bundle.into_commit().to_bytes()?;
        let epoch = Epoch(group.epoch().0.saturating_sub(1));
        let forged = Forged { epoch, commit, welcome: None, added: Vec::new(), state: group.state()? };
        Ok((group, forged))
    }

    fn credential(&self) -> CredentialWithKey {
        let credential: Credential = BasicCredential::new(self.0.certificate.encode()).into();
        CredentialWithKey { credential, signature_key: self.0.keys.public().as_bytes().as_slice().into() }
    }

    fn provider(&self) -> Provider<'_, MemoryStorage> {
        Provider::new(&self.0.disk)
    }
}

fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![SUITE])
        .extensions(vec![ExtensionType::LastResort, ExtensionType::Unknown(INFO), MADE_AT])
        .credentials(vec![CredentialType::Basic])
        .build()
}

fn context(info: &[u8]) -> Result<Extensions<GroupContext>> {
    let types = [ExtensionType::Unknown(INFO), MADE_AT];
    let required = RequiredCapabilitiesExtension::new(&types, &[], &[CredentialType::Basic]);
    let info = Extension::Unknown(INFO, UnknownExtension(info.to_vec()));
    Ok(Extensions::from_vec(vec![Extension::RequiredCapabilities(required), info])?)
}

/// A group as a [`Rogue`] has it.
pub struct RogueGroup {
    rogue: Rogue,
    claim: Claim,
    group: MlsGroup,
}

impl std::fmt::Debug for RogueGroup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RogueGroup({} of {:?})", self.claim.group_id, self.rogue)
    }
}

/// A commit and all that goes with it.
#[derive(Debug, Clone)]
pub struct Forged {
    /// Epoch that it builds on.
    pub epoch: Epoch,
    /// The commit.
    pub commit: Vec<u8>,
    /// One welcome for all who are added.
    pub welcome: Option<Vec<u8>>,
    /// Who they are.
    pub added: Vec<DeviceId>,
    /// What the group is afterwards.
    pub state: PublicGroupState,
}

impl RogueGroup {
    /// What it claims to be.
    #[must_use]
    pub const fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Whose it is.
    #[must_use]
    pub const fn rogue(&self) -> &Rogue {
        &self.rogue
    }

    /// Its epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.group.epoch().as_u64())
    }

    /// Whom its leaves say that they are.
    #[must_use]
    pub fn leaves(&self) -> Vec<(UserId, DeviceId)> {
        let named = self.group.members().filter_map(|member| certificate(&member.credential));
        named.map(|certificate| (certificate.user_id().clone(), certificate.device_id().clone())).collect()
    }

    /// Commits new devices, by their key packages, and the end of others, by their names; merges it at once.
    ///
    /// # Errors
    /// If OpenMLS does not.
    pub fn commit(&mut self, add: &[Vec<u8>], remove: &[&DeviceId]) -> Result<Forged> {
        self.commit_with(add, remove, None)
    }

    /// The same, with any roster beside it, and in the GroupContext.
    ///
    /// # Errors
    /// If OpenMLS does not.
    pub fn commit_step(&mut self, step: &Roster, add: &[Vec<u8>], remove: &[&DeviceId]) -> Result<Forged> {
        self.commit_with(add, remove, Some(step))
    }

    fn commit_with(&mut self, add: &[Vec<u8>], remove: &[&DeviceId], step: Option<&Roster>) -> Result<Forged> {
        let rogue = self.rogue.clone();
        let provider = rogue.provider();
        let packages = add.iter().map(|bytes| {
            let package = KeyPackageIn::tls_deserialize_exact_bytes(bytes)?;
            Ok(package.validate(provider.crypto(), ProtocolVersion::Mls10)?)
        });
        let packages = packages.collect::<Result<Vec<KeyPackage>>>()?;
        let named = packages.iter().filter_map(|package| certificate(package.leaf_node().credential()));
        let added = named.map(|certificate| certificate.device_id().clone()).collect();
        let epoch = self.epoch();
        let leaving = self.indexes(remove);
        self.group.set_aad(step.map(Roster::encode).unwrap_or_default());
        let own = self.group.own_leaf_node().and_then(|own| leaf::made_at(own).ok()).unwrap_or_default();
        let made_at = leaf::extensions((now_ms() / 1000).max(own + 1));
        let parameters = LeafNodeParameters::builder().with_extensions(made_at).build();
        let mut builder = self.group.commit_builder().force_self_update(true).leaf_node_parameters(parameters);
        if let Some(step) = step {
            let info = ConversationInfo::group(step, Incarnation::FIRST);
            builder = builder.propose_group_context_extensions(context(&info.encode())?)?;
        }
        let bundle = builder
            .propose_adds(packages)
            .propose_removals(leaving)
            .load_psks(provider.storage())?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), &rogue.0.keys, |_| true)?
            .stage_commit(&provider)?;
        self.group.merge_pending_commit(&provider)?;
        let (commit, welcome, _) = bundle.into_messages();
        Ok(Forged {
            epoch,
            commit: commit.to_bytes()?,
            welcome: welcome.map(|welcome| welcome.to_bytes()).transpose()?,
            added,
            state: self.state()?,
        })
    }

    fn indexes(&self, devices: &[&DeviceId]) -> Vec<LeafNodeIndex> {
        let is_named = |credential: &Credential| {
            certificate(credential).is_some_and(|certificate| devices.contains(&certificate.device_id()))
        };
        self.group.members().filter(|member| is_named(&member.credential)).map(|member| member.index).collect()
    }

    /// What others join it with.
    ///
    /// # Errors
    /// If OpenMLS does not tell.
    pub fn state(&self) -> Result<PublicGroupState> {
        let info = self.group.export_group_info(self.rogue.provider().crypto(), &self.rogue.0.keys, false)?;
        let tree = self.group.export_ratchet_tree().tls_serialize_detached()?;
        Ok(PublicGroupState { group_info: Opaque::encode(&info.to_bytes()?), ratchet_tree: Opaque::encode(&tree) })
    }

    /// Goes where somebody's commit leads.
    ///
    /// # Errors
    /// If it is none for this group and epoch.
    pub fn follows(&mut self, commit: &[u8]) -> Result<()> {
        let rogue = self.rogue.clone();
        match self.processes(commit)? {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                Ok(self.group.merge_staged_commit(&rogue.provider(), *staged)?)
            }
            _ => bail!("no commit"),
        }
    }

    /// What a message says, if it is one for this group.
    ///
    /// # Errors
    /// If it cannot be read, as it should be.
    pub fn reads(&mut self, message: &[u8]) -> Result<String> {
        let ProcessedMessageContent::ApplicationMessage(message) = self.processes(message)? else {
            bail!("no message");
        };
        let content = Content::decode(&message.into_bytes())?;
        // Whatever else it is, somebody else can read it.
        Ok(content.body::<Text>().map_or_else(|_| format!("content of kind {}", content.kind), |text| text.text))
    }

    fn processes(&mut self, message: &[u8]) -> Result<ProcessedMessageContent> {
        let rogue = self.rogue.clone();
        let message: ProtocolMessage =
            MlsMessageIn::tls_deserialize_exact_bytes(message)?.try_into_protocol_message()?;
        Ok(self.group.process_message(&rogue.provider(), message)?.into_content())
    }

    /// A text as its leaf says it.
    ///
    /// # Errors
    /// If OpenMLS does not encrypt it.
    pub fn says(&mut self, message_id: MessageId, text: &str) -> Result<Vec<u8>> {
        self.says_any(&Content::new(message_id, now_ms(), &Text::new(text))?)
    }

    /// Any content as its leaf says it.
    ///
    /// # Errors
    /// If OpenMLS does not encrypt it.
    pub fn says_any(&mut self, content: &Content) -> Result<Vec<u8>> {
        let (rogue, content) = (self.rogue.clone(), content.encode()?);
        Ok(self.group.create_message(&rogue.provider(), &rogue.0.keys, &content)?.to_bytes()?)
    }

    /// Its identifier.
    #[must_use]
    pub const fn group_id(&self) -> GroupId {
        self.claim.group_id
    }
}

fn certificate(credential: &Credential) -> Option<DeviceCertificate> {
    DeviceCertificate::decode(BasicCredential::try_from(credential.clone()).ok()?.identity()).ok()
}
