//! Stories of a server, or a member, that cheats.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod people;

use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, KeyPackage, LeafNodeParameters, Lifetime, MlsGroup, MlsGroupCreateConfig, MlsMessageIn,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls_traits::OpenMlsProvider as _;
use people::{CHAT, Device, all_talk, direct, now, open_chat, person};
use privmsg_e2ee::{
    CertificateError, ClaimedKeyPackage, CommitBundle, CommitError, Conversation, ConversationInfo, ConversationKind,
    CreateError, DeviceCertificate, Expected, ExternalJoinError, InfoError, JoinError, KeyPackageError, ProcessError,
    RejectReason,
};
use privmsg_protocol::{DeviceId, GroupId};
use proptest::prelude::*;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const INFO: u16 = 0xF000;

/// A device that says it is what it likes: its leaf carries a certificate that does not fit.
fn with_certificate(device: Device, certificate: DeviceCertificate) -> Device {
    Device { certificate, ..device }
}

/// Mallory's device under Bob's name, with a certificate that only Mallory's account signed and Bob's key on it.
fn forged(of: &Device, rightful: &Device) -> DeviceCertificate {
    let mut bytes = of.certificate.encode();
    let identity = bytes.len() - 96;
    bytes[identity..identity + 32].copy_from_slice(rightful.certificate.identity_key().as_bytes());
    DeviceCertificate::decode(&bytes).unwrap()
}

fn validate(device: &Device, user: &Device) -> Result<ClaimedKeyPackage, KeyPackageError> {
    ClaimedKeyPackage::validate(&device.key_package(), user.user_id(), user.device_id(), now())
}

#[test]
fn a_device_that_the_server_invents_is_refused_in_a_key_package() {
    let (alice, bob, mallory) = (person("alice"), person("bob"), person("mallory"));
    let bobs = bob.device("phone");
    let invented = mallory.device("phone");
    let certify =
        |keys: &privmsg_e2ee::DevicePublicKey| mallory.account.certify(bobs.user_id(), bobs.device_id(), keys, now());

    let claim = |certificate| validate(&with_certificate(mallory.device("x"), certificate), &bobs).unwrap_err();
    assert_eq!(claim(bobs.certificate.clone()), KeyPackageError::Certificate(CertificateError::KeyMismatch));
    assert_eq!(claim(forged(&invented, &bobs)), KeyPackageError::Certificate(CertificateError::Forged));

    let own_word = with_certificate(mallory.device("y"), certify(&invented.keys.public()));
    assert_eq!(validate(&own_word, &bobs).unwrap_err(), KeyPackageError::Certificate(CertificateError::KeyMismatch));

    // Signed consistently by a key of the server's own: only the pinned identity tells them apart.
    let certificate = certify(&invented.keys.public());
    let impostor = with_certificate(invented, certificate);
    let claimed = validate(&impostor, &bobs).unwrap();
    assert_ne!(claimed.member().identity, bob.account.public());

    let other_device = bob.device("laptop");
    let foreign = |owner: &Device| KeyPackageError::Foreign {
        user_id: owner.user_id().clone(),
        device_id: owner.device_id().clone(),
    };
    assert_eq!(validate(&other_device, &bobs).unwrap_err(), foreign(&other_device));
    let alices = alice.device("phone");
    assert_eq!(validate(&alices, &bobs).unwrap_err(), foreign(&alices));
}

#[test]
fn key_packages_that_are_old_or_of_other_clients_are_refused() {
    let bob = person("bob");
    let bobs = bob.device("phone");
    let bytes = bobs.key_package();
    let at = |time| ClaimedKeyPackage::validate(&bytes, bobs.user_id(), bobs.device_id(), time).unwrap_err();
    assert_eq!(at(now() + 85 * 24 * 3600), KeyPackageError::Expired);
    assert_eq!(at(now() - 2 * 3600), KeyPackageError::Expired);

    let expired = Lifetime::init(now() - 7200, now() - 3600);
    let plain = KeyPackage::builder().key_package_lifetime(expired);
    let bytes = build(plain.leaf_node_capabilities(ours()), &bobs, SUITE);
    let check = |bytes: &[u8]| ClaimedKeyPackage::validate(bytes, bobs.user_id(), bobs.device_id(), now()).unwrap_err();
    assert_eq!(check(&bytes), KeyPackageError::Expired);

    let without_ours = KeyPackage::builder().leaf_node_capabilities(Capabilities::builder().build());
    assert_eq!(check(&build(without_ours, &bobs, SUITE)), KeyPackageError::Incompatible);
    let classic = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    assert_eq!(check(&build(KeyPackage::builder(), &bobs, classic)), KeyPackageError::Incompatible);
}

