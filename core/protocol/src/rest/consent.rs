//! What others ask of a user.

use serde::{Deserialize, Serialize};

use crate::{ConversationId, GroupId, UserId};

/// `GET /api/v1/users/me/requests`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Conversations that others have begun, and of which no person of this user has answered them.
    pub unanswered: Vec<GroupId>,
    /// Conversations that this user has declined.
    pub declined: Vec<GroupId>,
    /// Groups of people that this user was put into and hears nothing of: by somebody whom they have blocked, or again after
    /// they have left it twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_out: Vec<KeptOut>,
}

/// A group that a user hears nothing of.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOut {
    /// The group.
    pub group_id: GroupId,
    /// The conversation that it is of.
    pub chat_id: ConversationId,
    /// Who has put them in, whom they have blocked. Nobody: they have left it twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}
