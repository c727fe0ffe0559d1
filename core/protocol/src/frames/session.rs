//! The connection itself.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ids::{DeviceId, Epoch, MessageId, UserId};
use crate::secret::Secret;

/// First frame of a client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authenticate {
    /// Session token from login.
    pub token: Secret,
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
