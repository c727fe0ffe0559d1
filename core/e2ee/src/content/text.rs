use std::fmt;

use minicbor::{Decode, Encode};
use privmsg_protocol::UserId;
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_MENTIONS, MAX_TEXT_LEN, cbor};

/// A text.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Text {
    /// Not empty, at most [`MAX_TEXT_LEN`] bytes.
    #[n(0)]
    pub text: String,
    /// Whom it speaks to by name, at most [`MAX_MENTIONS`]. Whether they take part is for the reader to see.
    #[cbor(n(1), with = "cbor::user_ids", default, skip_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

impl Text {
    /// A text that speaks to nobody by name.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), mentions: Vec::new() }
    }
}

impl Kind for Text {
    const NUMBER: u32 = 0;
    const NAME: &'static str = "text";
    const ABOUT: AboutRule = AboutRule::Optional;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Placeholder
    }

    fn check(&self) -> Result<(), ContentError> {
        if !(1..=MAX_TEXT_LEN).contains(&self.text.len()) {
            return Err(ContentError::Size("text"));
        }
        if self.mentions.len() > MAX_MENTIONS { Err(ContentError::Size("mentions")) } else { Ok(()) }
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
        Text::new(text)
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&text("привет")), @"8200a1006cd0bfd180d0b8d0b2d0b5d182");
    }

    #[test]
    fn whom_it_speaks_to_stands_beside_it() {
        let bob = || "bob".parse().unwrap();
        let mentioning = Text { mentions: vec![bob()], ..text("hi @bob") };
        insta::assert_snapshot!(body_hex(&mentioning), @"8200a2006768692040626f62018163626f62");
        assert_eq!(
            read_body::<Text>(b"\xa2\x00\x62hi\x01\x81\x63bob"),
            Ok(Text { mentions: vec![bob()], ..text("hi") })
        );
        let many = Text { mentions: vec![bob(); MAX_MENTIONS + 1], ..text("hi") };
        assert_eq!(encoded_len(&many), Err(ContentError::Size("mentions")));
        assert_eq!(read_body::<Text>(b"\xa2\x00\x62hi\x01\x81\x62a "), Err(ContentError::Malformed("text")));
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
