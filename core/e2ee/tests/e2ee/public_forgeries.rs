//! Stories of members, strangers and joiners who hand a server what it must not take.

use openmls::group::GroupContext;
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSize, VLBytes};
use openmls::prelude::{ExtensionType, LeafNodeParameters};
use openmls_traits::signatures::Signer as _;
use privmsg_e2ee::{CommitBundle, ConversationInfo, RejectReason};
use privmsg_mls_public::group::{GroupInfoError, MAX_LEAF_LEN, UnusableKey};
use privmsg_mls_public::{PublicConversation, Refused};
use privmsg_protocol::{Epoch, Incarnation};
use proptest::prelude::*;

use crate::people::{Device, direct, open_chat, person};
use crate::rogue::Rogue;
use crate::server::Server;

/// `MLSMessage` of RFC 9420, section 6: version 1.0, and a GroupInfo.
const GROUP_INFO: [u8; 4] = [0, 1, 0, 4];

/// A GroupInfo without its signature.
#[derive(Clone)]
struct GroupInfo {
    context: Vec<u8>,
    extensions: Vec<u8>,
    tag: Vec<u8>,
    signer: u32,
}

#[derive(TlsDeserializeBytes, TlsSize)]
struct Rest {
    extensions: VLBytes,
    tag: VLBytes,
    signer: u32,
    _signature: VLBytes,
}

impl GroupInfo {
    fn of(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(&GROUP_INFO).unwrap();
        let (context, rest) = GroupContext::tls_deserialize_bytes(bytes).unwrap();
        let rest = Rest::tls_deserialize_exact_bytes(rest).unwrap();
        Self {
            context: context.tls_serialize_detached().unwrap(),
            extensions: rest.extensions.as_slice().to_vec(),
            tag: rest.tag.as_slice().to_vec(),
            signer: rest.signer,
        }
    }

    fn signed_by(&self, device: &Device) -> Vec<u8> {
        let vector = |bytes: &[u8]| VLBytes::new(bytes.to_vec()).tls_serialize_detached().unwrap();
        let (extensions, tag) = (vector(&self.extensions), vector(&self.tag));
        let content = [&self.context[..], &extensions, &tag, &self.signer.to_be_bytes()].concat();
        let signature = device.keys.sign(&[vector(b"MLS 1.0 GroupInfoTBS"), vector(&content)].concat()).unwrap();
        [&GROUP_INFO[..], &content, &vector(&signature)].concat()
    }
}

fn fault(refused: Refused) -> GroupInfoError {
    match refused {
        Refused::Invalid(cause) => *cause.downcast_ref().unwrap_or_else(|| panic!("{cause:?}")),
        other => panic!("{other:?}"),
    }
}

/// A chat of Alice and Bob, and a commit of Bob's that nobody has seen yet.
struct Story {
    phone: Device,
    bobs: Device,
    opened: CommitBundle,
    rotation: CommitBundle,
    server: Server,
}

impl Story {
    fn new() -> Self {
        let (alice, bob) = (person("alice"), person("bob"));
        let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
        let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
        let (rotation, server) = (bobs.commit(&[], &[]), Server::begin(&opened));
        Self { phone, bobs, opened, rotation, server }
    }
}

