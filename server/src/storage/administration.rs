//! Administrative acts, and what the administrator is shown.

use privmsg_protocol::rest::{IdentityReplacement, UserProfile};
use privmsg_protocol::{DeviceId, FileId, UserId};
use serde::{Deserialize, Serialize};

use super::{DeviceKey, UserKey};
use crate::secrets::KeyHash;

/// Something that an administrator does to a user. It names keys by their hashes only, so that it can be written down
/// where the server finds it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Act {
    CreateUser {
        user_id: UserId,
        key: KeyHash,
    },
    /// Nobody signs in as the user, all devices are signed out, an invitation ends.
    DeactivateUser {
        user_id: UserId,
    },
    ReactivateUser {
        user_id: UserId,
    },
    /// The earlier access key and an invitation end.
    ResetKey {
        user_id: UserId,
        key: KeyHash,
        sign_out_devices: bool,
    },
    /// An earlier invitation ends.
    Invite {
        user_id: UserId,
        key: KeyHash,
        expires_at: i64,
    },
    WithdrawInvitation {
        user_id: UserId,
    },
    SignOutDevice {
        user_id: UserId,
        device_id: DeviceId,
    },
    /// A replacement of the user's identity that has begun is over.
    EndReplacement {
        user_id: UserId,
    },
    /// It takes effect at once.
    PassReplacement {
        user_id: UserId,
    },
    DeleteUser {
        user_id: UserId,
    },
}

impl Act {
    pub(crate) const fn user_id(&self) -> &UserId {
        match self {
            Self::CreateUser { user_id, .. }
            | Self::DeactivateUser { user_id }
            | Self::ReactivateUser { user_id }
            | Self::ResetKey { user_id, .. }
            | Self::Invite { user_id, .. }
            | Self::WithdrawInvitation { user_id }
            | Self::SignOutDevice { user_id, .. }
            | Self::EndReplacement { user_id }
            | Self::PassReplacement { user_id }
            | Self::DeleteUser { user_id } => user_id,
        }
    }

    /// As the audit log says it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::CreateUser { .. } => "create_user",
            Self::DeactivateUser { .. } => "deactivate_user",
            Self::ReactivateUser { .. } => "reactivate_user",
            Self::ResetKey { .. } => "reset_key",
            Self::Invite { .. } => "invite",
            Self::WithdrawInvitation { .. } => "withdraw_invitation",
            Self::SignOutDevice { .. } => "sign_out_device",
            Self::EndReplacement { .. } => "end_replacement",
            Self::PassReplacement { .. } => "pass_replacement",
            Self::DeleteUser { .. } => "delete_user",
        }
    }
}

/// Through what an act was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Actor {
    Api,
    Console,
    Cli,
    /// The server by itself, or a user.
    Server,
}

impl Actor {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Console => "console",
            Self::Cli => "cli",
            Self::Server => "server",
        }
    }
}

/// What is still to be done outside of the storage after an act.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Consequences {
    /// Devices that were signed out: their connections are to be closed.
    pub(crate) signed_out: Vec<DeviceKey>,
    /// Files whose bytes are to be deleted.
    pub(crate) files: Vec<FileId>,
}

/// A line for the audit log. No keys, and addresses only where the configuration allows them.
#[derive(Debug, Clone)]
pub(crate) struct AuditNote {
    pub(crate) actor: Actor,
    pub(crate) action: &'static str,
    pub(crate) user_id: Option<UserId>,
    /// `name=value`, separated by spaces.
    pub(crate) detail: String,
}

/// The invitation of a user.
#[derive(Clone, Copy)]
pub(crate) struct StoredInvitation {
    pub(crate) key: KeyHash,
    pub(crate) expires_at: i64,
    pub(crate) spent: bool,
    /// The user's access key as it is now.
    pub(crate) access_key: KeyHash,
}

/// A user, as the administrator sees them.
#[derive(Debug, Clone)]
pub(crate) struct UserSummary {
    pub(crate) user_id: UserId,
    pub(crate) display_name: String,
    pub(crate) created_at: i64,
    pub(crate) last_seen_at: i64,
    pub(crate) revoked: bool,
    pub(crate) devices: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) pending_messages: u64,
}

/// A user with their devices.
#[derive(Debug, Clone)]
pub(crate) struct UserDetail {
    pub(crate) summary: UserSummary,
    pub(crate) devices: Vec<DeviceSummary>,
    /// When the invitation ends that has not been spent.
    pub(crate) invitation_expires_at: Option<i64>,
    /// A replacement of the user's identity that has begun.
    pub(crate) replacement: Option<IdentityReplacement>,
}

/// A signed-in device, as the administrator sees it.
#[derive(Debug, Clone)]
pub(crate) struct DeviceSummary {
    pub(crate) device: DeviceKey,
    pub(crate) device_id: DeviceId,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) created_at: i64,
    pub(crate) last_seen_at: i64,
    pub(crate) pending_messages: u64,
}

/// What a login is checked against.
pub(crate) struct Credentials {
    pub(crate) user: UserKey,
    pub(crate) key: KeyHash,
    pub(crate) revoked: bool,
    pub(crate) profile: UserProfile,
}

/// What the command line asks of the running server.
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) body: String,
    /// The server died before it had answered; what was asked for is done.
    pub(crate) is_done: bool,
}

/// The storage's own short name of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) i64);
