//! Whom a user has blocked.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// Somebody of whom a user hears nothing.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedUser {
    /// Who.
    pub user_id: UserId,
    /// Since when.
    pub blocked_at: i64,
}

/// `GET /api/v1/users/me/blocks`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedUsers {
    /// All of them, in the order in which they were blocked.
    pub blocked: Vec<BlockedUser>,
}
