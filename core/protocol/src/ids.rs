//! Identifiers as types of their own, so that one can never stand where another belongs.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::limits::{MAX_COUNTER, MAX_DEVICE_ID_LEN, MAX_FILE_ID_LEN, MAX_USER_ID_LEN};

/// Why a string is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The string is empty or longer than this kind of identifier may be.
    #[error("must have 1 to {max} characters")]
    Length {
        /// Longest length allowed, in bytes.
        max: usize,
    },
    /// A character other than `A–Z a–z 0–9 . _ -`, or a dot in front.
    #[error("may contain only letters A-Z a-z, digits, '.', '_' and '-', and must not begin with '.'")]
    Character,
    /// Not a UUID.
    #[error("must be a UUID")]
    Uuid,
    /// Not so many bytes in unpadded URL-safe base64.
    #[error("must be {bytes} bytes in base64url without padding")]
    Bytes {
        /// How many there must be.
        bytes: usize,
    },
}

/// Checks the alphabet shared by all textual identifiers. It is safe in a URL path, a file name and a log line.
fn validate_text(s: &str, max: usize) -> Result<(), IdError> {
    if s.is_empty() || s.len() > max {
        return Err(IdError::Length { max });
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if s.starts_with('.') || !s.bytes().all(allowed) {
        return Err(IdError::Character);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Validates `s`.
            ///
            /// # Errors
            /// [`IdError`] if the length or a character is not allowed.
            pub fn new(s: &str) -> Result<Self, IdError> {
                validate_text(s, $max)?;
                Ok(Self(s.into()))
            }

            /// The identifier as it goes over the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                Self::new(s)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_str(ParsedString(std::marker::PhantomData))
            }
        }
    };
}

/// Parses any `FromStr` identifier without allocating a `String` first.
struct ParsedString<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = IdError>> serde::de::Visitor<'_> for ParsedString<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier")
    }

    fn visit_str<E: serde::de::Error>(self, s: &str) -> Result<T, E> {
        s.parse().map_err(E::custom)
    }
}

text_id! {
    /// An account's name on its server: 8 random characters, or chosen by the administrator. Case-sensitive.
    UserId, MAX_USER_ID_LEN
}

text_id! {
    /// A signed-in installation, named by the server at login. Unique on the server, not only within an account.
    DeviceId, MAX_DEVICE_ID_LEN
}

text_id! {
    /// A stored file. Unguessable: whoever knows it and has a session may fetch the ciphertext.
    FileId, MAX_FILE_ID_LEN
}

/// A message, named by its sender with a UUID. Clients make version 7 (RFC 9562), which keeps the server's
/// duplicate index local; any UUID is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl MessageId {
    /// The identifier with these 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// A version 7 UUID from the time (milliseconds since 1970) and ten random bytes.
    #[must_use]
    pub const fn v7(unix_ms: u64, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, random).into_uuid())
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for MessageId {
    type Err = IdError;
    fn from_str(s: &str) -> Result<Self, IdError> {
        Uuid::try_parse(s).map(Self).map_err(|_| IdError::Uuid)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// The identifier with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;
            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                bytes.try_into().map(Self).map_err(|_| IdError::Bytes { bytes: $len })
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(s: &str) -> Result<Self, IdError> {
                let mut bytes = [0; $len];
                match URL_SAFE_NO_PAD.decode_slice(s, &mut bytes) {
                    Ok($len) => Ok(Self(bytes)),
                    _ => Err(IdError::Bytes { bytes: $len }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

bytes_id! {
    /// An MLS group (RFC 9420, section 12.1 "group_id"), base64url on the wire: derived from the conversation that it
    /// carries and the incarnation of that.
    GroupId, 16
}

bytes_id! {
    /// A conversation, whichever MLS group carries it at the moment: derived from what it is, so that none can stand for
    /// another. Users know it as a chat.
    ConversationId, 32
}

macro_rules! string_serde {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_str(ParsedString(std::marker::PhantomData))
            }
        }
    )*};
}
string_serde!(MessageId, GroupId, ConversationId);

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                match u64::deserialize(d)? {
                    n if n <= MAX_COUNTER => Ok(Self(n)),
                    _ => Err(serde::de::Error::custom("number too large")),
                }
            }
        }
    };
}

counter! {
    /// An MLS epoch (RFC 9420, section 2): grows by one with each commit.
    Epoch
}

counter! {
    /// A place in a group's history. The server numbers messages and commits of a group 1, 2, 3, … without holes,
    /// so a client knows what it has missed.
    Seq
}

/// Which MLS group of a conversation it is: 1, 2, 3, … A conversation goes on in the next one when the one before cannot be
/// used any more, or somebody in it has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub u32);

impl Incarnation {
    /// That of a new conversation.
    pub const FIRST: Self = Self(1);

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_take_the_documented_alphabet() {
        for good in ["AbCd1234", "custom_user_id", "a", "a.b-c", &"x".repeat(64)] {
            assert_eq!(UserId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".hidden", "..", "a/b", "a b", "имя", "a\0", "a%2f"] {
            assert!(UserId::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(UserId::new(&"x".repeat(65)), Err(IdError::Length { max: 64 }));
    }

    #[test]
    fn uuid_version_7_is_ordered_by_time() {
        let older = MessageId::v7(1_700_000_000_000, &[0xff; 10]);
        let newer = MessageId::v7(1_700_000_000_001, &[0; 10]);
        assert!(older < newer);
        assert_eq!(older.to_string().as_bytes()[14], b'7');
    }

    #[test]
    fn group_ids_round_trip_and_refuse_other_lengths() {
        let id = GroupId::from_bytes([0xfb; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "+/+/+/+/+/+/+/+/+/+/+/"] {
            assert_eq!(bad.parse::<GroupId>(), Err(IdError::Bytes { bytes: 16 }), "{bad}");
        }
    }
}
