//! Random names and keys, and how the server remembers keys without being able to show them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privmsg_protocol::limits::GENERATED_USER_ID_LEN;
use privmsg_protocol::{DeviceId, FileId, MessageId, Secret, UserId};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Characters of a `device_id` that the server makes.
const DEVICE_ID_LEN: usize = 16;

/// SHA-256 of a key of 256 random bits. Such a key needs no salt and no slow hash: it cannot be guessed.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash([u8; 32]);

impl KeyHash {
    /// A hash that no key has, to compare with where there is no user, in the same time.
    pub(crate) const NOBODY: Self = Self([0; 32]);

    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Serialize for KeyHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        Self::from_slice(&bytes).ok_or_else(|| D::Error::custom("not a hash"))
    }
}

/// Bytes from the operating system's random source.
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has a random source");
    bytes
}

/// A new access key, session token or admin key: 32 random bytes, base64url.
pub(crate) fn random_key() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(random_bytes::<32>()))
}

/// Whether this has the form of what [`random_key`] makes.
pub(crate) fn is_key(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

pub(crate) fn random_file_id() -> FileId {
    FileId::new(&URL_SAFE_NO_PAD.encode(random_bytes::<32>())).expect("base64url is allowed")
}

/// The id of a file, if this is what [`random_file_id`] makes. Only such names in the folder of files are the server's
/// own, to be deleted when nobody needs them.
pub(crate) fn generated_file_id(name: &str) -> Option<FileId> {
    URL_SAFE_NO_PAD.decode(name).ok().filter(|bytes| bytes.len() == 32).and_then(|_| FileId::new(name).ok())
}

pub(crate) fn random_user_id() -> UserId {
    UserId::new(&random_text(GENERATED_USER_ID_LEN)).expect("letters and digits are allowed")
}

pub(crate) fn random_device_id() -> DeviceId {
    DeviceId::new(&random_text(DEVICE_ID_LEN)).expect("letters and digits are allowed")
}

/// An id for what the server itself sends: welcomes and notices.
pub(crate) fn random_message_id(unix_ms: i64) -> MessageId {
    MessageId::v7(u64::try_from(unix_ms).unwrap_or(0), &random_bytes())
}

/// Letters and digits without those that look alike when read aloud or copied by hand. There are 56, so a byte is
/// taken only below 224 = 4 × 56: each is then equally likely.
fn random_text(len: usize) -> String {
    const ALPHABET: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut text = String::with_capacity(len);
    while text.len() < len {
        for byte in random_bytes::<32>() {
            let index = usize::from(byte);
            if index < 4 * ALPHABET.len() && text.len() < len {
                text.push(char::from(ALPHABET[index % ALPHABET.len()]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_matches_only_its_own_hash() {
        let key = random_key();
        assert!(KeyHash::of(key.expose()).matches(&KeyHash::of(key.expose())));
        assert!(!KeyHash::of(key.expose()).matches(&KeyHash::NOBODY));
        assert_eq!(key.expose().len(), 43);
    }

    #[test]
    fn generated_names_have_their_lengths() {
        assert_eq!(random_user_id().as_str().len(), GENERATED_USER_ID_LEN);
        assert_eq!(random_device_id().as_str().len(), DEVICE_ID_LEN);
        assert_eq!(random_file_id().as_str().len(), 43);
        assert!(generated_file_id(random_file_id().as_str()).is_some());
        for foreign in ["privmsg.db", "privmsg.db-wal", "", "notes", &"A".repeat(42), &"A".repeat(44)] {
            assert_eq!(generated_file_id(foreign), None, "{foreign}");
        }
    }
}
