//! Bounds on what users and strangers may do.

use serde::{Deserialize, Serialize};

use crate::storage::Bounds;

/// `[limits]`: 0 switches a limit off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Largest file. Default 100.
    pub max_file_size_mb: u64,
    /// Largest `encrypted_content` of a message. Default 64.
    pub max_message_size_kb: u64,
    /// Largest commit, welcome or public group state; these grow with the group. Default 4096.
    pub max_handshake_size_kb: u64,
    /// Messages that wait for one device. Default 10000. Where it is reached what waits there goes, a little of what is
    /// there most; so do the next two.
    pub max_pending_messages: u64,
    /// All of these together. Default 32: with most messages of a kilobyte or two it is the number that counts.
    pub max_pending_mb: u64,
    /// What one user has sent and has not been fetched. Default 128.
    pub max_waiting_mb_per_user: u64,
    /// Uploads that one user has begun and not finished. Default 32.
    pub max_unfinished_uploads: u32,
    /// Uploads and downloads of one user at the same time. Default 32.
    pub max_transfers_per_user: u32,
    /// Uploads and downloads of all users at the same time; each takes up to 1.2 MB of memory. Default 256.
    pub max_transfers: u32,
    /// People, or groups of people, to whom a user may write in a day and who have not answered yet. Default 20.
    pub max_new_requests_per_day: u64,
    /// Messages in a day to somebody who has not answered, or into a group where too many have not. Default 100.
    pub max_request_messages_per_day: u64,
    /// All of these together. Default 256.
    pub max_request_kb_per_day: u64,
    /// All files of one user together. Default 2048.
    pub max_stored_mb_per_user: u64,
    /// Devices of one user that are signed in. Default 32: each message is delivered to all of them, and each is a leaf of
    /// all of the user's groups; nobody has so many, and whoever did would make everybody else's work.
    pub max_devices_per_user: u32,
    /// Free space below which nothing large is taken any more. Default 64. Messages and acknowledgements go on: they are
    /// small, and an acknowledgement, which frees room, has to be written first.
    pub min_free_disk_mb: u64,
    /// Messages that a user may send in a minute, also all at once. Default 120.
    pub rate_limit_messages_per_minute: u32,
    /// Commits, creations of groups and uploads of key packages of a user in a minute. Default 300: a new device joins all
    /// groups of its user at once.
    pub rate_limit_handshakes_per_minute: u32,
    /// Notices of typing, presence and calls of a user in a minute. Default 1200: setting up a call takes some dozens.
    pub rate_limit_signals_per_minute: u32,
    /// Times in a minute that a user may claim key packages. Default 600: a new group asks once for each participant.
    pub rate_limit_claims_per_minute: u32,
    /// Of these, how many may be of the same other user. Default 30: whoever takes all of somebody's key packages leaves
    /// them the last-resort one, which everybody gets.
    pub rate_limit_claims_of_one_per_minute: u32,
    /// Uploads that a user may begin in a minute. Default 120: an album of photographs at once.
    pub rate_limit_uploads_per_minute: u32,
    /// Devices that a user may add in a minute. Default 20: each costs others a notice in every group, and a commit.
    pub rate_limit_new_devices_per_minute: u32,
    /// Acknowledgements of a user in a minute, over REST or of what another connection has delivered. Default 600: each looks
    /// through a mailbox. What a WebSocket has delivered itself is not looked for.
    pub rate_limit_acks_per_minute: u32,
    /// Changes that a device may make to its account in an hour: access key, sealed identity, device list, another identity,
    /// blocks. Default 120: they are written down for good, so that no restore takes them back.
    pub rate_limit_account_changes_per_hour: u32,
    /// Public state of the groups that one user has created and that still exist. Default 64: thousands of small ones, or
    /// some twenty with a thousand devices.
    pub max_group_mb_per_user: u64,
    /// Groups that a user may create in an hour. Default 60: each holds a public state of up to megabytes, for ever.
    pub rate_limit_new_groups_per_hour: u32,
    /// WebSockets that a device may open in a minute. Default 120. It has one at a time: a new one replaces the older.
    pub rate_limit_connects_per_minute: u32,
    /// REST requests of a user in a minute. Default 3000.
    pub rate_limit_requests_per_minute: u32,
    /// REST requests of one address in a minute that show no valid session. Default 1200. Log-ins are not among them:
    /// wrong ones have a limit of their own, right ones none.
    pub rate_limit_requests_per_address_per_minute: u32,
    /// WebSocket frames of one connection in a second, on average over twenty of them. Default 50. Acknowledgements of
    /// what was delivered do not count.
    pub max_frames_per_second: u32,
    /// Connections open at the same time from one address, but this machine's. Default 256.
    pub max_connections_per_address: u32,
    /// Of these, WebSockets that have not said yet who they are. Default 64.
    pub max_unauthenticated_per_address: u32,
    /// Wrong keys of one user and from one address, after which each further one has to wait longer. Default 10.
    pub max_wrong_keys: u32,
    /// Longest such wait. Default 900.
    pub max_wrong_key_delay_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_size_mb: 100,
            max_message_size_kb: 64,
            max_handshake_size_kb: 4096,
            max_pending_messages: 10_000,
            max_pending_mb: 32,
            max_waiting_mb_per_user: 128,
            max_new_requests_per_day: 20,
            max_request_messages_per_day: 100,
            max_request_kb_per_day: 256,
            max_unfinished_uploads: 32,
            max_transfers_per_user: 32,
            max_transfers: 256,
            max_stored_mb_per_user: 2048,
            max_devices_per_user: 32,
            min_free_disk_mb: 64,
            rate_limit_messages_per_minute: 120,
            rate_limit_handshakes_per_minute: 300,
            rate_limit_signals_per_minute: 1200,
            rate_limit_claims_per_minute: 600,
            rate_limit_claims_of_one_per_minute: 30,
            rate_limit_uploads_per_minute: 120,
            rate_limit_new_devices_per_minute: 20,
            rate_limit_acks_per_minute: 600,
            rate_limit_account_changes_per_hour: 120,
            max_group_mb_per_user: 64,
            rate_limit_new_groups_per_hour: 60,
            rate_limit_connects_per_minute: 120,
            rate_limit_requests_per_minute: 3000,
            rate_limit_requests_per_address_per_minute: 1200,
            max_frames_per_second: 50,
            max_connections_per_address: 256,
            max_unauthenticated_per_address: 64,
            max_wrong_keys: 10,
            max_wrong_key_delay_seconds: 900,
        }
    }
}

