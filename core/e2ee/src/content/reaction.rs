use std::fmt;

use minicbor::{Decode, Encode};
use privmsg_protocol::is_ignorable;
use unicode_segmentation::UnicodeSegmentation as _;
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_EMOJI_LEN, cbor};

/// An emoji beside a message, or its removal.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reaction {
    /// What is shown as one sign: one grapheme cluster (Unicode Standard Annex 29) of at most [`MAX_EMOJI_LEN`] bytes
    /// that is seen.
    #[n(0)]
    pub emoji: String,
    /// Whether it is taken back.
    #[cbor(n(1), default, skip_if = "is_false")]
    pub removed: bool,
}

impl Kind for Reaction {
    const NUMBER: u32 = 3;
    const NAME: &'static str = "reaction";
    const ABOUT: AboutRule = AboutRule::Needed;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        if is_one_sign(&self.emoji) { Ok(()) } else { Err(ContentError::Emoji) }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        Ok(cbor::encode(self))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        cbor::decode(bytes, Self::NAME)
    }
}

/// Does not show which emoji.
impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reaction(… removed: {})", self.removed)
    }
}

/// A line break or a change of direction is a grapheme cluster as well, but only alone (rules GB4 and GB5), so that it
/// is enough to look at the first character for what is not seen.
fn is_one_sign(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    text.len() <= MAX_EMOJI_LEN
        && text.graphemes(true).nth(1).is_none()
        && !first.is_whitespace()
        && !is_ignorable(first)
        && !text.chars().any(char::is_control)
}

fn is_false(removed: &bool) -> bool {
    !removed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len, read_body};

    fn reaction(emoji: &str, removed: bool) -> Reaction {
        Reaction { emoji: emoji.to_owned(), removed }
    }

    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(body_hex(&reaction("👍", false)), @"8203a10064f09f918d");
        insta::assert_snapshot!(body_hex(&reaction("👍", true)), @"8203a20064f09f918d01f5");
        assert_eq!(read_body::<Reaction>(b"\xa2\x00\x61!\x01\xf4"), Ok(reaction("!", false)));
    }

    #[test]
    fn what_is_shown_as_one_sign_is_one() {
        let family = "👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏿";
        let england = "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        for sign in ["👍", "👍🏽", "❤\u{fe0f}", "🇩🇪", "1\u{fe0f}\u{20e3}", "é", "ё", family, england] {
            assert!(encoded_len(&reaction(sign, false)).is_ok(), "{sign:?}");
        }
    }

    /// Somebody's reaction is shown beside other people's messages: it must not be a text, nor nothing, nor turn the
    /// line around.
    #[test]
    fn anything_else_is_refused_at_both_ends() {
        let tower = format!("o{}", "\u{301}".repeat(40));
        for text in [
            "",
            " ",
            "👍👍",
            "ok",
            "\n",
            "\r\n",
            "\t",
            "\u{202e}",
            "\u{200d}",
            "\u{fe0f}",
            "\u{feff}",
            "\u{e0067}",
            "\u{3164}",
            "\u{2028}",
            "👍\n",
            "🇩🇪🇫🇷",
            &tower,
        ] {
            assert_eq!(encoded_len(&reaction(text, false)), Err(ContentError::Emoji), "{text:?}");
            let body = cbor::encode(&reaction(text, true));
            assert_eq!(read_body::<Reaction>(&body), Err(ContentError::Emoji), "{text:?}");
        }
    }
}
