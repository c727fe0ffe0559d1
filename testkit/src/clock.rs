//! A clock that server and clients share, and that moves only when told.

use std::time::{SystemTime, UNIX_EPOCH};

/// Stands still until it is moved. Clones move together.
#[derive(Debug, Clone)]
pub struct Clock(privmsg_server::Clock);

impl Clock {
    /// Stands at the present time: certificates and tokens that were made by the system's clock are valid.
    #[must_use]
    pub fn standing() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self(privmsg_server::Clock::manual(i64::try_from(now).unwrap_or(0)))
    }

    /// Moves on.
    pub fn advance(&self, seconds: i64) {
        self.0.advance(seconds);
    }

    /// Is set to another time, without any time having passed.
    pub fn jumps(&self, seconds: i64) {
        self.0.jump(seconds);
    }

    /// For a server.
    #[must_use]
    pub fn for_server(&self) -> privmsg_server::Clock {
        self.0.clone()
    }
}

impl privmsg_client::Clock for Clock {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }
}
