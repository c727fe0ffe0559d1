//! What is relayed and not kept: typing, presence, call signals.

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, UserId};
use crate::opaque::Opaque;

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
