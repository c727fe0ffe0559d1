//! Stories of a client that meets what only a newer one understands: it waits for an update, and loses nothing.

use openmls::prelude::LeafNodeParameters;
use openmls::prelude::tls_codec::Serialize as _;
use privmsg_e2ee::{
    ClaimedKeyPackage, Conversation, ConversationInfo, DeviceCertificate, ExternalJoinError, InfoError, JoinError,
    KeyPackageError, LoadError, ProcessError, RejectReason, UpdateNeeded,
};

use privmsg_mls_public::{PublicConversation, Refused};

use crate::people::{CHAT, Device, Person, all_talk, direct, made_at, names, now, open_chat, person};
use crate::rogue::{Forged, Rogue, bare_context, context, key_package, rogue_join};
use crate::server::Server;

const NEWER_INFO: UpdateNeeded = UpdateNeeded { what: "conversation info version", number: 3 };
const NEWER_DEVICE: UpdateNeeded = UpdateNeeded { what: "device certificate version", number: 3 };

/// The certificate of a device of the next version. Nobody knows how its signature will be made.
fn newer_certificate(device: &Device) -> Vec<u8> {
    let mut bytes = device.certificate.encode();
    bytes[0] = 3;
    bytes.extend_from_slice(b"and more");
    bytes
}

/// A conversation of the next version.
fn newer_info(a: &Person, b: &Person) -> Vec<u8> {
    let mut bytes = direct(a, b).encode();
    bytes[0] = 3;
    bytes
}

#[test]
fn a_newer_device_cannot_be_added_yet() {
    let bobs = person("bob").device("phone");
    let package = key_package(&bobs, &newer_certificate(&bobs)).tls_serialize_detached().unwrap();
    let claimed = ClaimedKeyPackage::validate(&package, bobs.user_id(), bobs.device_id(), now());
    assert_eq!(claimed.unwrap_err(), KeyPackageError::UpdateNeeded(NEWER_DEVICE));
}

/// Rejecting such a commit as forged would leave this device behind for ever: everybody else has gone on.
#[test]
fn a_commit_that_makes_the_conversation_newer_needs_an_update() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, bobs, carols) = (alice.device("phone"), bob.device("phone"), carol.device("phone"));
    let server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &bobs]));
    let disk = bobs.disk();
    let newer = |add| {
        bobs.restore(disk.clone());
        let context = context(&newer_info(&alice, &bob));
        Rogue::of(&bobs).commit(add, LeafNodeParameters::default(), Some(context))
    };
    let before = phone.disk();
    let commit = newer(Vec::new());
    // What the newer rules allow besides is not for the older ones to judge.
    for forged in [&commit, &newer(vec![key_package(&carols, &newer_certificate(&carols))])] {
        assert!(matches!(server.refuse(&forged.commit, &forged.group_info), Refused::UpdateNeeded(NEWER_INFO)));
        let processed = phone.process_commit(&forged.commit);
        assert!(matches!(processed, Err(ProcessError::UpdateNeeded(NEWER_INFO))), "{processed:?}");
        assert!(phone.disk() == before, "nothing has changed");
    }

    // Whoever is no member cannot say it: the server has no key to sign it with.
    let mut forged = commit.commit;
    let at = forged.len() - 100;
    forged[at] ^= 1;
    let processed = phone.process_commit(&forged);
    assert!(matches!(processed, Err(ProcessError::Rejected(RejectReason::Invalid(_)))), "{processed:?}");

    bobs.restore(disk);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn a_commit_that_lets_a_newer_device_in_needs_an_update() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs, laptop) = (alice.device("phone"), bob.device("phone"), bob.device("laptop"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let disk = bobs.disk();
    let package = key_package(&laptop, &newer_certificate(&laptop));
    let added = Rogue::of(&bobs).commit(vec![package], LeafNodeParameters::default(), None);
    let joined = rogue_join(&laptop, &newer_certificate(&laptop), &opened);
    let server = Server::begin(&opened);
    for (commit, group_info) in [(added.commit, added.group_info), joined] {
        let processed = phone.process_commit(&commit);
        assert!(matches!(processed, Err(ProcessError::UpdateNeeded(NEWER_DEVICE))), "{processed:?}");
        assert!(matches!(server.refuse(&commit, &group_info), Refused::UpdateNeeded(NEWER_DEVICE)));
    }
    bobs.restore(disk);
    all_talk(&[&phone, &bobs]);
}

/// A group that Bob's newer client has made, with a device of his in it that is newer if the last argument says so.
fn newer_group(alice: &Device, bobs: &Device, info: &[u8], newer_device: Option<&Device>) -> Forged {
    let mut add = vec![key_package(alice, &alice.certificate.encode())];
    add.extend(newer_device.map(|device| key_package(device, &newer_certificate(device))));
    Rogue::create(bobs, CHAT.as_bytes(), context(info)).commit(add, LeafNodeParameters::default(), None)
}

#[test]
fn a_newer_group_is_joined_after_an_update() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop) = (alice.device("phone"), alice.device("laptop"));
    let (bobs, newest) = (bob.device("phone"), bob.device("newest"));
    let (info, newer) = (direct(&alice, &bob).encode(), newer_info(&alice, &bob));
    for (group, expected) in [
        (newer_group(&phone, &bob.device("a"), &newer, None), NEWER_INFO),
        (newer_group(&phone, &bobs, &info, Some(&newest)), NEWER_DEVICE),
    ] {
        let invited = phone.disk();
        let joined = Conversation::join(&phone.provider(), &group.welcome, &group.tree, None);
        assert!(matches!(joined, Err(JoinError::UpdateNeeded(found)) if found == expected), "{joined:?}");
        phone.restore(invited);
        let begun = PublicConversation::begin(&group.group_info, &group.tree, None);
        assert!(matches!(begun, Err(Refused::UpdateNeeded(found)) if found == expected), "{begun:?}");
        let (keys, certificate) = (&laptop.keys, &laptop.certificate);
        let joined = Conversation::join_external(
            &laptop.provider(),
            keys,
            certificate,
            &group.group_info,
            &group.tree,
            None,
            made_at(),
        );
        assert!(matches!(joined, Err(ExternalJoinError::UpdateNeeded(found)) if found == expected), "{joined:?}");
    }
}

