//! Where data lies, and for how long.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// How long an unfinished upload can be gone on with. Default 24; 0 for ever.
    pub unfinished_upload_hours: u32,
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
            unfinished_upload_hours: 24,
            cleanup_interval_minutes: 60,
        }
    }
}