fn build(builder: openmls::prelude::KeyPackageBuilder, device: &Device, suite: Ciphersuite) -> Vec<u8> {
    let bundle = builder.build(suite, &device.provider(), &device.keys, credential(device)).unwrap();
    bundle.key_package().tls_serialize_detached().unwrap()
}

fn credential(device: &Device) -> CredentialWithKey {
    let credential: Credential = BasicCredential::new(device.certificate.encode()).into();
    CredentialWithKey { credential, signature_key: device.keys.public().as_bytes().as_slice().into() }
}

fn ours() -> Capabilities {
    Capabilities::builder()
        .ciphersuites(vec![SUITE])
        .extensions(vec![ExtensionType::LastResort, ExtensionType::Unknown(INFO)])
        .credentials(vec![CredentialType::Basic])
        .build()
}

#[test]
fn strangers_are_not_added() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, bobs, carols) = (alice.device("phone"), bob.device("phone"), carol.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);

    let commit = |add: &[ClaimedKeyPackage]| phone.chat().commit(&phone.provider(), &phone.keys, add, &[]).unwrap_err();
    let stranger = RejectReason::NotAParticipant(carol.user_id.clone());
    assert!(matches!(commit(&[carols.claim()]), CommitError::Add(reason) if reason == stranger));
    assert!(matches!(commit(&[bobs.claim()]), CommitError::Add(RejectReason::DuplicateDevice)));
    let twice = [alice.device("x").claim(), alice.device("x").claim()];
    assert!(matches!(commit(&twice), CommitError::Add(RejectReason::DuplicateDevice)));

    // A second identity under Alice's own name: whoever has her access key, but not her devices.
    let thief = people::Person { user_id: alice.user_id.clone(), ..person("thief") }.device("new");
    assert!(matches!(commit(&[thief.claim()]), CommitError::Add(RejectReason::ForeignIdentity)));

    let remove = |who: &Device| phone.chat().commit(&phone.provider(), &phone.keys, &[], &[who.address()]);
    assert!(matches!(remove(&carols), Err(CommitError::Remove(..))));
    assert!(matches!(remove(&phone), Err(CommitError::Remove(..))));
    assert!(!phone.chat().has_pending());

    let created =
        Conversation::create(&carols.provider(), &carols.keys, &carols.certificate, CHAT, direct(&alice, &bob), &[]);
    assert!(matches!(created, Err(CreateError::Own(reason)) if reason == stranger));
}

/// A client that follows OpenMLS, but none of our rules.
struct Rogue<'a> {
    device: &'a Device,
    group: MlsGroup,
}

impl<'a> Rogue<'a> {
    /// Takes over the device's state of the chat.
    fn of(device: &'a Device) -> Self {
        let id = openmls::group::GroupId::from_slice(CHAT.as_bytes());
        Self { device, group: MlsGroup::load(device.provider().storage(), &id).unwrap().unwrap() }
    }

    fn create(device: &'a Device, id: &[u8], extensions: Vec<Extension>) -> Self {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .capabilities(ours())
            .with_group_context_extensions(Extensions::from_vec(extensions).unwrap())
            .build();
        let id = openmls::group::GroupId::from_slice(id);
        let (keys, credential) = (&device.keys, credential(device));
        let group = MlsGroup::new_with_group_id(&device.provider(), keys, &config, id, credential).unwrap();
        Self { device, group }
    }