#[test]
fn what_a_newer_build_has_stored_is_not_taken_for_damage() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, info, newer) = (alice.device("phone"), direct(&alice, &bob).encode(), newer_info(&alice, &bob));
    let load = |device: &Device| Conversation::load(&device.provider(), CHAT).unwrap_err();

    let updated = bob.device("updated");
    newer_group(&phone, &updated, &newer, None);
    assert!(matches!(load(&updated), LoadError::UpdateNeeded(NEWER_INFO)));

    let with_newer = bob.device("with-newer");
    newer_group(&phone, &with_newer, &info, Some(&bob.device("newest")));
    assert!(matches!(load(&with_newer), LoadError::UpdateNeeded(NEWER_DEVICE)));

    let damaged = bob.device("damaged");
    Rogue::create(&damaged, CHAT.as_bytes(), bare_context());
    assert!(matches!(load(&damaged), LoadError::Corrupt { group_id: CHAT, source: InfoError::Malformed }));
}

/// The other half of growing: what a newer build only *adds* does not stop an older one.
#[test]
fn fields_of_later_builds_stop_nobody() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, mut bobs, laptop) = (alice.device("phone"), bob.device("phone"), alice.device("laptop"));
    bobs.certificate = with_later_field(&bob, &bobs);
    let later = [&direct(&alice, &bob).encode()[..], b"a later field"].concat();
    let info = ConversationInfo::decode(&later).unwrap();

    let opened = open_chat(info.clone(), &[&phone, &bobs]);
    let joined = laptop.join_external(&opened);
    phone.follow(&joined);
    bobs.follow(&joined);
    all_talk(&[&phone, &bobs, &laptop]);
    assert_eq!(names(&laptop.chat().members()), ["alice-laptop", "alice-phone", "bob-phone"]);
    for device in [&phone, &bobs, &laptop] {
        assert_eq!(device.chat().info(), &info);
    }
}

/// What Bob's account would sign if it knew one field more.
fn with_later_field(bob: &Person, device: &Device) -> DeviceCertificate {
    use ed25519_dalek::Signer as _;
    let bytes = device.certificate.encode();
    let signed = [&bytes[..bytes.len() - 64], b"a later field"].concat();
    let key = ed25519_dalek::SigningKey::from_bytes(&bob.signing_key.to_bytes());
    let signature = key.sign(&[b"PrivMsg device certificate v2\0", &signed[..]].concat());
    DeviceCertificate::decode(&[&signed[..], &signature.to_bytes()].concat()).unwrap()
}
