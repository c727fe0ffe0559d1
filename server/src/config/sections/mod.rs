//! One type for each section. Every key has a default, given with it.

mod admin;
mod backup;
mod limits;
mod log;
mod metrics;
mod server;
mod storage;
mod tls;
mod turn;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use admin::Admin;
pub use backup::Backup;
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use metrics::Metrics;
pub use server::Server;
pub use storage::Storage;
pub use tls::{Acme, Tls};
pub use turn::Turn;

/// The whole configuration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Where the server listens, and how it is reached.
    pub server: Server,
    /// Where data lies, and for how long.
    pub storage: Storage,
    /// Relay for calls.
    pub turn: Turn,
    /// Administration.
    pub admin: Admin,
    /// Bounds on what users and strangers may do.
    pub limits: Limits,
    /// Encryption of connections by the server itself.
    pub tls: Tls,
    /// What is logged, and how.
    pub log: Log,
    /// Figures for Prometheus.
    pub metrics: Metrics,
    /// The nightly backup.
    pub backup: Backup,
    /// The file that this was read from.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}
