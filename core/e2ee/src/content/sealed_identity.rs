use std::fmt;

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use privmsg_mls_public::{AccountPublicKey, IdentityAction, IdentityRequest, RecoveryPublicKey};
use privmsg_protocol::UserId;
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, cbor};

/// Far more than a sealed identity has: 61 bytes.
const MAX_SEALED_LEN: usize = 1024;

/// The identity, sealed with other recovery words, for one's own other devices: each keeps a copy. With the signature by which
/// the server has taken it: nobody but who has the identity puts another in its place.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedIdentity {
    #[n(0)]
    sealed: ByteVec,
    #[n(1)]
    recovery_key: ByteArray<32>,
    #[n(2)]
    challenge: ByteArray<32>,
    #[n(3)]
    signature: ByteArray<64>,
}

impl SealedIdentity {
    /// As the server was asked to keep it.
    #[must_use]
    pub fn new(sealed: Vec<u8>, recovery_key: &RecoveryPublicKey, challenge: [u8; 32], signature: [u8; 64]) -> Self {
        let recovery_key = (*recovery_key.as_bytes()).into();
        Self { sealed: sealed.into(), recovery_key, challenge: challenge.into(), signature: signature.into() }
    }

    /// What the server keeps and signs for: the sealed identity, and the recovery sign-in key of the same words.
    #[must_use]
    pub fn body(sealed: &[u8], recovery_key: &RecoveryPublicKey) -> Vec<u8> {
        [sealed, recovery_key.as_bytes()].concat()
    }

    /// The sealed identity, if this is the account whose identity has signed for it.
    #[must_use]
    pub fn signed_by(&self, identity: &AccountPublicKey, user_id: &UserId) -> Option<&[u8]> {
        let body = [self.sealed.as_slice(), self.recovery_key.as_slice()].concat();
        let request = IdentityRequest::new(user_id.clone(), *self.challenge, IdentityAction::SealIdentity, &body);
        request.is_signed_by(identity, &self.signature).then_some(&self.sealed)
    }
}

impl Kind for SealedIdentity {
    const NUMBER: u32 = 19;
    const NAME: &'static str = "sealed identity";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        let sized = (1..=MAX_SEALED_LEN).contains(&self.sealed.len());
        if sized { Ok(()) } else { Err(ContentError::Size(Self::NAME)) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show it.
impl fmt::Debug for SealedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedIdentity(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len};
    use crate::{AccountKey, RecoveryKey};

    fn alice() -> UserId {
        UserId::new("alice").unwrap()
    }

    const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn sealed_by(identity: &AccountKey, sealed: &[u8]) -> SealedIdentity {
        let key = WORDS.parse::<RecoveryKey>().unwrap().sign_in_key();
        let body = SealedIdentity::body(sealed, &key);
        let request = IdentityRequest::new(alice(), [3; 32], IdentityAction::SealIdentity, &body);
        SealedIdentity::new(sealed.to_vec(), &key, [3; 32], identity.ask(&request))
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&sealed_by(&AccountKey::from_bytes(&[1; 32]), b"sealed")), @"8213a400467365616c6564015820c023ca4e4d2abbbcca776c8660b249ac1873cf8c136f876d76a7dcced5a0d6010258200303030303030303030303030303030303030303030303030303030303030303035840c5cd0d82ee32a0b490a1a54b30ddcf86ce83d718a7d4d9d79a17112f548f781fc68bbe9c3e92159fc5a3ec14e7b42bd4849fb416e20c11f1975492e1d849f60a");
    }

    #[test]
    fn only_the_identity_signs_for_what_is_sealed() {
        let identity = AccountKey::from_bytes(&[1; 32]);
        let good = sealed_by(&identity, b"sealed");
        let by = |sealed: &SealedIdentity, identity: &AccountKey, user: &str| {
            sealed.signed_by(&identity.public(), &UserId::new(user).unwrap()).map(<[u8]>::to_vec)
        };
        assert_eq!(by(&good, &identity, "alice"), Some(b"sealed".to_vec()));
        assert_eq!(by(&good, &AccountKey::from_bytes(&[2; 32]), "alice"), None);
        assert_eq!(by(&good, &identity, "bob"), None);
        let other = SealedIdentity { sealed: b"thiefs".to_vec().into(), ..good.clone() };
        assert_eq!(by(&other, &identity, "alice"), None);
        let other = SealedIdentity { recovery_key: [9; 32].into(), ..good };
        assert_eq!(by(&other, &identity, "alice"), None);
        // An access key is set by the same identity, with a signature for something else.
        let request = IdentityRequest::new(alice(), [3; 32], IdentityAction::SetAccessKey, b"sealed");
        let key = WORDS.parse::<RecoveryKey>().unwrap().sign_in_key();
        let other = SealedIdentity::new(b"sealed".to_vec(), &key, [3; 32], identity.ask(&request));
        assert_eq!(by(&other, &identity, "alice"), None);
    }

    #[test]
    fn nothing_is_kept_that_is_far_too_long() {
        let identity = AccountKey::from_bytes(&[1; 32]);
        assert!(encoded_len(&sealed_by(&identity, &[0; MAX_SEALED_LEN])).is_ok());
        for bad in [0, MAX_SEALED_LEN + 1] {
            let sealed = sealed_by(&identity, &vec![0; bad]);
            assert_eq!(encoded_len(&sealed), Err(ContentError::Size("sealed identity")));
        }
    }
}
