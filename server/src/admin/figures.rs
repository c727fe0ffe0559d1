//! What the administrator is shown.

use privmsg_protocol::UserId;
use privmsg_protocol::rest::{AdminDevice, AdminUser, AdminUserDetail, AdminUsers, AuditLog, Stats};

use crate::hub::Hub;
use crate::storage::sqlite::SqliteStorage;
use crate::storage::{Result, UserSummary};

/// Entries of the audit log that are told at once at most.
const AUDIT_PAGE: u32 = 500;

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The storage says 0 for never.
fn time(unix_seconds: i64) -> Option<i64> {
    (unix_seconds != 0).then_some(unix_seconds)
}

fn shown(user: UserSummary, hub: &Hub) -> AdminUser {
    AdminUser {
        online: hub.is_online(&user.user_id),
        user_id: user.user_id,
        display_name: filled(user.display_name),
        active: !user.revoked,
        devices: user.devices,
        created_at: time(user.created_at),
        last_seen_at: time(user.last_seen_at),
        stored_bytes: user.stored_bytes,
        pending_messages: user.pending_messages,
    }
}

pub(crate) async fn users(storage: &SqliteStorage, hub: &Hub) -> Result<AdminUsers> {
    let users = storage.users().await?;
    Ok(AdminUsers { users: users.into_iter().map(|user| shown(user, hub)).collect() })
}

pub(crate) async fn user(storage: &SqliteStorage, hub: &Hub, user_id: UserId) -> Result<AdminUserDetail> {
    let detail = storage.user(user_id).await?;
    let device_list = detail.devices.into_iter().map(|device| AdminDevice {
        online: hub.is_connected(device.device),
        device_id: device.device_id,
        device_name: filled(device.name),
        device_type: filled(device.kind),
        created_at: time(device.created_at),
        last_seen_at: time(device.last_seen_at),
        pending_messages: device.pending_messages,
    });
    Ok(AdminUserDetail {
        device_list: device_list.collect(),
        user: shown(detail.summary, hub),
        invitation_expires_at: detail.invitation_expires_at,
        identity_replacement: detail.replacement,
    })
}

pub(crate) async fn audit(storage: &SqliteStorage, before: Option<i64>, limit: u32) -> Result<AuditLog> {
    storage.audit(before, limit.clamp(1, AUDIT_PAGE)).await
}

pub(crate) async fn stats(storage: &SqliteStorage, hub: &Hub) -> Result<Stats> {
    let stats = storage.stats().await?;
    Ok(Stats {
        total_users: stats.total_users,
        active_users: stats.active_users,
        online_users: hub.online_users(),
        pending_messages: stats.pending_messages,
        stored_files: stats.stored_files,
        storage_used_mb: megabytes(stats.bytes),
    })
}

/// To two places; 1 MB = 1,048,576 bytes.
#[expect(clippy::cast_precision_loss, reason = "a figure for people, far below 2^53 bytes")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1_048_576.0 * 100.0).round() / 100.0
}
