//! Stories of members, strangers and a server that send what breaks the rules into a conversation.

use std::time::Duration;

use openmls::prelude::{KeyPackage, LeafNodeParameters, Lifetime};
use privmsg_e2ee::{
    AccountKey, CertificateError, Conversation, ConversationInfo, ExternalJoinError, ProcessError, RejectReason,
};
use privmsg_mls_public::Refused;
use privmsg_protocol::{DeviceId, Incarnation};

use crate::people::{Device, all_talk, certify, direct, made_at, now, open_chat, person};
use crate::rogue::{
    Rogue, SUITE, build, context, credential, dated, forged, is_stranger, key_package, ours, rogue_join,
    with_certificate,
};
use crate::server::Server;

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
    let server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &bobs]));
    let bobs_disk = bobs.disk();
    let attempt = |add: &[&Device], leaf| {
        bobs.restore(bobs_disk.clone());
        let add = add.iter().map(|device| key_package(device, &device.certificate.encode())).collect();
        let forged = Rogue::of(&bobs).commit(add, leaf, None);
        let reason = rejected(phone.process_commit(&forged.commit));
        server.agrees(&reason, &forged.commit, &forged.group_info);
        reason
    };
    let adding = |device: &Device| attempt(&[device], LeafNodeParameters::default());

    assert!(is_stranger(&adding(&carols), &carol));

    let certificate = forged(&carols, &bobs);
    let invented = with_certificate(carol.device("x"), certificate);
    assert!(matches!(adding(&invented), RejectReason::Certificate(CertificateError::Forged)));

    let borrowed = with_certificate(carol.device("x"), bob.device("y").certificate);
    assert!(matches!(adding(&borrowed), RejectReason::Certificate(CertificateError::KeyMismatch)));

    let twin_keys = carol.device("x");
    let twin = certify(&bob.account, bobs.user_id(), bobs.device_id(), &twin_keys.keys.public(), now());
    let twin = with_certificate(twin_keys, twin);
    assert!(matches!(adding(&twin), RejectReason::DuplicateDevice));

    let thief = person("alice").device("new");
    assert!(matches!(adding(&thief), RejectReason::ForeignIdentity(_)));

    // Bob's device turns into another one of his, or comes under another identity.
    let renamed = |account: &AccountKey, device: &DeviceId| {
        let certificate = certify(account, bobs.user_id(), device, &bobs.keys.public(), now());
        let leaf = LeafNodeParameters::builder().with_credential_with_key(credential(&bobs, &certificate.encode()));
        attempt(&[], leaf.build())
    };
    let other = DeviceId::new("bob-tablet").unwrap();
    assert!(matches!(renamed(&bob.account, &other), RejectReason::LeafTakeover));
    assert!(matches!(renamed(&carol.account, bobs.device_id()), RejectReason::ForeignIdentity(_)));

    bobs.restore(bobs_disk);
    assert_eq!(phone.members(), ["alice-phone", "bob-phone"]);
    all_talk(&[&phone, &bobs]);
}

