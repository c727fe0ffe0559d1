//! Conversations.

use serde::{Deserialize, Serialize};

use super::PublishedDeviceList;
use crate::ids::{ConversationId, DeviceId, Epoch, GroupId, Incarnation, MessageId, Seq, UserId};
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

/// The MLS Welcome of a commit (RFC 9420, section 12.4.3.1), in parts: what all joiners get, and what each gets for itself.
/// The server delivers to each a Welcome with its own secrets alone.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedWelcome {
    /// `encrypted_group_info`.
    pub group_info: Opaque,
    /// One for each joiner.
    pub secrets: Vec<JoinerSecrets>,
}

/// What one device joins with.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinerSecrets {
    /// The joiner.
    pub device_id: DeviceId,
    /// One `EncryptedGroupSecrets`.
    pub secrets: Opaque,
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
    /// All users of a `direct` or `self` conversation, the creator among them. Those of a `group` stand in its roster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<UserId>,
    /// Which MLS group of the conversation it is to be. The same again by the same device is answered with the group as
    /// it is.
    pub incarnation: Incarnation,
    /// With which roster a `group` began. Others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding_roster: Option<Opaque>,
    /// The roster that the GroupContext of a `group` names, if it is not the founding one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Opaque>,
    /// Rosters between the newest that the server has and `roster`, the first one first: none as a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Opaque>,
    /// For each leaf of the tree but the creator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<SharedWelcome>,
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
    /// committer, a device of a participant. One that moves a `group` to another roster carries that as its
    /// `authenticated_data`.
    pub commit: Opaque,
    /// For each device that the commit adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub welcome: Option<SharedWelcome>,
    /// GroupInfo of the next epoch, as in [`PublicGroupState`].
    pub group_info: Opaque,
    /// Device lists that say why devices go, where the server knows older ones: at most [`MAX_COMMIT_EVIDENCE`](crate::limits::MAX_COMMIT_EVIDENCE).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<PublishedDeviceList>,
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
    /// Until when it commits nothing, because others could not use what it had committed. In seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_commits_until: Option<i64>,
}

/// `GET /api/v1/groups/{group_id}`, answer to [`CreateGroup`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// MLS group id.
    pub group_id: GroupId,
    /// What it is.
    pub kind: GroupKind,
    /// Which conversation it carries.
    pub chat_id: ConversationId,
    /// Which MLS group of the conversation it is.
    pub incarnation: Incarnation,
    /// Current epoch.
    pub epoch: Epoch,
    /// Last place taken in its history.
    pub seq: Seq,
    /// Users. Of a `group`, those who stand in its newest roster.
    pub participants: Vec<UserId>,
    /// Devices that are signed in or still leaves.
    pub devices: Vec<GroupDevice>,
    /// The newest roster of a `group` that the server has. Others have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<RosterName>,
    /// Rosters that follow the one in the GroupContext and wait for a commit that carries them, the first one first: of
    /// people who have left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Opaque>,
}

/// What a roster is called.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterName {
    /// 1, 2, 3, …
    pub number: u64,
    /// SHA-256 of its encoding.
    pub hash: Opaque,
}

/// `GET /api/v1/groups/{group_id}/rosters?after=NUMBER`: how one roster of a group of people has led to another.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterSteps {
    /// Those after the number, from the lowest on, as far as they are kept.
    pub rosters: Vec<Opaque>,
    /// Whether there are more after the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more: bool,
}

/// `GET /api/v1/groups/{group_id}/commits/{epoch}`: who has made a commit that was taken lately, and on what.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenCommit {
    /// Whose.
    pub user_id: UserId,
    /// By which device.
    pub device_id: DeviceId,
    /// Whether the device joined by it.
    pub external: bool,
    /// GroupInfo of the epoch that it builds on.
    pub group_info: Opaque,
}

/// `POST /api/v1/groups/{group_id}/commits/{epoch}/unusable`: this device cannot enter the epoch that the commit begins, though
/// it was in the one that it builds on.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnusableCommit {
    /// Whether that is because the GroupInfo on which an external commit builds has another `external_pub` than that epoch:
    /// then it is the fault of whoever has made that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub group_info: bool,
}

/// `POST /api/v1/groups/{group_id}/leave`: takes the user out of a `group`, with all devices.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveGroup {
    /// The next roster, by this user, who does not stand in it. Nobody else in the group: none, and the group ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Opaque>,
}

/// A group in which at most something has been said.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnchangedGroup {
    /// MLS group id.
    pub group_id: GroupId,
    /// Current epoch.
    pub epoch: Epoch,
    /// Last place taken in its history.
    pub seq: Seq,
}

/// `GET /api/v1/groups[?since=CURSOR]`: all groups that the user takes part in.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Groups {
    /// In the order of their creation. With `since`, those in which anything but `seq` has changed.
    pub groups: Vec<Group>,
    /// With `since`, the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<UnchangedGroup>,
    /// Where to go on: the next `since`. A cursor that the server does not know is as none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cursor: String,
    /// The server's database. It is another one after a restore: whatever is told of a group then, it is not the group that a device
    /// has been in, even where the numbers are the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lineage: String,
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
    /// The roster of a `group` in this epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roster: Option<Opaque>,
    /// The roster that it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub founding_roster: Option<Opaque>,
}
