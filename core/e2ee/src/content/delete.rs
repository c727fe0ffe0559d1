use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, cbor};

/// A message of one's own is taken back, on everybody's devices.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Delete {}

impl Kind for Delete {
    const NUMBER: u32 = 5;
    const NAME: &'static str = "delete";
    const ABOUT: AboutRule = AboutRule::Needed;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, read_body};

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&Delete {}), @"8205a0");
        assert_eq!(read_body::<Delete>(b"\xa1\x00\x61?"), Ok(Delete {}), "a reason, which a newer client gives");
    }
}