#[test]
fn the_group_info_is_the_committers_and_of_what_the_commit_makes() {
    let Story { phone, bobs, opened, rotation, server } = Story::new();
    let genuine = GroupInfo::of(&rotation.group_info);
    assert!(genuine.signed_by(&bobs) == rotation.group_info, "the forger knows the format");
    let refuse = |group_info: &[u8]| fault(server.refuse(&rotation.commit, group_info));
    let forge = |change: &dyn Fn(&mut GroupInfo)| {
        let mut forged = genuine.clone();
        change(&mut forged);
        refuse(&forged.signed_by(&bobs))
    };

    // By somebody who is no leaf, and by a leaf that did not commit.
    let stranger = person("carol").device("phone");
    assert_eq!(refuse(&genuine.signed_by(&stranger)), GroupInfoError::Signature);
    assert_eq!(refuse(&GroupInfo { signer: 0, ..genuine.clone() }.signed_by(&phone)), GroupInfoError::Signer);
    assert_eq!(refuse(&GroupInfo { signer: 7, ..genuine.clone() }.signed_by(&stranger)), GroupInfoError::Signer);

    // Of the epoch before; of this one, with any other byte in the context.
    assert_eq!(refuse(&opened.group_info), GroupInfoError::Context);
    let old = GroupInfo::of(&opened.group_info).context;
    assert_eq!(forge(&|forged| forged.context.clone_from(&old)), GroupInfoError::Context);
    let epoch_tree_and_transcript = [4 + 16 + 8, 4 + 16 + 8 + 2, 4 + 16 + 8 + 2 + 49];
    for at in epoch_tree_and_transcript {
        assert_eq!(forge(&|forged| forged.context[at] ^= 1), GroupInfoError::Context, "{at}");
    }

    assert_eq!(forge(&|forged| forged.tag[0] ^= 1), GroupInfoError::ConfirmationTag);
    assert_eq!(forge(&|forged| forged.tag.truncate(47)), GroupInfoError::TagLength);

    // The extension is: type 4, length and length of the key (two bytes each), the key.
    assert_eq!(genuine.extensions[..2], [0, 4]);
    let unusable = GroupInfoError::ExternalPub(UnusableKey);
    assert_eq!(forge(&|forged| forged.extensions.clear()), GroupInfoError::Extensions);
    let second = [0xf0, 0x77, 0];
    assert_eq!(forge(&|forged| forged.extensions.extend(second)), GroupInfoError::Extensions);
    assert_eq!(forge(&|forged| forged.extensions = vec![0, 4, 2, 1, 7]), unusable);
    assert_eq!(forge(&|forged| forged.extensions[6..1000].fill(0xff)), unusable, "no key of ML-KEM");

    // What only members can tell: another key than that of the epoch.
    let mut other_key = genuine;
    other_key.extensions[6..].copy_from_slice(&GroupInfo::of(&opened.group_info).extensions[6..]);
    let mut chat = server.chat();
    chat.apply(&rotation.commit, &other_key.signed_by(&bobs)).unwrap();
}

/// The one field of a commit that only members can check, at the end of it.
const MEMBERSHIP_TAG: usize = 48;

#[test]
fn no_byte_of_a_commit_or_of_its_group_info_can_be_another() {
    let Story { rotation, server, .. } = Story::new();
    let mut chat = server.chat();
    let (mut commit, mut group_info) = (rotation.commit.clone(), rotation.group_info.clone());
    let tag = commit.len() - MEMBERSHIP_TAG;
    for at in 0..tag {
        commit[at] ^= 0x01;
        assert!(chat.apply(&commit, &group_info).is_err(), "byte {at} of the commit");
        commit[at] ^= 0x01;
    }
    for at in 0..group_info.len() {
        group_info[at] ^= 0x80;
        assert!(chat.apply(&commit, &group_info).is_err(), "byte {at} of the group info");
        group_info[at] ^= 0x80;
    }
    for at in tag..commit.len() {
        commit[at] ^= 0x10;
        server.chat().apply(&commit, &group_info).unwrap();
        commit[at] ^= 0x10;
    }
    assert!(chat.encoded() == server.chat().encoded());
    chat.apply(&commit, &group_info).unwrap();
}

#[test]
fn no_byte_of_an_external_commit_can_be_another() {
    let Story { phone, server, opened, .. } = Story::new();
    let joined = phone.join_external(&opened);
    let mut chat = server.chat();
    let mut commit = joined.commit.clone();
    for at in 0..commit.len() {
        commit[at] ^= 0x01;
        assert!(chat.apply(&commit, &joined.group_info).is_err(), "byte {at}");
        commit[at] ^= 0x01;
    }
    chat.apply(&commit, &joined.group_info).unwrap();
}

