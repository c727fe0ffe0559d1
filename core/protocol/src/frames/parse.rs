//! Reading frames, and writing them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ClientFrame, ServerFrame};
use crate::error::ErrorCode;
use crate::fault::json_fault;
use crate::ids::MessageId;

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
        reason: json_fault(payload.as_bytes(), error),
        message_id: object::<AboutMessage>(payload).ok().map(|about| about.message_id),
    }
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
    object(text).map_err(|e| FrameError::Malformed { reason: json_fault(text.as_bytes(), &e), message_id: None })
}

fn to_json<T: Serialize>(frame: &T) -> String {
    serde_json::to_string(frame).expect("frames have string keys and no failing serialisers")
}
