use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_TEXT_LEN, cbor};

/// A text.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Text {
    /// Not empty, at most [`MAX_TEXT_LEN`] bytes.
    #[n(0)]
    pub text: String,
}

impl Kind for Text {
    const NUMBER: u32 = 0;
    const NAME: &'static str = "text";
    const ABOUT: AboutRule = AboutRule::Optional;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Placeholder
    }

    fn check(&self) -> Result<(), ContentError> {
        if (1..=MAX_TEXT_LEN).contains(&self.text.len()) { Ok(()) } else { Err(ContentError::Size("text")) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show the text: this ends up in logs too easily.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len, read_body};

    fn text(text: &str) -> Text {
        Text { text: text.to_owned() }
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&text("привет")), @"8200a1006cd0bfd180d0b8d0b2d0b5d182");
    }

    #[test]
    fn a_text_is_not_empty_and_not_too_long() {
        assert!(encoded_len(&text(&"x".repeat(MAX_TEXT_LEN))).is_ok());
        assert_eq!(encoded_len(&text(&"x".repeat(MAX_TEXT_LEN + 1))), Err(ContentError::Size("text")));
        assert_eq!(encoded_len(&text("")), Err(ContentError::Size("text")));
        assert_eq!(read_body::<Text>(b"\xa1\x00\x60"), Err(ContentError::Size("text")), "the sender did not check");
    }

    #[test]
    fn what_a_newer_client_adds_is_passed_over() {
        assert_eq!(read_body::<Text>(b"\xa2\x00\x62hi\x09\x81\x64bold"), Ok(text("hi")));
    }
}
