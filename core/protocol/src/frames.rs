//! WebSocket frames: text messages `{"type": …, "payload": …}` over `/ws`.
//!
//! A client authenticates first, then receives its mailbox in order, then `caught_up`, then what arrives.
//!
//! | client → server | server → client |
//! |---|---|
//! | `authenticate`, `message`, `ack`, `typing`, `presence`, `call_signal`, `ping` | `authenticated`, `message`, `caught_up`, `ack`, `typing`, `presence`, `call_signal`, `pong`, `error` |

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::error::ErrorCode;
use crate::ids::{DeviceId, Epoch, GroupId, MessageId, Seq, UserId};
use crate::limits::MAX_MESSAGE_TYPE_LEN;
use crate::opaque::Opaque;
use crate::secret::Secret;

/// First frame of a client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authenticate {
    /// Session token from login.
    pub token: Secret,
}

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

/// A message from a client: to a user (`recipient_id`, an opaque body for all devices of that user and the sender's
/// other devices) or to a group (`group_id` and the `epoch` that it is encrypted in). Exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// Made by the sender; sending the same again is answered with the same `ack`.
    pub message_id: MessageId,
    /// Must be the session's user.
    pub sender_id: UserId,
    /// Receiving user, for a message outside of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<UserId>,
    /// Receiving group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Epoch that a group message is encrypted in. Must be the group's current one when the server takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Ciphertext; an MLS PrivateMessage where a group is named.
    pub encrypted_content: Opaque,
    /// What the server is told about the kind.
    pub message_type: MessageType,
    /// Seconds since 1970 by the sender's clock.
    pub timestamp: i64,
}

/// A message as a device receives it, from the mailbox or live.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredMessage {
    /// As the sender made it; acknowledge with it.
    pub message_id: MessageId,
    /// Sending user, by the server's word. What counts is the sender that MLS authenticates.
    pub sender_id: UserId,
    /// Sending device; absent in notices of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_device_id: Option<DeviceId>,
    /// Set for a message outside of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<UserId>,
    /// Set for a group message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Epoch that the sender named; for a commit the one it builds on, for a welcome the one it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Place in the group's history. A welcome carries that of the commit that it belongs to; a notice has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// Ciphertext.
    pub encrypted_content: Opaque,
    /// What the server was told about the kind.
    pub message_type: MessageType,
    /// Seconds since 1970: the sender's clock for messages, the server's for notices.
    pub timestamp: i64,
}

/// Acknowledgement, in both directions. A client acknowledges what it has stored; the server what is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The messages.
    pub message_ids: Vec<MessageId>,
    /// From the server, for group messages: the places that they got. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

/// Where a message of one's own stands in its group's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The message.
    pub message_id: MessageId,
    /// Its group.
    pub group_id: GroupId,
    /// Its place.
    pub seq: Seq,
}

/// Typing notice from a client. Ephemeral.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendTyping {
    /// Who shall see it.
    pub recipient_id: UserId,
    /// Started or stopped.
    pub is_typing: bool,
}

/// Typing notice to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Who is typing.
    pub user_id: UserId,
    /// Started or stopped.
    pub is_typing: bool,
}

/// Whether somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// Connected.
    Online,
    /// Connected, but not at the device.
    Away,
    /// Connected, and does not want to be disturbed.
    Busy,
    /// Not connected, or does not want to be seen.
    Offline,
}

/// Presence from a client about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendPresence {
    /// New status.
    pub status: PresenceStatus,
}

/// Presence of somebody with whom the receiver has a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub user_id: UserId,
    /// Status.
    pub status: PresenceStatus,
}

/// A call signal that is relayed to connected devices and not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSignal {
    /// Receiving user; set by the sender.
    pub recipient_id: UserId,
    /// Sending user; set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_id: Option<UserId>,
    /// Sending device; set by the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_device_id: Option<DeviceId>,
    /// Ciphertext.
    pub encrypted_content: Opaque,
}

/// Answer to [`Authenticate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticated {
    /// Whose session it is.
    pub user_id: UserId,
    /// Which device it is.
    pub device_id: DeviceId,
    /// [`crate::PROTOCOL_VERSION`] of the server.
    #[serde(default)]
    pub protocol_version: u32,
}

/// Something went wrong; the connection lives on unless the server closes it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorFrame {
    /// Stable code.
    pub code: ErrorCode,
    /// A sentence for people, in English.
    pub message: Box<str>,
    /// The message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// Milliseconds to wait before trying again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The group's current epoch, with [`ErrorCode::StaleEpoch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
}