    /// Commits whatever it likes, and merges it.
    fn commit(&mut self, add: &[&Device], remove: &[&Device], leaf: LeafNodeParameters) -> Forged {
        let provider = self.device.provider();
        let removed: Vec<_> = self
            .group
            .members()
            .filter(|member| remove.iter().any(|gone| gone.keys.public().as_bytes() == member.signature_key.as_slice()))
            .map(|member| member.index)
            .collect();
        let add = add.iter().map(|device| {
            let bytes = build(KeyPackage::builder().leaf_node_capabilities(ours()), device, SUITE);
            let package = openmls::prelude::KeyPackageIn::tls_deserialize_exact_bytes(&bytes).unwrap();
            package.validate(provider.crypto(), openmls::prelude::ProtocolVersion::Mls10).unwrap()
        });
        let add: Vec<_> = add.collect();
        let bundle = self
            .group
            .commit_builder()
            .leaf_node_parameters(leaf)
            .force_self_update(true)
            .propose_adds(add)
            .propose_removals(removed)
            .load_psks(provider.storage())
            .unwrap()
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), &self.device.keys, |_| true)
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

struct Forged {
    commit: Vec<u8>,
    welcome: Vec<u8>,
    group_info: Vec<u8>,
    tree: Vec<u8>,
}

fn rejected(result: Result<impl std::fmt::Debug, ProcessError>) -> RejectReason {
    match result {
        Err(ProcessError::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn commits_that_break_our_rules_are_rejected_before_they_are_merged() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, bobs, carols) = (alice.device("phone"), bob.device("phone"), carol.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let bobs_disk = bobs.disk();
    let unchanged = LeafNodeParameters::default;
    let attempt = |add: &[&Device], leaf| {
        bobs.restore(bobs_disk.clone());
        let forged = Rogue::of(&bobs).commit(add, &[], leaf);
        rejected(phone.process_commit(&forged.commit))
    };

    assert_eq!(attempt(&[&carols], unchanged()), RejectReason::NotAParticipant(carol.user_id.clone()));

    let certificate = forged(&carols, &bobs);
    let invented = with_certificate(carol.device("x"), certificate);
    assert_eq!(attempt(&[&invented], unchanged()), RejectReason::Certificate(CertificateError::Forged));

    let borrowed = with_certificate(carol.device("x"), bob.device("y").certificate);
    assert_eq!(attempt(&[&borrowed], unchanged()), RejectReason::Certificate(CertificateError::KeyMismatch));

    let twin_keys = carol.device("x");
    let twin = bob.account.certify(bobs.user_id(), bobs.device_id(), &twin_keys.keys.public(), now());
    let twin = with_certificate(twin_keys, twin);
    assert_eq!(attempt(&[&twin], unchanged()), RejectReason::DuplicateDevice);

    let thief = people::Person { user_id: alice.user_id.clone(), ..person("thief") }.device("new");
    assert_eq!(attempt(&[&thief], unchanged()), RejectReason::ForeignIdentity);

    // Bob's device turns into another one of his, or comes under another identity.
    let renamed = |account: &privmsg_e2ee::AccountKey, device: &DeviceId| {
        let certificate = account.certify(bobs.user_id(), device, &bobs.keys.public(), now());
        let credential: Credential = BasicCredential::new(certificate.encode()).into();
        let signature_key = bobs.keys.public().as_bytes().as_slice().into();
        LeafNodeParameters::builder().with_credential_with_key(CredentialWithKey { credential, signature_key }).build()
    };
    let other = DeviceId::new("bob-tablet").unwrap();
    assert_eq!(attempt(&[], renamed(&bob.account, &other)), RejectReason::LeafTakeover);
    assert_eq!(attempt(&[], renamed(&carol.account, bobs.device_id())), RejectReason::LeafTakeover);

    bobs.restore(bobs_disk);
    assert_eq!(phone.members(), ["alice-phone", "bob-phone"]);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn standalone_proposals_and_other_extensions_are_not_used() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let disk = bobs.disk();
    let provider = bobs.provider();

    let leaving = Rogue::of(&bobs).group.leave_group(&provider, &bobs.keys).unwrap().to_bytes().unwrap();
    assert_eq!(rejected(phone.process(&leaving)), RejectReason::Proposal);
    assert_eq!(rejected(phone.process_commit(&leaving)), RejectReason::Proposal);

    bobs.restore(disk.clone());
    let mut rogue = Rogue::of(&bobs);
    let extensions = context(
        &ConversationInfo::new(ConversationKind::Direct, vec![bob.user_id.clone(), person("carol").user_id]).unwrap(),
    );
    let bundle = rogue
        .group
        .update_group_context_extensions(&provider, Extensions::from_vec(extensions).unwrap(), &bobs.keys)
        .unwrap();
    assert_eq!(rejected(phone.process_commit(&bundle.0.to_bytes().unwrap())), RejectReason::Proposal);
    bobs.restore(disk);
    all_talk(&[&phone, &bobs]);
}

fn context(info: &ConversationInfo) -> Vec<Extension> {
    let required = RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(INFO)], &[], &[CredentialType::Basic]);
    vec![Extension::RequiredCapabilities(required), Extension::Unknown(INFO, UnknownExtension(info.encode()))]
}

