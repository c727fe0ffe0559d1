//! Stories of groups that are not what they say they are.

use openmls::prelude::LeafNodeParameters;
use privmsg_e2ee::{CertificateError, Conversation, ExternalJoinError, InfoError, JoinError, RejectReason};

use crate::people::{Device, direct, person};
use crate::rogue::{Forged, Rogue, bare_context, context, forged, is_stranger, key_package, with_certificate};

#[test]
fn groups_that_break_our_rules_are_not_joined() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, carols) = (alice.device("phone"), carol.device("phone"));
    let bobs = bob.device("phone");
    let group = |id: &[u8], context, add: &[&Device]| {
        let add = add.iter().map(|device| key_package(device, &device.certificate.encode())).collect();
        Rogue::create(&carols, id, context).commit(add, LeafNodeParameters::default(), None)
    };
    let between = |a, b| context(&direct(a, b).encode());
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
    let listening = group(b"0123456789abcde1", between(&alice, &bob), &[&phone]);
    assert!(is_stranger(&join(&listening), &carol));
    assert!(is_stranger(&external(&listening), &carol));

    // Somebody in it has a certificate that nobody signed.
    let impostor = with_certificate(carol.device("x"), forged(&carol.device("y"), &bobs));
    let haunted = group(b"0123456789abcde2", between(&alice, &carol), &[&phone, &impostor]);
    assert!(matches!(join(&haunted), RejectReason::Certificate(CertificateError::Forged)));

    // Alice is not meant to be in it.
    let wrong = group(b"0123456789abcde3", between(&bob, &carol), &[&phone]);
    assert!(is_stranger(&join(&wrong), &alice));

    // No conversation of ours.
    let none = join(&group(b"0123456789abcde4", bare_context(), &[&phone]));
    assert!(matches!(none, RejectReason::Info(InfoError::Malformed)));
    let long = group(b"an id that is not sixteen bytes", between(&alice, &carol), &[&phone]);
    assert!(matches!(join(&long), RejectReason::OtherGroup));
}
