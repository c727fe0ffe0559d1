use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_TITLE_LEN, cbor};

/// What a group of people is called.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Title {
    /// One line, not empty, at most [`MAX_TITLE_LEN`] bytes.
    #[n(0)]
    pub title: String,
    /// It is not new: told for those who have not heard of it.
    #[cbor(n(1), default, skip_if = "is_false")]
    pub again: bool,
}

impl Kind for Title {
    const NUMBER: u32 = 6;
    const NAME: &'static str = "title";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        let sized = (1..=MAX_TITLE_LEN).contains(&self.title.len()) && !self.title.trim().is_empty();
        if sized && !self.title.chars().any(char::is_control) { Ok(()) } else { Err(ContentError::Size("title")) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show the title.
impl fmt::Debug for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Title(… again: {})", self.again)
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len};

    fn title(title: &str, again: bool) -> Title {
        Title { title: title.to_owned(), again }
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&title("хор", false)), @"8206a10066d185d0bed180");
        insta::assert_snapshot!(body_hex(&title("Choir", true)), @"8206a2006543686f697201f5");
    }

    #[test]
    fn a_title_is_one_line_that_is_seen() {
        assert!(encoded_len(&title(&"x".repeat(MAX_TITLE_LEN), false)).is_ok());
        for bad in ["", "  ", "a\nb", "\u{1b}[2J", &"x".repeat(MAX_TITLE_LEN + 1)] {
            assert_eq!(encoded_len(&title(bad, false)), Err(ContentError::Size("title")), "{bad:?}");
        }
    }
}
