//! Signing in.

use serde::{Deserialize, Serialize};

use super::UserProfile;
use crate::ids::{DeviceId, UserId};
use crate::opaque::Opaque;
use crate::secret::Secret;

/// `POST /api/v1/auth/login`.
///
/// A device is known by its public key: signing in again with the same `device_public_key` is the same device, with
/// its mailbox, and ends that device's earlier session.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginRequest {
    /// Account.
    pub user_id: UserId,
    /// From the administrator.
    pub access_key: Secret,
    /// For the user's list of devices.
    #[serde(default)]
    pub device_name: Option<String>,
    /// `cli`, `desktop`, `android`, …
    #[serde(default)]
    pub device_type: Option<String>,
    /// Base64 of the device's Ed25519 signature key. Opaque to the server.
    #[serde(default)]
    pub device_public_key: Option<String>,
}

/// Answer to login, and to signing in by device key or recovery words.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LoginResponse {
    /// For `Authorization: Bearer` and the `authenticate` frame.
    pub token: Secret,
    /// This device.
    pub device_id: DeviceId,
    /// When the token ends.
    pub expires_at: i64,
    /// The account.
    pub user: UserProfile,
    /// Whether the session waits to be let in: the account has a device list, and this device does not stand in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// Of a sign-in by device key: the last challenges that were answered with it before, the newest last, each with the
    /// signature that has answered it: `challenge[32] ‖ signature[64]`. A device that did not answer one of them knows that
    /// somebody else has its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Opaque>,
}

/// `POST /api/v1/auth/redeem`: spends an invitation. The answer is a [`CreatedUser`](super::CreatedUser); the earlier access key stops
/// working, signed-in devices stay.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RedeemRequest {
    /// Account.
    pub user_id: UserId,
    /// From the invitation.
    pub invitation_key: Secret,
    /// The new access key, if the client makes it: 32 random bytes, base64url without padding. The same request again is
    /// then answered the same way while the invitation is valid, so that a lost answer locks nobody out. Without it the
    /// server makes the key, and the invitation is good for one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<Secret>,
}

/// `POST /api/v1/auth/refresh`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RefreshRequest {
    /// The old token, for clients that do not send it as `Authorization: Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

/// Answer of `POST /api/v1/auth/refresh`: a new token; the old one ends.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshResponse {
    /// The new token.
    pub token: Secret,
    /// When it ends.
    pub expires_at: i64,
}
