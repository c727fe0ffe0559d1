//! The nightly backup.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[backup]`: used when it names a folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Backup {
    /// Folder that backups are written to. Default none: no nightly backup.
    pub folder: PathBuf,
    /// Time of day in UTC, `HH:MM`. Default `03:30`.
    pub at: String,
    /// How many are kept; older ones are deleted. Default 7; 0 for all.
    pub keep: u32,
    /// Whom the backup is encrypted to: public keys of age (`age1…`). Default none: it is not encrypted.
    pub recipients: Vec<String>,
}

impl Default for Backup {
    fn default() -> Self {
        Self { folder: PathBuf::new(), at: "03:30".to_owned(), keep: 7, recipients: Vec::new() }
    }
}
