//! One type for each section. Every key has a default, given with it.

use std::net::IpAddr;
use std::path::PathBuf;

use privmsg_protocol::Secret;
use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the server listens.
    pub server: Server,
    /// Where data lies, and for how long.
    pub storage: Storage,
    /// Relay for calls.
    pub turn: Turn,
    /// Administration.
    pub admin: Admin,
    /// Bounds on what users may do.
    pub limits: Limits,
    /// Encryption of connections by the server itself.
    pub tls: Tls,
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Server {
    /// Address to listen on. Default `127.0.0.1`; `0.0.0.0` for all.
    pub host: IpAddr,
    /// Port to listen on. Default 9443; 0 for any free one.
    pub port: u16,
}

impl Default for Server {
    fn default() -> Self {
        Self { host: IpAddr::from([127, 0, 0, 1]), port: 9443 }
    }
}

/// `[storage]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// Database. Default `data/privmsg.db`.
    pub database_path: PathBuf,
    /// Folder of uploaded files. Default `data/files`.
    pub files_path: PathBuf,
    /// How long a message waits for its recipient. Default 168 (7 days); 0 for ever.
    pub max_message_age_hours: u32,
    /// How long a file is kept. Default 72 (3 days); 0 for ever.
    pub max_file_age_hours: u32,
    /// How often the server forgets what is too old. Default 60; 0 for never.
    pub cleanup_interval_minutes: u32,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            database_path: "data/privmsg.db".into(),
            files_path: "data/files".into(),
            max_message_age_hours: 168,
            max_file_age_hours: 72,
            cleanup_interval_minutes: 60,
        }
    }
}

/// `[turn]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// Whether clients get credentials. Default false.
    pub enabled: bool,
    /// `turn:` and `turns:` addresses of the relay. Default none.
    pub urls: Vec<String>,
    /// Kept for older files; the user name that clients get is made for each of them. Default `privmsg`.
    pub username: String,
    /// The secret that coturn knows as `static-auth-secret`. Needed when enabled.
    pub credential: Secret,
    /// Default `password`.
    pub credential_type: String,
    /// How long credentials last. Default 86400 (a day).
    pub ttl_seconds: u64,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            enabled: false,
            urls: Vec::new(),
            username: "privmsg".to_owned(),
            credential: Secret::new(String::new()),
            credential_type: "password".to_owned(),
            ttl_seconds: 86_400,
        }
    }
}

/// `[admin]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Admin {
    /// Key for administration. Without it the server makes one at its first start and shows it once.
    pub master_key: Secret,
}

impl Default for Admin {
    fn default() -> Self {
        Self { master_key: Secret::new(String::new()) }
    }
}

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
            max_stored_mb_per_user: 2048,
            max_connections_per_address: 256,
        }
    }
}

/// `[tls]`: both or none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Certificate chain, PEM. Default none: plain HTTP, for behind a proxy.
    pub cert_path: PathBuf,
    /// Private key, PEM.
    pub key_path: PathBuf,
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
