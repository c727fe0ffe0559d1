use privmsg_protocol::limits::MAX_COUNTER;
use proptest::prelude::*;

use super::*;
use crate::test_keys::{account_key, assert_all_of_it_counts, certificate, hex, sign, signing_key};

#[test]
fn bytes_are_pinned() {
    let bytes = certificate(5).encode();
    insta::assert_snapshot!(hex(&bytes), @"0102616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000058139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394e415bcc15a37e1f320500f455ebf5f591d6df58680f7eeb2eca3c4103ca616a8f17ae7d9a4b3566418ce8a0cac43a9af80c2638c98653c7b7f128bf6d58a8904");
    assert_eq!(SigningKeyCertificate::decode(&bytes), Ok(certificate(5)));
}

#[test]
fn only_the_identity_vouches() {
    let user = UserId::new("al").unwrap();
    let by = |signer, generation| {
        let sign = |bytes: &[u8]| sign(signer, bytes);
        SigningKeyCertificate::signed_by(account_key(1), sign, &user, generation, signing_key(2))
    };
    assert_eq!(by(2, 5), Err(StatementError::Forged));
    assert_eq!(by(1, 0), Err(StatementError::Malformed), "generations begin with 1");
    assert_eq!(by(1, MAX_COUNTER + 1), Err(StatementError::Malformed));
    assert!(by(1, MAX_COUNTER).is_ok());
}

#[test]
fn a_newer_version_is_named() {
    let newer = StatementError::UpdateNeeded(UpdateNeeded { what: "signing key certificate version", number: 2 });
    assert_eq!(SigningKeyCertificate::decode(b"\x02 laid out otherwise"), Err(newer));
    assert_eq!(SigningKeyCertificate::decode(&[]), Err(StatementError::Malformed));
}

#[test]
fn a_second_spelling_is_refused() {
    let bytes = certificate(5).encode();
    let longer = [&bytes[..1], b"\x40\x02", &bytes[2..]].concat();
    assert_eq!(SigningKeyCertificate::decode(&longer), Err(StatementError::Malformed));
}

proptest! {
    #[test]
    fn foreign_bytes_never_pass(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let _ = SigningKeyCertificate::decode(&bytes);
        let _ = SigningKeyCertificate::decode(&[&[VERSION][..], &bytes].concat());
        assert_all_of_it_counts(&certificate(5).encode(), at, flip, |bytes| SigningKeyCertificate::decode(bytes).is_ok());
    }
}
