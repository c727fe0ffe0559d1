//! Users and their devices.

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, FileId, UserId};
use crate::opaque::Opaque;

/// `GET /api/v1/users/{user_id}`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserProfile {
    /// Account.
    pub user_id: UserId,
    /// Name that the user has made public to the server. PrivMsg's own clients leave it empty.
    pub display_name: Option<String>,
    /// Picture that the user has made public to the server.
    pub avatar_file_id: Option<FileId>,
    /// Base64 of the account identity key.
    pub public_key: Option<String>,
    /// `YYYY-MM-DD HH:MM:SS`, UTC. Shown to the user and to those who share a conversation.
    pub last_seen_at: Option<String>,
}

/// `POST /api/v1/users/me/profile`. Absent fields stay as they are.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateProfile {
    /// New public name; an empty text removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Public picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_file_id: Option<FileId>,
    /// Account identity key, of a client that sets up no device list. Set once: another one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// One signed-in device of one's own.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Device.
    pub device_id: DeviceId,
    /// As given at login.
    pub device_name: Option<String>,
    /// As given at login.
    pub device_type: Option<String>,
    /// As given at login.
    pub device_public_key: Option<String>,
    /// First login, `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created_at: String,
    /// Last connection, `YYYY-MM-DD HH:MM:SS`, UTC.
    pub last_seen_at: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Whether it waits to be let in: the account has a device list in which it does not stand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
}

/// `GET /api/v1/users/me/devices`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// All devices, oldest first.
    pub devices: Vec<Device>,
}

/// `GET /api/v1/users/me/backup`: the identity, sealed with the recovery words.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedIdentity {
    /// Ciphertext.
    pub backup: Opaque,
    /// Those before it that are kept, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Opaque>,
}