/// By a clock that is slow or fast an honest commit may look like that, too: it is told apart from what its maker has done.
#[test]
fn a_commit_is_no_forgery_because_a_key_package_in_it_is_over_by_this_clock() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs, tablet) = (alice.device("phone"), bob.device("phone"), bob.device("tablet"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let server = Server::begin(&opened);
    let bobs_disk = bobs.disk();
    let builder = KeyPackage::builder().key_package_lifetime(Lifetime::init(now() - 60, now() + 3));
    let builder = builder.leaf_node_capabilities(ours()).leaf_node_extensions(dated());
    let package = build(builder, &tablet, &tablet.certificate.encode(), SUITE);
    let forged = Rogue::of(&bobs).commit(vec![package], LeafNodeParameters::default(), None);
    std::thread::sleep(Duration::from_secs(4));
    let reason = rejected(phone.process_commit(&forged.commit));
    assert!(matches!(reason, RejectReason::Lifetime), "{reason:?}");
    assert!(matches!(server.refuse(&forged.commit, &forged.group_info), Refused::Invalid(_)));
    bobs.restore(bobs_disk);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn standalone_proposals_and_other_extensions_are_not_used() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let server = Server::begin(&opened);
    let disk = bobs.disk();
    let provider = bobs.provider();

    let leaving = Rogue::of(&bobs).group.leave_group(&provider, &bobs.keys).unwrap().to_bytes().unwrap();
    assert!(matches!(rejected(phone.process(&leaving)), RejectReason::Proposal));
    assert!(matches!(rejected(phone.process_commit(&leaving)), RejectReason::Proposal));
    server.agrees(&RejectReason::Proposal, &leaving, &opened.group_info);

    bobs.restore(disk.clone());
    let other = direct(&bob, &person("carol")).encode();
    let forged = Rogue::of(&bobs).commit(Vec::new(), LeafNodeParameters::default(), Some(context(&other)));
    assert!(matches!(rejected(phone.process_commit(&forged.commit)), RejectReason::Proposal));
    server.agrees(&RejectReason::Proposal, &forged.commit, &forged.group_info);
    bobs.restore(disk);
    all_talk(&[&phone, &bobs]);
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
        None,
        made_at(),
    );
    assert!(matches!(refused, Err(ExternalJoinError::Rejected(reason)) if is_stranger(&reason, &carol)));

    let server = Server::begin(&opened);
    let attempt = |device: &Device| {
        let (commit, group_info) = rogue_join(device, &device.certificate.encode(), &opened);
        let reason = rejected(phone.process_commit(&commit));
        server.agrees(&reason, &commit, &group_info);
        reason
    };
    assert!(is_stranger(&attempt(&carols), &carol));
    let certificate = forged(&carol.device("z"), &bobs);
    assert!(matches!(
        attempt(&with_certificate(carol.device("x"), certificate)),
        RejectReason::Certificate(CertificateError::Forged)
    ));
    let borrowed = with_certificate(carol.device("x"), bob.device("y").certificate);
    assert!(matches!(attempt(&borrowed), RejectReason::Certificate(CertificateError::KeyMismatch)));
    let twin = carol.device("x");
    let certificate = certify(&bob.account, bobs.user_id(), bobs.device_id(), &twin.keys.public(), now());
    assert!(matches!(attempt(&with_certificate(twin, certificate)), RejectReason::DuplicateDevice));

    // The same signature key under another name of Bob's: his old leaf would go, and another device come.
    let certificate =
        certify(&bob.account, bobs.user_id(), &DeviceId::new("bob-tablet").unwrap(), &bobs.keys.public(), now());
    let renamed = Device { keys: bobs.keys.clone(), certificate, ..bob.device("tablet") };
    assert!(matches!(attempt(&renamed), RejectReason::LeafTakeover));
    all_talk(&[&phone, &bobs]);
}

/// Whoever has an account's signing key certifies as many keys for a device as they like.
#[test]
fn a_device_takes_no_other_key() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &bobs]));
    let other = bob.device("phone");
    let forged = Rogue::of(&bobs).takes_key_of(&other);
    let reason = rejected(phone.process_commit(&forged.commit));
    assert!(matches!(reason, RejectReason::LeafTakeover), "{reason:?}");
    server.agrees(&reason, &forged.commit, &forged.group_info);
}

#[test]
fn a_message_of_another_chat_is_refused() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let notes = ConversationInfo::notes(alice.in_chats(), Incarnation::FIRST);
    let (mut other, _) =
        Conversation::create(&phone.provider(), &phone.keys, &phone.certificate, notes, None, &[], made_at()).unwrap();
    other.merge_pending(&phone.provider()).unwrap();
    let message = other.encrypt(&phone.provider(), &phone.keys, b"note").unwrap();
    assert!(matches!(rejected(bobs.process(&message)), RejectReason::WrongGroup));
}
