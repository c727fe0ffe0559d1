//! What is logged, and how.

use serde::{Deserialize, Serialize};

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`, or a filter as in `RUST_LOG`, which takes precedence. Default `info`.
    pub level: String,
    /// Form of a line. Default text.
    pub format: LogFormat,
    /// Whether addresses of clients may be logged. Default false.
    pub addresses: bool,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object on each line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, addresses: false }
    }
}
