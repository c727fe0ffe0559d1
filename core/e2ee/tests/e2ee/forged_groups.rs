//! Stories of groups that are not what they say they are.

use openmls::prelude::LeafNodeParameters;
use privmsg_e2ee::{
    CertificateError, Conversation, ConversationInfo, ExternalJoinError, InfoError, JoinError, RejectReason,
};

use privmsg_mls_public::PublicConversation;

use crate::people::{Device, Person, certify, direct, made_at, now, person};
use crate::rogue::{Forged, Rogue, bare_context, context, forged, is_stranger, key_package, with_certificate};
use crate::server::agree;

#[test]
fn groups_that_break_our_rules_are_not_joined() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, carols) = (alice.device("phone"), carol.device("phone"));
    let bobs = bob.device("phone");
    let group = |id: &[u8], context, add: &[&Device]| {
        carols.restore(Default::default());
        let add = add.iter().map(|device| key_package(device, &device.certificate.encode())).collect();
        Rogue::create(&carols, id, context).commit(add, LeafNodeParameters::default(), None)
    };
    let named =
        |info: ConversationInfo, add: &[&Device]| group(info.group_id().as_bytes(), context(&info.encode()), add);
    let between = |a, b| context(&direct(a, b).encode());
    let join = |group: &Forged| match Conversation::join(&phone.provider(), &group.welcome, &group.tree, None) {
        Err(JoinError::Rejected(reason)) => {
            agree(&reason, &PublicConversation::begin(&group.group_info, &group.tree, None).unwrap_err());
            reason
        }
        other => panic!("{other:?}"),
    };
    let external = |group: &Forged| {
        let (keys, certificate) = (&bobs.keys, &bobs.certificate);
        match Conversation::join_external(
            &bobs.provider(),
            keys,
            certificate,
            &group.group_info,
            &group.tree,
            None,
            made_at(),
        ) {
            Err(ExternalJoinError::Rejected(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };

    // Carol opens a "direct" chat of Alice and Bob, and listens.
    let listening = named(direct(&alice, &bob), &[&phone]);
    assert!(is_stranger(&join(&listening), &carol));
    assert!(is_stranger(&external(&listening), &carol));

    // Somebody in it has a certificate that nobody signed.
    let impostor = with_certificate(carol.device("x"), forged(&carol.device("y"), &bobs));
    let haunted = named(direct(&alice, &carol), &[&phone, &impostor]);
    assert!(matches!(join(&haunted), RejectReason::Certificate(CertificateError::Forged)));

    // A device of Carol's is in it twice.
    let twin = carol.device("x");
    let certificate = certify(&carol.account, &carol.user_id, carols.device_id(), &twin.keys.public(), now());
    let twice = named(direct(&alice, &carol), &[&phone, &with_certificate(twin, certificate)]);
    assert!(matches!(join(&twice), RejectReason::DuplicateDevice));

    // Alice is not meant to be in it.
    let wrong = named(direct(&bob, &carol), &[&phone]);
    assert!(is_stranger(&join(&wrong), &alice));

    // Another chat under the name of this one, and this one under another's.
    let other = group(b"0123456789abcde5", between(&alice, &carol), &[&phone]);
    assert!(matches!(join(&other), RejectReason::WrongGroup));
    let (as_bobs, with_carol) = (direct(&alice, &bob), direct(&alice, &carol));
    let passed_off = group(as_bobs.group_id().as_bytes(), context(&with_carol.encode()), &[&phone]);
    assert!(matches!(join(&passed_off), RejectReason::WrongGroup));

    // Carol has made a key for "Bob".
    let impostor = Person { user_id: bob.user_id.clone(), ..person("x") };
    let certificate = certify(&impostor.account, &bob.user_id, carols.device_id(), &carols.keys.public(), now());
    let carol_as_bob = with_certificate(carol.device("z"), certificate);
    let carol_as_bob = Device { keys: carols.keys.clone(), ..carol_as_bob };
    let info = direct(&alice, &bob);
    let add = vec![key_package(&phone, &phone.certificate.encode())];
    let faked = Rogue::create(&carol_as_bob, info.group_id().as_bytes(), context(&info.encode())).commit(
        add,
        LeafNodeParameters::default(),
        None,
    );
    assert!(matches!(join(&faked), RejectReason::ForeignIdentity(user) if user == bob.user_id));

    // No conversation of ours.
    let none = join(&group(b"0123456789abcde4", bare_context(), &[&phone]));
    assert!(matches!(none, RejectReason::Info(InfoError::Malformed)));
    let long = group(b"an id that is not sixteen bytes", between(&alice, &carol), &[&phone]);
    assert!(matches!(join(&long), RejectReason::WrongGroup));
}
