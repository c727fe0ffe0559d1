//! The relay for calls.

use privmsg_protocol::Secret;
use serde::{Deserialize, Serialize};

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
    /// How long credentials last. Default 3600: who has been signed out cannot begin
    /// to use the relay after that. What goes on goes on.
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
            ttl_seconds: 3_600,
        }
    }
}
