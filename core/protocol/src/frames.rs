//! WebSocket frames: text messages `{"type": …, "payload": …}` over `/ws`.
//!
//! A client authenticates first, then receives its mailbox in order, then `caught_up`, then what arrives.
//!
//! | client → server | server → client |
//! |---|---|
//! | `authenticate`, `message`, `ack`, `typing`, `presence`, `call_signal`, `ping` | `authenticated`, `message`, `caught_up`, `ack`, `typing`, `presence`, `call_signal`, `pong`, `error` |

mod message;
mod message_type;
mod parse;
mod passing;
mod session;

use serde::Serialize;

pub use message::{Accepted, Ack, DeliveredMessage, SendMessage};
pub use message_type::MessageType;
pub use parse::FrameError;
pub use passing::{CallSignal, Presence, PresenceStatus, SendPresence, SendTyping, Typing};
pub use session::{Authenticate, Authenticated, ErrorFrame};

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
