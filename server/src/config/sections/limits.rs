//! Bounds on what users and strangers may do.

use serde::{Deserialize, Serialize};

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
    /// Messages that wait for one device. Default 10000.
    pub max_pending_messages: u64,
    /// Messages that a user may send in a minute, also all at once. Default 120.
    pub rate_limit_messages_per_minute: u32,
    /// Uploads that one user has begun and not finished. Default 32.
    pub max_unfinished_uploads: u32,
    /// Uploads and downloads of one user at the same time. Default 32.
    pub max_transfers_per_user: u32,
    /// Uploads and downloads of all users at the same time; each takes up to 1.2 MB of memory. Default 256.
    pub max_transfers: u32,
    /// All files of one user together. Default 2048.
    pub max_stored_mb_per_user: u64,
    /// Connections open at the same time from one address, but this machine's. Default 256.
    pub max_connections_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_file_size_mb: 100,
            max_message_size_kb: 64,
            max_handshake_size_kb: 4096,
            max_pending_messages: 10_000,
            rate_limit_messages_per_minute: 120,
            max_unfinished_uploads: 32,
            max_transfers_per_user: 32,
            max_transfers: 256,
            max_stored_mb_per_user: 2048,
            max_connections_per_address: 256,
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

    /// Largest content of a message in bytes.
    #[must_use]
    pub const fn message_bytes(&self) -> u64 {
        bytes(self.max_message_size_kb, 1024)
    }

    /// Largest piece of a handshake in bytes.
    #[must_use]
    pub const fn handshake_bytes(&self) -> u64 {
        bytes(self.max_handshake_size_kb, 1024)
    }
}