/// Bytes of a limit in kilobytes; without a limit, as much as can be counted.
const fn bytes(limit: u64, unit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit.saturating_mul(unit) }
}

impl Limits {
    /// Largest file in bytes.
    #[must_use]
    pub const fn file_bytes(&self) -> u64 {
        bytes(self.max_file_size_mb, 1024 * 1024)
    }

    /// Bytes of all files of one user.
    #[must_use]
    pub const fn stored_bytes(&self) -> u64 {
        bytes(self.max_stored_mb_per_user, 1024 * 1024)
    }

    /// Bytes of public state of the groups that one user has created.
    #[must_use]
    pub const fn group_bytes(&self) -> u64 {
        bytes(self.max_group_mb_per_user, 1024 * 1024)
    }

    /// Largest content of a message in bytes.
    #[must_use]
    pub const fn message_bytes(&self) -> u64 {
        bytes(self.max_message_size_kb, 1024)
    }

    /// How much may wait in mailboxes.
    pub(crate) fn mailbox_bounds(&self) -> Bounds {
        let bound = |limit: u64, unit: u64| i64::try_from(limit.saturating_mul(unit)).unwrap_or(i64::MAX);
        Bounds {
            messages: bound(self.max_pending_messages, 1),
            bytes: bound(self.max_pending_mb, 1024 * 1024),
            bytes_of_sender: bound(self.max_waiting_mb_per_user, 1024 * 1024),
            new_requests: bound(self.max_new_requests_per_day, 1),
            request_messages: bound(self.max_request_messages_per_day, 1),
            request_bytes: bound(self.max_request_kb_per_day, 1024),
        }
    }

    /// Largest piece of a handshake in bytes.
    #[must_use]
    pub const fn handshake_bytes(&self) -> u64 {
        bytes(self.max_handshake_size_kb, 1024)
    }

    /// Free bytes of the disk that are left alone; none without a limit.
    #[must_use]
    pub const fn reserve_bytes(&self) -> u64 {
        self.min_free_disk_mb.saturating_mul(1024 * 1024)
    }
}
