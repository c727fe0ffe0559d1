use proptest::prelude::*;

use super::*;
use crate::test_keys::{assert_all_of_it_counts, bobs_certificate, certificate, device, hex, list, sign};

fn two() -> DeviceList {
    list(5, 7, vec![device("phone", 4, 1_700_000_000), device("laptop", 3, 1_700_000_001)])
}

fn signed(counter: u64, devices: Vec<Device>) -> Result<DeviceList, StatementError> {
    DeviceList::signed_by(certificate(5), |bytes| sign(2, bytes), counter, devices)
}

#[test]
fn bytes_are_pinned() {
    let bytes = two().encode();
    insta::assert_snapshot!(hex(&bytes), @"0102616c00000000000000050000000000000007405d066c6170746f70ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1000000006553f1010570686f6e65ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c000000006553f100f6bfd214ac3c75752b3e2488836bd57525d238fd910b62db70685c8066120539d0c8862d28806bbd185a83230919e5852ee69613a18f5b405193bdee04f40000");
    insta::assert_snapshot!(hex(&two().hash()), @"ce949a0a142c6a4eb94e92d4a721fdf3ad1d8f439260a2d084750f12a0566208");
    assert_eq!(DeviceList::decode(&bytes, certificate(5)), Ok(two()));
    assert_eq!(two().number(), ListNumber { generation: 5, counter: 7 });
    assert!(two().has(&device("phone", 4, 0).device_id, &device("phone", 4, 0).device_key));
    assert!(!two().has(&device("phone", 4, 0).device_id, &device("phone", 3, 0).device_key), "by another's key");
}

#[test]
fn a_list_is_good_under_its_own_certificate_only() {
    let bytes = two().encode();
    assert_eq!(DeviceList::decode(&bytes, bobs_certificate(5)), Err(StatementError::Other));
    assert_eq!(DeviceList::decode(&bytes, certificate(6)), Err(StatementError::Other));
    let forged = DeviceList::signed_by(certificate(5), |bytes| sign(1, bytes), 7, Vec::new());
    assert_eq!(forged, Err(StatementError::Forged), "not even the identity signs lists");
}

#[test]
fn no_device_stands_there_twice() {
    assert_eq!(signed(1, vec![device("a", 3, 0), device("a", 4, 0)]), Err(StatementError::Malformed));
    assert_eq!(signed(1, vec![device("a", 3, 0), device("b", 3, 0)]), Err(StatementError::Malformed));
    assert_eq!(signed(0, vec![device("a", 3, 0)]), Err(StatementError::Malformed), "counters begin with 1");
    assert!(signed(1, Vec::new()).is_ok(), "an account may have no device for a time");
}

#[test]
fn so_many_devices_and_no_more() {
    let devices = |count: u8| (0..count).map(|n| device(&format!("{n:0>64}"), 100 + n, u64::MAX)).collect::<Vec<_>>();
    let most = signed(1, devices(32)).unwrap();
    assert_eq!(DeviceList::decode(&most.encode(), certificate(5)), Ok(most.clone()));
    assert!(most.encode().len() <= MAX_LEN);
    assert_eq!(signed(1, devices(33)), Err(StatementError::Malformed));
}

/// The signing key itself may have been stolen: what it signs must still be one spelling of a list.
#[test]
fn devices_out_of_order_are_no_list() {
    let mut list = two();
    list.devices.reverse();
    list.signature = sign(2, &labelled(LABEL, &list.fields()));
    assert_eq!(DeviceList::decode(&list.encode(), certificate(5)), Err(StatementError::Malformed));
}

#[test]
fn a_newer_version_is_named() {
    let newer = StatementError::UpdateNeeded(UpdateNeeded { what: "device list version", number: 2 });
    assert_eq!(DeviceList::decode(b"\x02 laid out otherwise", certificate(5)), Err(newer));
}

proptest! {
    #[test]
    fn foreign_bytes_never_pass(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let is_taken = |bytes: &[u8]| DeviceList::decode(bytes, certificate(5)).is_ok();
        prop_assert!(!is_taken(&[&[VERSION][..], &bytes].concat()));
        assert_all_of_it_counts(&two().encode(), at, flip, is_taken);
    }
}
