use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_TEXT_LEN, cbor};

/// A message of one's own says something else now.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Edit {
    /// The new text, or the new caption of files: at most [`MAX_TEXT_LEN`] bytes. Only a caption may be empty.
    #[n(0)]
    pub text: String,
}

impl Kind for Edit {
    const NUMBER: u32 = 4;
    const NAME: &'static str = "edit";
    const ABOUT: AboutRule = AboutRule::Needed;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        if self.text.len() <= MAX_TEXT_LEN { Ok(()) } else { Err(ContentError::Size("text")) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show the text.
impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edit(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len};

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&Edit { text: "hi".to_owned() }), @"8204a100626869");
    }

    #[test]
    fn a_caption_can_be_taken_away_but_a_text_is_not_too_long() {
        assert!(encoded_len(&Edit { text: String::new() }).is_ok());
        assert!(encoded_len(&Edit { text: "x".repeat(MAX_TEXT_LEN) }).is_ok());
        assert_eq!(encoded_len(&Edit { text: "x".repeat(MAX_TEXT_LEN + 1) }), Err(ContentError::Size("text")));
    }
}
