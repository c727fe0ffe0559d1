use super::*;
use crate::test_keys::{device_key, hex, recovery_key, sign};

fn sign_in() -> SignIn {
    let (user_id, device_id) = (UserId::new("al").unwrap(), DeviceId::new("phone").unwrap());
    SignIn { user_id, device_id, challenge: [9; 32] }
}

#[test]
fn bytes_are_pinned() {
    insta::assert_snapshot!(hex(&sign_in().encode()), @"0102616c0570686f6e650909090909090909090909090909090909090909090909090909090909090909");
    insta::assert_snapshot!(hex(&sign(3, &sign_in().by_device())), @"b1f6d8b88ef3ce037eb44d5a28a00af201d03f29062047dd735ae069e5087a436914741ee7c9aee501f799ea57f290d45c7042aa86154600c3d88889cd27d306");
    insta::assert_snapshot!(hex(&sign(4, &sign_in().by_recovery())), @"712ae4c9c703f14599c74388016298f1367f5deee2cdd00c06591b35bb279b9f3496737df3bfa88d447edc62392266dd93694cd1a58daeb2256c4b9ef705ba02");
}

#[test]
fn a_signature_lets_in_one_device_of_one_account_once_and_one_way() {
    let (device, recovery) = (sign(3, &sign_in().by_device()), sign(3, &sign_in().by_recovery()));
    assert!(sign_in().is_signed_by_device(&device_key(3), &device));
    assert!(sign_in().is_signed_by_recovery(&recovery_key(3), &recovery));
    assert!(!sign_in().is_signed_by_device(&device_key(3), &recovery));
    assert!(!sign_in().is_signed_by_recovery(&recovery_key(3), &device));
    assert!(!sign_in().is_signed_by_device(&device_key(4), &device));
    let others = [
        SignIn { user_id: UserId::new("bob").unwrap(), ..sign_in() },
        SignIn { device_id: DeviceId::new("laptop").unwrap(), ..sign_in() },
        SignIn { challenge: [8; 32], ..sign_in() },
        SignIn { user_id: UserId::new("alp").unwrap(), device_id: DeviceId::new("hone").unwrap(), ..sign_in() },
    ];
    for other in others {
        assert!(!other.is_signed_by_device(&device_key(3), &device), "{other:?}");
    }
}

#[test]
fn an_answer_is_a_challenge_and_its_signature() {
    let answered = AnsweredChallenge { challenge: [9; 32], signature: [7; 64] };
    let bytes = answered.encode();
    assert_eq!((&bytes[..32], &bytes[32..]), ([9; 32].as_slice(), [7; 64].as_slice()));
    assert_eq!(AnsweredChallenge::decode(&bytes), Some(answered));
    for other in [&[][..], &bytes[..95], &[bytes.as_slice(), &[0]].concat()] {
        assert_eq!(AnsweredChallenge::decode(other), None);
    }
}
