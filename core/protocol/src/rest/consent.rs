//! What others ask of a user.

use serde::{Deserialize, Serialize};

use crate::GroupId;

/// `GET /api/v1/users/me/requests`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Conversations that others have begun, and of which no person of this user has answered them.
    pub unanswered: Vec<GroupId>,
    /// Conversations that this user has declined.
    pub declined: Vec<GroupId>,
}
