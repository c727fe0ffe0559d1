//! Bodies of administration, under `/api/v1/admin`. The admin key comes in each of them, or as `Authorization: Bearer`.
//!
//! Times are seconds since 1970; `null` stands for never.

use serde::{Deserialize, Serialize};

use super::IdentityReplacement;
use crate::ids::{DeviceId, UserId};
use crate::secret::Secret;

/// A request that says nothing but the admin key.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AdminRequest {
    /// Admin key.
    #[serde(default)]
    pub admin_key: Option<Secret>,
}

/// `POST /api/v1/admin/users`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateUser {
    /// Admin key.
    #[serde(default)]
    pub admin_key: Option<Secret>,
    /// Chosen name; random without it.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// A new access key: of a new user, of one whose key was reset, or in exchange for an invitation. It is not shown again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreatedUser {
    /// Account.
    pub user_id: UserId,
    /// 32 random bytes, base64url.
    pub access_key: Secret,
}

/// A user in `GET /api/v1/admin/users`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminUser {
    /// Account.
    pub user_id: UserId,
    /// Name that the user has made public to the server.
    pub display_name: Option<String>,
    /// Whether the user may sign in.
    pub active: bool,
    /// Whether one of their devices is connected.
    pub online: bool,
    /// Signed-in devices.
    pub devices: u64,
    /// When the account was made.
    pub created_at: Option<i64>,
    /// Last sign-in or connection.
    pub last_seen_at: Option<i64>,
    /// Size of the user's files.
    pub stored_bytes: u64,
    /// Messages in the mailboxes of all devices.
    pub pending_messages: u64,
}

/// `GET /api/v1/admin/users`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminUsers {
    /// Oldest first.
    pub users: Vec<AdminUser>,
}

/// `GET /api/v1/admin/users/{user_id}`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminUserDetail {
    /// As in the list.
    #[serde(flatten)]
    pub user: AdminUser,
    /// Signed-in devices, oldest first.
    pub device_list: Vec<AdminDevice>,
    /// When the invitation ends that has not been used yet, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation_expires_at: Option<i64>,
    /// A replacement of the user's identity that has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_replacement: Option<IdentityReplacement>,
}

/// A signed-in device, as the administrator sees it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminDevice {
    /// Device.
    pub device_id: DeviceId,
    /// As given at login.
    pub device_name: Option<String>,
    /// As given at login.
    pub device_type: Option<String>,
    /// First login.
    pub created_at: Option<i64>,
    /// Last sign-in or connection.
    pub last_seen_at: Option<i64>,
    /// Whether it is connected.
    pub online: bool,
    /// Messages in its mailbox.
    pub pending_messages: u64,
}

/// `POST /api/v1/admin/users/{user_id}/reset-key`. The answer is a [`CreatedUser`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ResetKey {
    /// Admin key.
    #[serde(default)]
    pub admin_key: Option<Secret>,
    /// Whether the user's devices are signed out as well.
    #[serde(default)]
    pub sign_out_devices: bool,
}

/// `POST /api/v1/admin/users/{user_id}/invitation`. An earlier invitation of the user stops working.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Invite {
    /// Admin key.
    #[serde(default)]
    pub admin_key: Option<Secret>,
    /// How long it can be used: 1 to 8760; 72 without it.
    #[serde(default)]
    pub expires_in_hours: Option<u32>,
    /// Where clients reach the server, if its configuration does not say so.
    #[serde(default)]
    pub server_url: Option<String>,
}

/// Answer to [`Invite`]. The link is not shown again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invited {
    /// Account.
    pub user_id: UserId,
    /// The invitation, to be opened once by the user's client; see [`crate::Invitation`].
    pub link: Secret,
    /// When it stops working.
    pub expires_at: i64,
    /// The link as a QR code: an SVG document.
    pub qr_svg: Secret,
}

/// `GET /api/v1/admin/audit`: administrative acts, the latest first.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLog {
    /// The latest first.
    pub entries: Vec<AuditEntry>,
    /// Whether there are older ones; ask for them with `before` = the last `id`.
    pub has_more: bool,
}

/// An administrative act. Never holds a key.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Grows.
    pub id: i64,
    /// When.
    pub at: i64,
    /// Through what: `api`, `console`, `cli`, or `server` for what the server does by itself.
    pub actor: String,
    /// `create_user`, `deactivate_user`, `reactivate_user`, `reset_key`, `invite`, `withdraw_invitation`,
    /// `redeem_invitation`, `sign_out_device`, `delete_user`, `admin_key_refused`, …
    pub action: String,
    /// Whom it was about.
    pub user_id: Option<String>,
    /// More, as `name=value`, separated by spaces.
    pub detail: Option<String>,
}

/// Answer of `GET /api/v1/admin/stats`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Accounts.
    pub total_users: u64,
    /// Accounts that are not revoked.
    pub active_users: u64,
    /// Users with an open connection.
    pub online_users: u64,
    /// Messages that wait in mailboxes, counted once each.
    pub pending_messages: u64,
    /// Files on disk.
    pub stored_files: u64,
    /// Size of files and database, 1 MB = 1,048,576 bytes.
    pub storage_used_mb: f64,
}

/// Answer of `GET /api/v1/admin/doctor`: whether the server and what it needs are well.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoctorReport {
    /// The worst of the checks.
    pub status: CheckStatus,
    /// One for each thing that was looked at.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `configuration`, `secrets`, `port`, `certificate`, `address`, `disk`, `clock`, `database`, `permissions`,
    /// `turn`, or `turn` with an address of the relay, as in `turn:localhost:3478 udp`.
    pub id: String,
    /// How it is.
    pub status: CheckStatus,
    /// What was found.
    pub summary: Sentence,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Sentence>,
}

/// How something is. The later, the worse.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Well.
    Pass,
    /// It works, and will not for long, or not for everybody.
    Warn,
    /// It does not work.
    Fail,
}

/// A sentence for people, in the languages of the product.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// English.
    pub en: String,
    /// Russian.
    pub ru: String,
}

/// Answer of `GET /api/v1/admin/stats/history`: figures over time.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatsHistory {
    /// How much time each point stands for.
    pub interval_seconds: u64,
    /// Oldest first; none for a time when the server was off.
    pub points: Vec<StatsPoint>,
}

/// The figures of one interval: the highest of each level, and the number of messages.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatsPoint {
    /// When the interval begins, in seconds since 1970.
    pub at: i64,
    /// Users with an open connection.
    pub online_users: u64,
    /// Messages that wait in mailboxes, counted once each.
    pub pending_messages: u64,
    /// Files on disk.
    pub stored_files: u64,
    /// Size of files and database, 1 MB = 1,048,576 bytes.
    pub storage_used_mb: f64,
    /// Messages that the server has taken.
    pub messages: u64,
}
