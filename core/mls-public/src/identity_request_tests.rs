use super::*;
use crate::test_keys::{account_key, hex, sign};

fn request() -> IdentityRequest {
    IdentityRequest::new(UserId::new("al").unwrap(), [9; 32], IdentityAction::SealIdentity, b"body")
}

#[test]
fn bytes_are_pinned() {
    insta::assert_snapshot!(hex(&request().encode()), @"0102616c090909090909090909090909090909090909090909090909090909090909090902230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5");
    insta::assert_snapshot!(hex(&sign(1, &request().to_sign())), @"ebce5864816d7637b3cb579d10c5fb31bee5ab9dc7e0b8fda8dc5a311d8bb0c5218c3207943307a96802d87eb3ac6e12b8ccd26431dba1e32bbd111c5ad31a0e");
}

#[test]
fn a_signature_is_good_for_one_request() {
    let signature = sign(1, &request().to_sign());
    assert!(request().is_signed_by(&account_key(1), &signature));
    assert!(!request().is_signed_by(&account_key(2), &signature));
    let others = [
        IdentityRequest { user_id: UserId::new("bob").unwrap(), ..request() },
        IdentityRequest { challenge: [8; 32], ..request() },
        IdentityRequest { action: IdentityAction::SetAccessKey, ..request() },
        IdentityRequest::new(UserId::new("al").unwrap(), [9; 32], IdentityAction::SealIdentity, b"another"),
    ];
    for other in others {
        assert!(!other.is_signed_by(&account_key(1), &signature), "{other:?}");
    }
}
