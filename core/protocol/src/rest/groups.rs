//! Conversations.

use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, Epoch, GroupId, Incarnation, MessageId, Seq, UserId};
use crate::opaque::Opaque;

/// What a conversation is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Two users. There is at most one per pair.
    Direct,
    /// Any number of users.
    Group,
    /// One user: notes, and how one's own devices talk to each other. There is at most one per user.
    #[serde(rename = "self")]
    SelfNotes,
}

/// A welcome for one device.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceWelcome {
    /// The joiner.
    pub device_id: DeviceId,
    /// Its part of the MLS Welcome.
    pub welcome: Opaque,
}

/// What joiners need beside a welcome, and external joiners instead of one. A creator hands both in; later on the server
/// derives the tree from the commits.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicGroupState {
    /// Signed GroupInfo (RFC 9420, section 12.4.3) with `external_pub`, without the tree.
    pub group_info: Opaque,
    /// Ratchet tree (RFC 9420, section 12.4.3.3).
    pub ratchet_tree: Opaque,
}

/// `POST /api/v1/groups`: a new conversation with all its devices, or one that goes on in another MLS group. The group's
/// id follows from what the conversation is, and from the incarnation. It begins in epoch 1, after the commit by which its
/// creator lets the others in.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGroup {
    /// What it is.
    pub kind: GroupKind,
    /// All users, the creator among them.
    pub participants: Vec<UserId>,
    /// Which MLS group of the conversation it is to be. The same again by the same device is answered with the group as
    /// it is.
    pub incarnation: Incarnation,
    /// With which roster a `group` began. Others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding_roster: Option<Opaque>,
    /// One for each leaf of the tree but the creator's.
    pub welcomes: Vec<DeviceWelcome>,
    /// State at epoch 1. Who is in the group, the server reads from it.
    pub state: PublicGroupState,
}

/// `POST /api/v1/groups/{group_id}/commits`. The server takes one commit per epoch, and what it makes of the group is read
/// from the commit itself; commit, welcomes and the next state are stored together or not at all.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitCommit {
    /// Made by the committer; submitting the same again is answered as the first time.
    pub message_id: MessageId,
    /// Epoch that the commit builds on.
    pub epoch: Epoch,
    /// MLS commit, an MLSMessage with a PublicMessage. An external one (RFC 9420, section 12.4.3.2) makes a leaf of the
    /// committer, a device of a participant.
    pub commit: Opaque,
    /// One for each device that the commit adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub welcomes: Vec<DeviceWelcome>,
    /// GroupInfo of the next epoch, as in [`PublicGroupState`].
    pub group_info: Opaque,
}

/// Answer to [`SubmitCommit`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitAccepted {
    /// The new epoch.
    pub epoch: Epoch,
    /// The commit's place in the group's history.
    pub seq: Seq,
}

/// A device of a participant, as the server sees it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupDevice {
    /// Owner.
    pub user_id: UserId,
    /// Device.
    pub device_id: DeviceId,
    /// Whether the server delivers the group's messages to it.
    pub leaf: bool,
    /// Whether it is signed in. A leaf that is not should be removed by the next commit.
    pub active: bool,
}

/// `GET /api/v1/groups/{group_id}`, answer to [`CreateGroup`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// MLS group id.
    pub group_id: GroupId,
    /// What it is.
    pub kind: GroupKind,
    /// Which MLS group of the conversation it is.
    pub incarnation: Incarnation,
    /// Current epoch.
    pub epoch: Epoch,
    /// Last place taken in its history.
    pub seq: Seq,
    /// Users.
    pub participants: Vec<UserId>,
    /// Devices that are signed in or still leaves.
    pub devices: Vec<GroupDevice>,
}

/// `GET /api/v1/groups`: all groups that the user takes part in.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// In the order of their creation.
    pub groups: Vec<Group>,
}

/// `GET /api/v1/groups/{group_id}/state[?epoch=N]`: what is needed to join at the current epoch, or at an earlier one
/// whose welcome still waits in the mailbox of the device that asks.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStateAt {
    /// Epoch of the state.
    pub epoch: Epoch,
    /// Last place in the history that was taken when this epoch began.
    pub seq: Seq,
    /// The state.
    pub state: PublicGroupState,
}
