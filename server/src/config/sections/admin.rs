//! Administration.

use privmsg_protocol::Secret;
use serde::{Deserialize, Serialize};

/// `[admin]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Admin {
    /// Key for administration. Without it the server makes one at its first start and shows it once.
    pub master_key: Secret,
    /// Whether the server has the web console at `/admin/`. Default true.
    pub console: bool,
}

impl Default for Admin {
    fn default() -> Self {
        Self { master_key: Secret::new(String::new()), console: true }
    }
}