#[test]
fn external_commits_of_strangers_and_impostors_are_rejected() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, bobs, carols) = (alice.device("phone"), bob.device("phone"), carol.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);

    let refused = Conversation::join_external(
        &carols.provider(),
        &carols.keys,
        &carols.certificate,
        &opened.group_info,
        &opened.ratchet_tree,
    );
    let stranger = RejectReason::NotAParticipant(carol.user_id.clone());
    assert!(matches!(refused, Err(ExternalJoinError::Rejected(reason)) if reason == stranger));

    let attempt = |device: &Device| rejected(phone.process_commit(&rogue_join(device, &opened)));
    assert_eq!(attempt(&carols), stranger);
    let certificate = forged(&carol.device("z"), &bobs);
    assert_eq!(
        attempt(&with_certificate(carol.device("x"), certificate)),
        RejectReason::Certificate(CertificateError::Forged)
    );
    let borrowed = with_certificate(carol.device("x"), bob.device("y").certificate);
    assert_eq!(attempt(&borrowed), RejectReason::Certificate(CertificateError::KeyMismatch));
    let twin = carol.device("x");
    let certificate = bob.account.certify(bobs.user_id(), bobs.device_id(), &twin.keys.public(), now());
    assert_eq!(attempt(&with_certificate(twin, certificate)), RejectReason::DuplicateDevice);

    // The same signature key under another name of Bob's: his old leaf would go, and another device come.
    let certificate =
        bob.account.certify(bobs.user_id(), &DeviceId::new("bob-tablet").unwrap(), &bobs.keys.public(), now());
    let renamed = Device { keys: bobs.keys.clone(), certificate, storage: Default::default() };
    assert_eq!(attempt(&renamed), RejectReason::LeafTakeover);
    all_talk(&[&phone, &bobs]);
}

fn rogue_join(device: &Device, into: &CommitBundle) -> Vec<u8> {
    let provider = device.provider();
    let group_info = MlsMessageIn::tls_deserialize_exact_bytes(&into.group_info).unwrap();
    let openmls::prelude::MlsMessageBodyIn::GroupInfo(group_info) = group_info.extract() else { panic!() };
    let tree = openmls::prelude::RatchetTreeIn::tls_deserialize_exact_bytes(&into.ratchet_tree).unwrap();
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(tree)
        .build_group(&provider, group_info, credential(device))
        .unwrap()
        .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(ours()).build())
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &device.keys, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    bundle.into_commit().to_bytes().unwrap()
}

