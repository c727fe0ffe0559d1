//! Stories of a server that invents devices, and of members who let strangers in.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{Capabilities, Ciphersuite, KeyPackage, Lifetime};
use privmsg_e2ee::{
    CertificateError, ClaimedKeyPackage, CommitError, CreateError, DevicePublicKey, KeyPackageError, RejectReason,
};

use crate::people::{Device, certify, direct, made_at, now, open_chat, person};
use crate::rogue::{SUITE, build, forged, is_stranger, ours, with_certificate};

const DAY_S: u64 = 24 * 3600;

fn validate(device: &Device, user: &Device) -> Result<ClaimedKeyPackage, KeyPackageError> {
    ClaimedKeyPackage::validate(&device.key_package(), user.user_id(), user.device_id(), now())
}

#[test]
fn a_device_that_the_server_invents_is_refused_in_a_key_package() {
    let (alice, bob, mallory) = (person("alice"), person("bob"), person("mallory"));
    let bobs = bob.device("phone");
    let invented = mallory.device("phone");
    let certify = |keys: &DevicePublicKey| certify(&mallory.account, bobs.user_id(), bobs.device_id(), keys, now());

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
    assert_eq!(at(now() + 46 * DAY_S + 60), KeyPackageError::Expired);
    assert_eq!(at(now() - 6 * DAY_S - 60), KeyPackageError::Expired);

    let check = |builder, suite| {
        let bytes = build(builder, &bobs, &bobs.certificate.encode(), suite).tls_serialize_detached().unwrap();
        ClaimedKeyPackage::validate(&bytes, bobs.user_id(), bobs.device_id(), now()).unwrap_err()
    };
    // What is over or begins while others are still to follow the commit that adds it, and what is good for ever.
    let begun = now() - 2 * DAY_S;
    for (from, until) in [
        (begun, now() - 3600),
        (begun, now() + 20),
        (begun, now() + 31 * DAY_S - 60),
        (now() - 3600, now() + 40 * DAY_S),
        (begun, now() + 84 * DAY_S),
    ] {
        let builder = KeyPackage::builder().key_package_lifetime(Lifetime::init(from, until));
        assert_eq!(check(builder.leaf_node_capabilities(ours()), SUITE), KeyPackageError::Expired);
    }

    let without_ours = KeyPackage::builder().leaf_node_capabilities(Capabilities::builder().build());
    assert_eq!(check(without_ours, SUITE), KeyPackageError::Incompatible);
    let classic = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    assert_eq!(check(KeyPackage::builder(), classic), KeyPackageError::Incompatible);
}

#[test]
fn strangers_are_not_added() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, bobs, carols) = (alice.device("phone"), bob.device("phone"), carol.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);

    let commit = |add: &[ClaimedKeyPackage]| {
        phone.chat().commit(&phone.provider(), &phone.keys, add, &[], made_at()).unwrap_err()
    };
    assert!(matches!(commit(&[carols.claim()]), CommitError::Add(reason) if is_stranger(&reason, &carol)));
    assert!(matches!(commit(&[bobs.claim()]), CommitError::Add(RejectReason::DuplicateDevice)));
    let twice = [alice.device("x").claim(), alice.device("x").claim()];
    assert!(matches!(commit(&twice), CommitError::Add(RejectReason::DuplicateDevice)));

    // A second identity under Alice's own name: whoever has her access key, but not her devices.
    let thief = person("alice").device("new");
    assert!(matches!(commit(&[thief.claim()]), CommitError::Add(RejectReason::ForeignIdentity(_))));

    let remove = |who: &Device| phone.chat().commit(&phone.provider(), &phone.keys, &[], &[who.address()], made_at());
    assert!(matches!(remove(&carols), Err(CommitError::Remove(..))));
    assert!(matches!(remove(&phone), Err(CommitError::Remove(..))));
    assert!(!phone.chat().has_pending());

    let created = carols.create_with(direct(&alice, &bob), &[]);
    assert!(matches!(created, Err(CreateError::Own(reason)) if is_stranger(&reason, &carol)));
}