/// Everything that a client may send.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Sign this connection in.
    Authenticate(Authenticate),
    /// Send a message.
    Message(SendMessage),
    /// These messages are stored; the mailbox may forget them.
    Ack(Ack),
    /// Typing.
    Typing(SendTyping),
    /// Own presence.
    Presence(SendPresence),
    /// Call signal.
    CallSignal(CallSignal),
    /// Are you there?
    Ping,
}

/// Everything that the server may send.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", content = "payload", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The connection is signed in.
    Authenticated(Authenticated),
    /// A message from the mailbox.
    Message(DeliveredMessage),
    /// The mailbox has been delivered up to here; what follows arrives as it is sent.
    CaughtUp,
    /// These messages are durable.
    Ack(Ack),
    /// Typing.
    Typing(Typing),
    /// Presence.
    Presence(Presence),
    /// Call signal.
    CallSignal(CallSignal),
    /// I am here.
    Pong,
    /// Something went wrong.
    Error(ErrorFrame),
}

/// A frame that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, no `type`, or a payload that does not fit it.
    #[error("malformed frame: {reason}")]
    Malformed {
        /// What the parser says, without any content of the frame.
        reason: String,
        /// The message that the frame was about, where one could be found.
        message_id: Option<MessageId>,
    },
    /// A `type` that this side does not know.
    #[error("unknown frame type")]
    UnknownType,
}

impl FrameError {
    /// The code that the server answers with.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed { .. } => ErrorCode::MalformedFrame,
            Self::UnknownType => ErrorCode::UnknownFrameType,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// Only what is needed to say which message a broken frame was about.
#[derive(Deserialize)]
struct AboutMessage {
    message_id: MessageId,
}

fn malformed(error: &serde_json::Error, payload: &str) -> FrameError {
    FrameError::Malformed {
        reason: describe(error),
        message_id: object::<AboutMessage>(payload).ok().map(|about| about.message_id),
    }
}

/// Where the parser stopped and why. Serde's own text can quote the input, which must not reach a log.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not valid JSON",
        serde_json::error::Category::Data => "a field is missing or has a wrong value",
        serde_json::error::Category::Eof => "ends too early",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

fn payload<T: DeserializeOwned>(raw: Option<&RawValue>) -> Result<T, FrameError> {
    let text = raw.map_or("null", RawValue::get);
    object(text).map_err(|e| malformed(&e, text))
}

/// Reads a JSON object. Serde would also take an array as a struct, field by field, and make an order of fields part of
/// the protocol that nobody has promised.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    let first = text.trim_start_matches([' ', '\t', '\r', '\n']);
    if first.starts_with('[') {
        return Err(serde::de::Error::custom("not an object"));
    }
    serde_json::from_str(text)
}

fn envelope(text: &str) -> Result<Envelope<'_>, FrameError> {
    object(text).map_err(|e| FrameError::Malformed { reason: describe(&e), message_id: None })
}

impl ClientFrame {
    /// Reads a frame from a client.
    ///
    /// # Errors
    /// [`FrameError`]; the connection need not be closed for it.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let Envelope { kind, payload: raw } = envelope(text)?;
        Ok(match kind.as_ref() {
            "message" => Self::Message(payload(raw)?),
            "ack" => Self::Ack(payload(raw)?),
            "authenticate" => Self::Authenticate(payload(raw)?),
            "typing" => Self::Typing(payload(raw)?),
            "presence" => Self::Presence(payload(raw)?),
            "call_signal" => Self::CallSignal(payload(raw)?),
            "ping" => Self::Ping,
            _ => return Err(FrameError::UnknownType),
        })
    }

    /// The frame as text. It cannot fail: every type here serialises to JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

impl ServerFrame {
    /// Reads a frame from a server.
    ///
    /// # Errors
    /// [`FrameError`]; a client passes over what it does not know.
    pub fn parse(text: &str) -> Result<Self, FrameError> {
        let Envelope { kind, payload: raw } = envelope(text)?;
        Ok(match kind.as_ref() {
            "message" => Self::Message(payload(raw)?),
            "ack" => Self::Ack(payload(raw)?),
            "authenticated" => Self::Authenticated(payload(raw)?),
            "caught_up" => Self::CaughtUp,
            "typing" => Self::Typing(payload(raw)?),
            "presence" => Self::Presence(payload(raw)?),
            "call_signal" => Self::CallSignal(payload(raw)?),
            "pong" => Self::Pong,
            "error" => Self::Error(payload(raw)?),
            _ => return Err(FrameError::UnknownType),
        })
    }

    /// The frame as text. It cannot fail: every type here serialises to JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

fn to_json<T: Serialize>(frame: &T) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing serialisers")
}