#[test]
fn groups_that_break_our_rules_are_not_joined() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, carols) = (alice.device("phone"), carol.device("phone"));
    let bobs = bob.device("phone");
    let group = |id: &[u8], extensions, add: &[&Device]| {
        let mut rogue = Rogue::create(&carols, id, extensions);
        rogue.commit(add, &[], LeafNodeParameters::default())
    };
    let join = |group: &Forged| match Conversation::join(&phone.provider(), &group.welcome, &group.tree) {
        Err(JoinError::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let external = |group: &Forged| {
        let (keys, certificate) = (&bobs.keys, &bobs.certificate);
        match Conversation::join_external(&bobs.provider(), keys, certificate, &group.group_info, &group.tree) {
            Err(ExternalJoinError::Rejected(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };

    // Carol opens a "direct" chat of Alice and Bob, and listens.
    let listening = group(b"0123456789abcde1", context(&direct(&alice, &bob)), &[&phone]);
    assert_eq!(join(&listening), RejectReason::NotAParticipant(carol.user_id.clone()));
    assert_eq!(external(&listening), RejectReason::NotAParticipant(carol.user_id.clone()));

    // Somebody in it has a certificate that nobody signed.
    let impostor = with_certificate(carol.device("x"), forged(&carol.device("y"), &bobs));
    let haunted = group(b"0123456789abcde2", context(&direct(&alice, &carol)), &[&phone, &impostor]);
    assert_eq!(join(&haunted), RejectReason::Certificate(CertificateError::Forged));

    // Alice is not meant to be in it.
    let wrong = group(b"0123456789abcde3", context(&direct(&bob, &carol)), &[&phone]);
    assert_eq!(join(&wrong), RejectReason::NotAParticipant(alice.user_id.clone()));

    // No conversation of ours.
    let mut bare = context(&direct(&alice, &carol));
    bare.pop();
    assert_eq!(join(&group(b"0123456789abcde4", bare, &[&phone])), RejectReason::Info(InfoError::Malformed));
    let long = group(b"an id that is not sixteen bytes", context(&direct(&alice, &carol)), &[&phone]);
    assert_eq!(join(&long), RejectReason::Invalid);
}

#[test]
fn a_message_of_another_chat_is_refused() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let notes = ConversationInfo::new(ConversationKind::SelfNotes, vec![alice.user_id.clone()]).unwrap();
    let id = GroupId::from_bytes([9; 16]);
    let (mut other, _) =
        Conversation::create(&phone.provider(), &phone.keys, &phone.certificate, id, notes, &[]).unwrap();
    other.merge_pending(&phone.provider()).unwrap();
    let message = other.encrypt(&phone.provider(), &phone.keys, b"note").unwrap();
    assert_eq!(rejected(bobs.process(&message)), RejectReason::WrongGroup);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every decoder that meets foreign bytes, with noise, cut and changed messages.
    #[test]
    fn foreign_bytes_never_panic_and_never_pass(
        noise in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8,
    ) {
        let (alice, bob) = (person("alice"), person("bob"));
        let (phone, bobs, laptop) = (alice.device("phone"), bob.device("phone"), alice.device("laptop"));
        let package = bobs.key_package();
        let bundle = phone.create(direct(&alice, &bob), &[&bobs]);
        phone.accepted();
        let (text, rotation) = (phone.encrypt("hello"), phone.commit(&[], &[]));
        let change = |bytes: &[u8]| {
            let at = at.index(bytes.len());
            let mut flipped = bytes.to_vec();
            flipped[at] ^= flip;
            [noise.clone(), bytes[..at].to_vec(), flipped]
        };

        for bytes in change(&package) {
            prop_assert!(ClaimedKeyPackage::validate(&bytes, bobs.user_id(), bobs.device_id(), now()).is_err());
        }
        let uninvited = bobs.disk();
        let join = |welcome: &[u8], tree: &[u8]| {
            bobs.restore(uninvited.clone());
            Conversation::join(&bobs.provider(), welcome, tree).is_err()
        };
        for bytes in change(&bundle.welcomes[0].1) {
            prop_assert!(join(&bytes, &bundle.ratchet_tree));
        }
        for bytes in change(&bundle.ratchet_tree) {
            prop_assert!(join(&bundle.welcomes[0].1, &bytes));
        }
        prop_assert!(!join(&bundle.welcomes[0].1, &bundle.ratchet_tree));

        for bytes in change(&text) {
            prop_assert!(bobs.process(&bytes).is_err());
        }
        for bytes in change(&rotation.commit) {
            prop_assert!(bobs.chat().process(&bobs.provider(), Expected::Commit, &bytes).is_err());
        }
        let external = |info: &[u8], tree: &[u8]| {
            Conversation::join_external(&laptop.provider(), &laptop.keys, &laptop.certificate, info, tree).is_err()
        };
        for bytes in change(&bundle.group_info) {
            prop_assert!(external(&bytes, &bundle.ratchet_tree));
        }
        for bytes in change(&bundle.ratchet_tree) {
            prop_assert!(external(&bundle.group_info, &bytes));
        }
        prop_assert_eq!(bobs.read(&text).1, "hello");
        bobs.follow(&rotation);
    }
}
