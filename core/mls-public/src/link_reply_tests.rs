use proptest::prelude::*;

use super::*;
use crate::test_keys::{account_key, assert_all_of_it_counts, certificate, device, device_key, hex, list, sign};

const SECRET: [u8; 32] = [8; 32];

/// Sealed, as far as this format goes.
const PINS: &[u8] = b"sealed";

fn phone() -> NewDevice {
    let (user_id, device_id) = (UserId::new("al").unwrap(), DeviceId::new("phone").unwrap());
    NewDevice { user_id, device_id, device_key: device_key(4) }
}

fn two() -> DeviceList {
    list(5, 7, vec![device("phone", 4, 1_700_000_000), device("laptop", 3, 1_700_000_001)])
}

/// By signing key 2 of this generation.
fn certified(device: &NewDevice, generation: u64) -> DeviceCertificate {
    let (id, key) = (&device.device_id, &device.device_key);
    DeviceCertificate::signed_by(certificate(generation), |bytes| sign(2, bytes), id, key, 1_700_000_000).unwrap()
}

fn reply() -> LinkReply {
    LinkReply::new(&SECRET, &phone(), certified(&phone(), 5), two(), PINS.to_vec()).unwrap()
}

#[test]
fn bytes_are_pinned() {
    let bytes = reply().encode();
    insta::assert_snapshot!(hex(&bytes), @"018a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c40fb020102616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000058139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394e415bcc15a37e1f320500f455ebf5f591d6df58680f7eeb2eca3c4103ca616a8f17ae7d9a4b3566418ce8a0cac43a9af80c2638c98653c7b7f128bf6d58a89040570686f6e65ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c000000006553f1008b7c4f93a486c188b684e4358a3617b0737fcbe1696c8b68715f1625768a8c94d5f63c93f8fa331196fb781dfde34fd1fbd8b2c124314c716e8719ecefbf740740b30102616c00000000000000050000000000000007405d066c6170746f70ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1000000006553f1010570686f6e65ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c000000006553f100f6bfd214ac3c75752b3e2488836bd57525d238fd910b62db70685c8066120539d0c8862d28806bbd185a83230919e5852ee69613a18f5b405193bdee04f40000067365616c6564f234417e5b8b6cd75226bd4938bb3dd8bfeeab1de4a16f708fbc6a108e93626c");
    assert_eq!(LinkReply::decode(&bytes, &SECRET, &phone()), Ok(reply()));
}

#[test]
fn only_who_saw_the_code_answers() {
    let guessed = LinkReply::new(&[7; 32], &phone(), certified(&phone(), 5), two(), Vec::new()).unwrap();
    assert_eq!(LinkReply::decode(&guessed.encode(), &SECRET, &phone()), Err(StatementError::Forged));
}

#[test]
fn the_answer_is_for_the_device_that_asked() {
    let others = [
        NewDevice { user_id: UserId::new("bob").unwrap(), ..phone() },
        NewDevice { device_id: DeviceId::new("laptop").unwrap(), ..phone() },
        NewDevice { device_key: device_key(5), ..phone() },
    ];
    for other in others {
        assert_eq!(LinkReply::decode(&reply().encode(), &SECRET, &other), Err(StatementError::Forged), "{other:?}");
        let early = LinkReply::new(&SECRET, &other, certified(&other, 5), two(), Vec::new());
        assert_eq!(early, Err(StatementError::Other), "it is let in first: {other:?}");
        let others = LinkReply::new(&SECRET, &phone(), certified(&other, 5), two(), Vec::new());
        assert!(others.is_err() || other.user_id != phone().user_id, "its certificate is its own: {other:?}");
    }
}

/// A server on the way takes them out, or lets only some through.
#[test]
fn a_device_begins_with_what_it_was_told_of_contacts() {
    assert_eq!(reply().pins(), PINS);
    let mut bytes = LinkReply { pins: Vec::new(), ..reply() }.encode();
    assert_eq!(LinkReply::decode(&bytes, &SECRET, &phone()), Err(StatementError::Forged));
    bytes = LinkReply { pins: PINS[..3].to_vec(), ..reply() }.encode();
    assert_eq!(LinkReply::decode(&bytes, &SECRET, &phone()), Err(StatementError::Forged));
    let long = |len| LinkReply::new(&SECRET, &phone(), certified(&phone(), 5), two(), vec![0; len]);
    let longest = long(MAX_LINK_PINS).unwrap();
    assert_eq!(LinkReply::decode(&longest.encode(), &SECRET, &phone()), Ok(longest));
    assert_eq!(long(MAX_LINK_PINS + 1), Err(StatementError::Malformed));
}

/// A server on the way exchanges what the MAC is not over.
#[test]
fn certificate_and_list_are_those_of_the_identity_that_answered() {
    let with = |identity: u8, certificate: DeviceCertificate, list: DeviceList| {
        let mac = authenticator(&SECRET, &phone(), &account_key(identity), PINS).finalize().into_bytes().into();
        let mut bytes = LinkReply { certificate, list, pins: PINS.to_vec(), mac }.encode();
        bytes[1..33].copy_from_slice(account_key(identity).as_bytes());
        LinkReply::decode(&bytes, &SECRET, &phone())
    };
    let own = || certified(&phone(), 5);
    assert_eq!(with(1, own(), two()), Ok(reply()));
    assert_eq!(with(9, own(), two()), Err(StatementError::Other));
    let old = list(5, 6, vec![device("laptop", 3, 0)]);
    assert_eq!(with(1, own(), old), Err(StatementError::Other), "an old one without it");
    let another = NewDevice { device_id: DeviceId::new("laptop").unwrap(), device_key: device_key(3), ..phone() };
    assert_eq!(with(1, certified(&another, 5), two()), Err(StatementError::Other), "another one's certificate");
    assert_eq!(with(1, certified(&phone(), 4), two()), Err(StatementError::Other), "of an earlier generation");
}

proptest! {
    #[test]
    fn foreign_bytes_never_pass(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let is_taken = |bytes: &[u8]| LinkReply::decode(bytes, &SECRET, &phone()).is_ok();
        prop_assert!(!is_taken(&[&[VERSION][..], &bytes].concat()));
        assert_all_of_it_counts(&reply().encode(), at, flip, is_taken);
    }
}
