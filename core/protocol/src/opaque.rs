//! Bytes that only the ends understand.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Base64 text (standard alphabet, padded) that is carried and stored as it came.
///
/// The server relays it without looking inside, so it is decoded only where it is read: by [`Opaque::decode`] in a
/// client. `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opaque(Box<str>);

impl Opaque {
    /// Encodes `bytes`.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> Self {
        Self(STANDARD.encode(bytes).into())
    }

    /// Takes text that is already base64, without checking it.
    #[must_use]
    pub fn from_base64(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The bytes, or `None` if a sender or a server has put something else here.
    #[must_use]
    pub fn decode(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.0.as_bytes()).ok()
    }

    /// The text as it goes over the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Length of the encoded text in bytes; what limits are measured against.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no content at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_the_content() {
        assert_eq!(format!("{:?}", Opaque::encode(b"secret")), "Opaque(8 bytes)");
    }

    #[test]
    fn decoding_what_is_not_base64_is_none() {
        assert_eq!(Opaque::from_base64("%%%").decode(), None);
        assert_eq!(Opaque::encode(&[1, 2, 3]).decode(), Some(vec![1, 2, 3]));
    }
}