#[test]
fn no_byte_of_a_group_that_begins_can_be_another() {
    let Story { opened, .. } = Story::new();
    let (mut group_info, mut tree) = (opened.group_info, opened.ratchet_tree);
    for at in 0..group_info.len() {
        group_info[at] ^= 0x01;
        assert!(PublicConversation::begin(&group_info, &tree, None).is_err(), "byte {at} of the group info");
        group_info[at] ^= 0x01;
    }
    for at in 0..tree.len() {
        tree[at] ^= 0x01;
        assert!(PublicConversation::begin(&group_info, &tree, None).is_err(), "byte {at} of the tree");
        tree[at] ^= 0x01;
    }
    assert!(PublicConversation::begin(&group_info, &[&tree[..], &[0]].concat(), None).is_err());
    PublicConversation::begin(&group_info, &tree, None).unwrap();
}

#[test]
fn a_group_begins_in_its_first_epoch() {
    let Story { bobs, rotation, .. } = Story::new();
    let begun = PublicConversation::begin(&rotation.group_info, &rotation.ratchet_tree, None);
    assert!(matches!(begun, Err(Refused::OtherEpoch { found: Epoch(2), expected: Epoch(1) })), "{begun:?}");
    let notes = ConversationInfo::notes(bobs.owner(), Incarnation::FIRST);
    let context = crate::rogue::context(&notes.encode());
    let alone = Rogue::create(&bobs, notes.group_id().as_bytes(), context);
    let (group_info, tree) = alone.export();
    let begun = PublicConversation::begin(&group_info, &tree, None);
    assert!(matches!(begun, Err(Refused::OtherEpoch { found: Epoch(0), .. })), "{begun:?}");
}

#[test]
fn what_begins_a_group_is_signed_by_one_of_its_leaves() {
    let Story { phone, bobs, opened, .. } = Story::new();
    let genuine = GroupInfo::of(&opened.group_info);
    let begin =
        |info: GroupInfo, by: &Device| PublicConversation::begin(&info.signed_by(by), &opened.ratchet_tree, None);
    let (_, creator) = begin(genuine.clone(), &phone).unwrap();
    assert_eq!(creator.device_id, *phone.device_id());
    let (_, creator) = begin(GroupInfo { signer: 1, ..genuine.clone() }, &bobs).unwrap();
    assert_eq!(creator.device_id, *bobs.device_id(), "whom the caller compares with who has sent it");
    for (signer, by) in [(0, &bobs), (1, &phone), (2, &bobs), (u32::MAX, &bobs)] {
        assert!(matches!(begin(GroupInfo { signer, ..genuine.clone() }, by), Err(Refused::Invalid(_))), "{signer}");
    }
    let unusable = GroupInfo { extensions: vec![0, 4, 2, 1, 7], ..genuine.clone() };
    assert_eq!(fault(begin(unusable, &phone).unwrap_err()), GroupInfoError::ExternalPub(UnusableKey));
    let none = GroupInfo { extensions: Vec::new(), ..genuine };
    assert_eq!(fault(begin(none, &phone).unwrap_err()), GroupInfoError::Extensions);
}

