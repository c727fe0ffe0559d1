//! Who has the admin key, and who tries wrong keys.

use std::net::IpAddr;

use privmsg_protocol::{ErrorCode, Secret, UserId};

use crate::clock::Clock;
use crate::config::Limits;
use crate::error::ApiError;
use crate::http::source;
use crate::limiter::OncePerMinute;
use crate::secrets::KeyHash;
use crate::wrong_keys::WrongKeys;

/// See the module.
pub(crate) struct Keys {
    clock: Clock,
    admin: KeyHash,
    wrong: WrongKeys,
    /// For the audit log.
    refused: OncePerMinute,
}

impl Keys {
    pub(super) fn new(admin: KeyHash, limits: &Limits, clock: Clock) -> Self {
        Self { clock, admin, wrong: WrongKeys::new(limits), refused: OncePerMinute::default() }
    }

    /// Checks the admin key.
    pub(crate) fn administrator(&self, key: Option<&Secret>, from: IpAddr) -> Result<(), ApiError> {
        let given = KeyHash::of(key.map_or("", Secret::expose));
        if given.matches(&self.admin) {
            return Ok(());
        }
        self.note_wrong(None, from)?;
        Err(ApiError::new(ErrorCode::AdminKeyInvalid, "the admin key is wrong or missing"))
    }

    /// Counts a refused admin key for the audit log: how many there were, once a minute.
    pub(crate) fn note_refused(&self) -> Option<u64> {
        self.refused.note(self.clock.now_ms())
    }

    /// Counts a wrong key against its address, and against the user that it was tried for, whether there is such a user
    /// or not.
    pub(crate) fn note_wrong(&self, user: Option<&UserId>, from: IpAddr) -> Result<(), ApiError> {
        const DETAIL: &str = "this key is wrong, as too many before it were";
        let later = |wait_ms| ApiError::later(ErrorCode::TooManyWrongKeys, DETAIL, wait_ms);
        self.wrong.note(user, source(from), self.clock.now_ms()).map_err(later)
    }

    /// A right key takes back what was done wrong by the same user from the same address.
    pub(crate) fn forget_wrong(&self, user: &UserId, from: IpAddr) {
        self.wrong.forget(user, source(from));
    }
}
