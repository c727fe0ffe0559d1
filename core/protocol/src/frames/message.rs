//! Messages and their acknowledgement.

use serde::{Deserialize, Serialize};

use super::MessageType;
use crate::ids::{DeviceId, Epoch, GroupId, MessageId, Seq, UserId};
use crate::opaque::Opaque;

/// A message from a client: to a user (`recipient_id`, an opaque body for all devices of that user and the sender's
/// other devices) or to a group (`group_id` and the `epoch` that it is encrypted in). Exactly one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// Made by the sender; sending the same again is answered with the same `ack`.
    pub message_id: MessageId,
    /// Must be the session's user.
    pub sender_id: UserId,
    /// Receiving user, for a message outside of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<UserId>,
    /// Receiving group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Epoch that a group message is encrypted in. Must be the group's current one when the server takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Ciphertext; an MLS PrivateMessage where a group is named.
    pub encrypted_content: Opaque,
    /// What the server is told about the kind.
    pub message_type: MessageType,
    /// Seconds since 1970 by the sender's clock.
    pub timestamp: i64,
    /// Somebody has written it, and not a client by itself. Not said, it is so outside of groups for what people write
    /// (`text`, `voice`, `video`, `image`, `file`). Whoever has written to others is seen by them to be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_person: Option<bool>,
}

/// A message as a device receives it, from the mailbox or live.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredMessage {
    /// As the sender made it; acknowledge with it.
    pub message_id: MessageId,
    /// Sending user, by the server's word. What counts is the sender that MLS authenticates.
    pub sender_id: UserId,
    /// Sending device; absent in notices of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_device_id: Option<DeviceId>,
    /// Set for a message outside of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_id: Option<UserId>,
    /// Set for a group message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// Epoch that the sender named; for a commit the one it builds on, for a welcome the one it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// Place in the group's history. A welcome carries that of the commit that it belongs to; a notice has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// In a notice of [`MessageType::Withheld`]: it stands for all numbers from this one to `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seq: Option<Seq>,
    /// Ciphertext.
    pub encrypted_content: Opaque,
    /// What the server was told about the kind.
    pub message_type: MessageType,
    /// Seconds since 1970: the sender's clock for messages, the server's for notices.
    pub timestamp: i64,
}

/// Acknowledgement, in both directions. A client acknowledges what it has stored; the server what is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The messages.
    pub message_ids: Vec<MessageId>,
    /// From the server, for group messages: the places that they got. Empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

/// Where a message of one's own stands in its group's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The message.
    pub message_id: MessageId,
    /// Its group.
    pub group_id: GroupId,
    /// Its place.
    pub seq: Seq,
}
