//! What the server is told of a message's kind.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::MAX_MESSAGE_TYPE_LEN;

macro_rules! message_types {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// What a message is, as far as the server is told. Unknown types are relayed as they are.
        ///
        /// PrivMsg's own clients send every conversation message as [`MessageType::Text`], whatever it is: its kind is
        /// inside the ciphertext.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum MessageType {
            $($(#[$doc])* $variant,)*
            /// A type that this build does not know.
            Other(Box<str>),
        }

        impl MessageType {
            /// Every type that this build knows.
            pub const ALL: &'static [MessageType] = &[$(MessageType::$variant),*];

            /// The type as it goes over the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for MessageType {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }
    };
}

message_types! {
    /// Text message.
    Text = "text";
    /// Voice message.
    Voice = "voice";
    /// Video message.
    Video = "video";
    /// Picture.
    Image = "image";
    /// File.
    File = "file";
    /// Call signal that is stored until delivered.
    CallSignal = "call_signal";
    /// MLS handshake: a commit or a welcome (RFC 9420, sections 12.4 and 12.4.3.1).
    KeyExchange = "key_exchange";
    /// Read receipt.
    ReadReceipt = "read_receipt";
    /// Typing indicator.
    TypingIndicator = "typing_indicator";
    /// Notice of the server that a group's set of devices has changed; has no content. Members compare the
    /// group's leaves with its devices and commit the difference.
    DeviceSync = "device_sync";
    /// Notice of the server that something about the receiver's own account has changed: its device list, its access key,
    /// whom it blocks, that a device waits to be let in, or that its identity is to be replaced. Has no content and no group.
    AccountSync = "account_sync";
    /// Notice of the server that it has kept messages of a group from the receiver, whose sender the receiver has blocked: those
    /// from `first_seq` to `seq`. Has no content.
    Withheld = "withheld";
}

impl Serialize for MessageType {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for MessageType {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = MessageType;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a message type")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<MessageType, E> {
                if text.is_empty() || text.len() > MAX_MESSAGE_TYPE_LEN {
                    return Err(E::custom("message type too short or too long"));
                }
                Ok(text.into())
            }
        }
        d.deserialize_str(Text)
    }
}
