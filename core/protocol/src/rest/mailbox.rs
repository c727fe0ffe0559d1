//! The mailbox, for who has no WebSocket.

use serde::{Deserialize, Serialize};

use crate::frames::DeliveredMessage;
use crate::ids::MessageId;

/// `GET /api/v1/messages/pending`: the oldest messages of this device's mailbox.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMessages {
    /// In order.
    pub messages: Vec<DeliveredMessage>,
    /// Whether more wait behind these.
    pub has_more: bool,
    /// The last one that waits, whatever was asked for. Once that has come through the WebSocket, everything has that waited now, however
    /// much has come since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<MessageId>,
}

/// `POST /api/v1/messages/ack`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckRequest {
    /// Messages that are stored; ids that are not in the mailbox are passed over.
    pub message_ids: Vec<MessageId>,
}
