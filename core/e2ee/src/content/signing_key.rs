use std::fmt;

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use privmsg_mls_public::SigningKeyCertificate;
use zeroize::{Zeroize as _, Zeroizing};

use super::{AboutRule, ContentError, IfUnknown, Kind, cbor};
use crate::AccountSigningKey;

/// The account signing key of a generation, for one's own other devices. It counts in the conversation with oneself
/// only, and from a device of the newest device list.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(pub AccountSigningKey);

#[derive(Encode, Decode)]
#[cbor(map)]
struct Body {
    #[n(0)]
    certificate: ByteVec,
    #[n(1)]
    key: ByteArray<32>,
}

impl Drop for Body {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Kind for SigningKey {
    const NUMBER: u32 = 16;
    const NAME: &'static str = "signing key";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        Ok(())
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        let certificate = self.0.certificate().encode().into();
        Ok(cbor::encode(&Body { certificate, key: (*self.0.to_bytes()).into() }))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        let malformed = |_| ContentError::Malformed(Self::NAME);
        let body: Body = cbor::decode(bytes, Self::NAME)?;
        let certificate = SigningKeyCertificate::decode(&body.certificate).map_err(malformed)?;
        AccountSigningKey::from_bytes(&body.key, certificate).map(Self).map_err(malformed)
    }
}

/// A device of the account that has no signing key asks the others for it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SigningKeyWanted {}

impl Kind for SigningKeyWanted {
    const NUMBER: u32 = 17;
    const NAME: &'static str = "wish for the signing key";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        Ok(())
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::UserId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;
    use crate::AccountKey;
    use crate::content::envelope::tests::{body_hex, read_body};

    fn signing_key(generation: u64) -> AccountSigningKey {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let alice = UserId::new("alice").unwrap();
        AccountKey::from_bytes(&[1; 32]).begin_generation(&alice, generation, &mut rng).unwrap()
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&SigningKey(signing_key(7))), @"8210a200588f0105616c6963658a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000074d4b18062f8502598de045ca7b69f067f59f93b16e3af8733a988adc2341f5c8edd516e2bc5c4c99690cb98c45182da3b5f200c799542dca8dcf6b98c57da2cc09e08d1a1ee00a40e75da0df435f0f93c045daa01aaeb20f1f0984cde594ef0c015820023f37203a2476c42566a61cc55c3ca875dbb4cc41c0deb789f8e7bf88183638");
        insta::assert_snapshot!(body_hex(&SigningKeyWanted {}), @"8211a0");
    }

    #[test]
    fn a_key_that_is_not_the_certificates_is_refused() {
        let body = SigningKey(signing_key(7)).encode_body().unwrap();
        assert_eq!(read_body(&body), Ok(SigningKey(signing_key(7))));
        let mut other = body.to_vec();
        *other.last_mut().unwrap() ^= 1;
        assert_eq!(read_body::<SigningKey>(&other), Err(ContentError::Malformed("signing key")));
    }
}