#[test]
fn what_is_of_another_group_or_no_commit_is_refused() {
    let Story { phone, bobs, opened, rotation, server } = Story::new();
    let carol = person("carol");
    let info = ConversationInfo::direct(carol.in_chats(), bobs.owner(), Incarnation::FIRST).unwrap();
    let carols = Device { chat: info.group_id(), ..carol.device("phone") };
    carols.create(info, &[&bobs]);
    carols.accepted();
    let elsewhere = carols.commit(&[], &[]);
    let refused = server.refuse(&elsewhere.commit, &elsewhere.group_info);
    assert!(matches!(refused, Refused::AgainstRules(RejectReason::WrongGroup)), "{refused:?}");
    assert_eq!(fault(server.refuse(&rotation.commit, &elsewhere.group_info)), GroupInfoError::Context);

    let message = phone.encrypt("hello");
    let refused = server.refuse(&message, &opened.group_info);
    assert!(matches!(refused, Refused::AgainstRules(RejectReason::UnexpectedKind)), "{refused:?}");
    for (commit, group_info) in [
        (&rotation.group_info, &rotation.group_info),
        (&rotation.commit, &rotation.commit),
        (&opened.welcomes()[0].1, &rotation.group_info),
        (&opened.ratchet_tree, &rotation.group_info),
    ] {
        assert!(matches!(server.refuse(commit, group_info), Refused::Malformed(_)));
    }
    assert!(matches!(
        PublicConversation::begin(&opened.commit, &opened.ratchet_tree, None),
        Err(Refused::Malformed(_))
    ));
}

/// It would be everybody's, in every tree.
#[test]
fn a_leaf_has_a_bounded_length() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &bobs]));
    let disk = bobs.disk();
    let attempt = |len: usize| {
        bobs.restore(disk.clone());
        let capabilities = openmls::prelude::Capabilities::builder()
            .ciphersuites(vec![crate::rogue::SUITE])
            .extensions(
                (0..len / 2).map(|at| if at == 0 { 0xF001 } else { 0xF000 }).map(ExtensionType::Unknown).collect(),
            )
            .credentials(vec![openmls::prelude::CredentialType::Basic]);
        let leaf = LeafNodeParameters::builder().with_capabilities(capabilities.build());
        Rogue::of(&bobs).commit(Vec::new(), leaf.build(), None)
    };
    let long = attempt(MAX_LEAF_LEN);
    let refused = server.refuse(&long.commit, &long.group_info);
    assert!(matches!(refused, Refused::AgainstRules(RejectReason::OversizedLeaf(_))), "{refused:?}");
    let client = phone.process_commit(&long.commit);
    assert!(matches!(
        client,
        Err(privmsg_e2ee::ProcessError::Rejected(RejectReason::OversizedLeaf(len))) if len > MAX_LEAF_LEN
    ));
    let usual = attempt(1000);
    server.chat().apply(&usual.commit, &usual.group_info).unwrap();
}

#[test]
fn a_stored_state_is_read_whole_or_not_at_all() {
    let Story { server, .. } = Story::new();
    let state = server.chat().encoded().to_vec();
    assert!(PublicConversation::decode(state.clone()).unwrap().encoded() == state);
    assert!(PublicConversation::decode(Vec::new()).is_err());
    for len in (0..state.len()).step_by(37) {
        assert!(PublicConversation::decode(state[..len].to_vec()).is_err(), "{len}");
    }
    assert!(PublicConversation::decode([&state[..], &[0]].concat()).is_err());
    let newer = [&[2], &state[1..]].concat();
    assert_eq!(PublicConversation::decode(newer).unwrap_err().to_string(), "state of a group in version 2");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Nothing makes it panic.
    #[test]
    fn garbage_is_refused(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..8), any in any::<Vec<u8>>()) {
        let Story { opened, rotation, server, .. } = Story::new();
        let edited = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            for (at, byte, what) in &edits {
                let at = at.index(bytes.len());
                match what {
                    0 => bytes[at] = *byte,
                    1 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, *byte),
                }
            }
            bytes
        };
        let mut chat = server.chat();
        for commit in [&any, &edited(&rotation.commit)] {
            for group_info in [&any, &edited(&rotation.group_info)] {
                let _ = chat.apply(commit, group_info);
                let _ = PublicConversation::begin(group_info, &any, None);
                let _ = PublicConversation::begin(group_info, &edited(&opened.ratchet_tree), None);
                let _ = PublicConversation::begin(&opened.group_info, &edited(&opened.ratchet_tree), None);
            }
        }
        let _ = PublicConversation::decode(edited(chat.encoded()));
    }
}
