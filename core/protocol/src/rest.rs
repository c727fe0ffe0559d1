//! Bodies of the REST API under `/api/v1`, and of `/health`.
//!
//! Names and shapes are those that the product promises; what MLS needs beyond them (key packages, groups, backup) is
//! added beside. Times in seconds since 1970 unless a field says otherwise.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::frames::DeliveredMessage;
use crate::ids::{DeviceId, Epoch, FileId, GroupId, MessageId, Seq, UserId};
use crate::opaque::Opaque;
use crate::secret::Secret;

mod admin;
mod endpoints;

pub use admin::{
    AdminDevice, AdminRequest, AdminUser, AdminUserDetail, AdminUsers, AuditEntry, AuditLog, Check, CheckStatus,
    CreateUser, CreatedUser, DoctorReport, Invite, Invited, ResetKey, Sentence, Stats, StatsHistory, StatsPoint,
};
pub use endpoints::ENDPOINTS;

/// `GET /health`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: Box<str>,
    /// The server's clock.
    pub timestamp: i64,
    /// The server's version.
    pub version: Box<str>,
}

/// `GET /health/ready`. Says no more than a stranger may know.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The whole.
    pub status: Readiness,
    /// The parts.
    pub checks: ReadyChecks,
}

impl Ready {
    /// Whether all is well.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == Readiness::Ready
    }
}

/// Whether the server can do its work.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot.
    NotReady,
}

/// What [`Ready`] is made of.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyChecks {
    /// The database answers, reading and writing.
    pub database: bool,
    /// The disks have more than the reserve.
    pub disk: bool,
    /// The server is not about to stop.
    pub running: bool,
}

/// Error answer: RFC 9457 problem details, `application/problem+json`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the meaning is in `code`.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// The status in words.
    pub title: Box<str>,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// A sentence for people, in English.
    pub detail: Box<str>,
    /// Milliseconds to wait before trying again; also as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The group's current epoch, with [`ErrorCode::StaleEpoch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The conversation that exists, with [`ErrorCode::ConversationExists`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
}

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

/// Answer to login.
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
}

/// `POST /api/v1/auth/redeem`: spends an invitation. The answer is a [`CreatedUser`]; the earlier access key stops
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

/// Answer of `POST /api/v1/auth/refresh`: a new token; the old one ends.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshResponse {
    /// The new token.
    pub token: Secret,
    /// When it ends.
    pub expires_at: i64,
}

/// `GET /api/v1/users/me` and `GET /api/v1/users/{user_id}`.
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
    /// Account identity key. Set once; another one is refused unless `replace_public_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// Start anew with another identity: contacts will see the change, all other devices are signed out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace_public_key: bool,
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
}

/// `GET /api/v1/users/me/devices`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// All devices, oldest first.
    pub devices: Vec<Device>,
}

/// `GET /api/v1/messages/pending`: the oldest messages of this device's mailbox.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingMessages {
    /// In order.
    pub messages: Vec<DeliveredMessage>,
    /// Whether more wait behind these.
    pub has_more: bool,
}

/// `POST /api/v1/messages/ack`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckRequest {
    /// Messages that are stored; ids that are not in the mailbox are passed over.
    pub message_ids: Vec<MessageId>,
}

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

/// `POST /api/v1/key-packages`: adds to this device's stock (RFC 9420, section 10).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishKeyPackages {
    /// Each is handed out once.
    pub key_packages: Vec<Opaque>,
    /// Handed out when the stock is empty, as often as needed; replaces the earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<Opaque>,
}

/// `GET /api/v1/key-packages`: this device's stock; also the answer to [`PublishKeyPackages`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageStock {
    /// Key packages left, without the last-resort one.
    pub count: u64,
    /// Whether there is a last-resort one.
    pub last_resort: bool,
}

/// `POST /api/v1/users/{user_id}/key-packages/claim`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimKeyPackages {
    /// Only of these devices; of all without it. The asking device is always left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ids: Option<Vec<DeviceId>>,
}

/// Answer to [`ClaimKeyPackages`]: one key package of each device that has any.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedKeyPackages {
    /// One per device.
    pub key_packages: Vec<DeviceKeyPackage>,
}

/// A key package and the device that it is said to belong to.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeyPackage {
    /// Device.
    pub device_id: DeviceId,
    /// Key package.
    pub key_package: Opaque,
}

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

/// What joiners need beside a welcome, and external joiners instead of one.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicGroupState {
    /// Signed GroupInfo (RFC 9420, section 12.4.3) with `external_pub`, without the tree.
    pub group_info: Opaque,
    /// Ratchet tree (RFC 9420, section 12.4.3.3).
    pub ratchet_tree: Opaque,
}

/// `POST /api/v1/groups`: a new conversation with all its devices.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateGroup {
    /// MLS group id. Creating the same again by the same device is answered with the group as it is.
    pub group_id: GroupId,
    /// What it is.
    pub kind: GroupKind,
    /// All users, the creator among them.
    pub participants: Vec<UserId>,
    /// Epoch after creation.
    pub epoch: Epoch,
    /// One for each device but the creator's. These devices become leaves.
    pub welcomes: Vec<DeviceWelcome>,
    /// State at `epoch`.
    pub state: PublicGroupState,
}

/// `POST /api/v1/groups/{group_id}/commits`. The server takes one commit per epoch; commit, welcomes and roster change
/// are stored together or not at all.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitCommit {
    /// Made by the committer; submitting the same again is answered as the first time.
    pub message_id: MessageId,
    /// Epoch that the commit builds on.
    pub epoch: Epoch,
    /// MLS commit, an MLSMessage. PrivMsg's clients send a PublicMessage; an external one must be.
    pub commit: Opaque,
    /// External commit (RFC 9420, section 12.4.3.2): the committer, a device of a participant, becomes a leaf by it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub external: bool,
    /// Devices that become leaves. Each needs a welcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub welcomes: Vec<DeviceWelcome>,
    /// Devices that are leaves no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<DeviceId>,
    /// State at the next epoch.
    pub state: PublicGroupState,
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

/// `PUT` and `GET /api/v1/users/me/backup`: the account key, sealed with the recovery key.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Ciphertext.
    pub backup: Opaque,
}
