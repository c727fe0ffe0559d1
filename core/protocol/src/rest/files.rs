//! Files, and servers for calls.

use serde::{Deserialize, Serialize};

use crate::ids::FileId;
use crate::secret::Secret;

/// Answer of `POST /api/v1/files/upload` (multipart, field `file`).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadResponse {
    /// Unguessable name.
    pub file_id: FileId,
    /// When the server deletes it.
    pub expires_at: i64,
}

/// `GET /api/v1/turn/credentials`: coturn's REST scheme.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TurnCredentials {
    /// `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// `<unix expiry>:<user_id>`.
    pub username: String,
    /// `base64(HMAC-SHA1(secret, username))`.
    pub credential: Secret,
    /// `password`.
    pub credential_type: String,
    /// Seconds.
    pub ttl: u64,
}
