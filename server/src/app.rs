//! What every handler works with.

use std::net::IpAddr;
use std::sync::Arc;

use privmsg_protocol::{ErrorCode, Secret, UserId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Config;
use crate::counters::Counters;
use crate::error::ApiError;
use crate::extract::LARGE_BODIES;
use crate::files::FileStore;
use crate::hub::Hub;
use crate::limiter::Limiter;
use crate::secrets::KeyHash;
use crate::storage::{SharedStorage, UserKey};

/// Wrong keys that one address may try in a minute. Keys cannot be guessed; this keeps the noise down.
const WRONG_KEYS_PER_MINUTE: u32 = 60;

/// Key packages that one user may claim in a minute, so that nobody empties another's stock: a new group asks once
/// for each participant.
const CLAIMS_PER_MINUTE: u32 = 600;

/// Of these, how many may be of the same other user: whoever takes all of somebody's key packages leaves them the
/// last-resort one, which everybody gets.
const CLAIMS_OF_ONE_PER_MINUTE: u32 = 30;

/// Devices that one user may add in a minute: each costs others a notice in every group, and a commit.
const NEW_DEVICES_PER_MINUTE: u32 = 20;

/// Groups that one user may create in an hour. Each holds a public state of up to megabytes, for ever.
const NEW_GROUPS_PER_HOUR: u32 = 60;

/// Notices of typing, presence and calls that one user may send in a minute: setting up a call takes some dozens.
const SIGNALS_PER_MINUTE: u32 = 1200;

/// The running server. Shared by everything that serves a request.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) storage: SharedStorage,
    pub(crate) hub: Arc<Hub>,
    pub(crate) files: FileStore,
    pub(crate) counters: Arc<Counters>,
    /// Soft stop: nothing new is begun.
    pub(crate) stopping: CancellationToken,
    /// Tasks that the server waits for before it is stopped.
    pub(crate) tasks: TaskTracker,
    pub(crate) messages: Limiter<UserId>,
    claims: Limiter<UserId>,
    /// By who claims, and whose.
    claims_of_one: Limiter<(UserId, UserId)>,
    /// Typing, presence and call signals.
    pub(crate) signals: Limiter<UserId>,
    /// Logins that make a device.
    pub(crate) new_devices: Limiter<UserKey>,
    pub(crate) new_groups: Limiter<UserKey>,
    /// Bodies of more than a megabyte that are in memory.
    pub(crate) large_bodies: Semaphore,
    wrong_keys: Limiter<IpAddr>,
    admin_key: KeyHash,
}

/// [`App`] as handlers get it.
pub(crate) type AppState = Arc<App>;

/// What [`App`] is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) storage: SharedStorage,
    pub(crate) hub: Arc<Hub>,
    pub(crate) files: FileStore,
    pub(crate) admin_key: KeyHash,
    pub(crate) stopping: CancellationToken,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            messages: Limiter::new(parts.config.limits.rate_limit_messages_per_minute),
            claims: Limiter::new(CLAIMS_PER_MINUTE),
            claims_of_one: Limiter::new(CLAIMS_OF_ONE_PER_MINUTE),
            signals: Limiter::new(SIGNALS_PER_MINUTE),
            new_devices: Limiter::new(NEW_DEVICES_PER_MINUTE),
            new_groups: Limiter::per_hour(NEW_GROUPS_PER_HOUR),
            large_bodies: Semaphore::new(LARGE_BODIES),
            wrong_keys: Limiter::new(WRONG_KEYS_PER_MINUTE),
            config: parts.config,
            clock: parts.clock,
            storage: parts.storage,
            counters: parts.hub.counters(),
            hub: parts.hub,
            files: parts.files,
            stopping: parts.stopping,
            tasks: TaskTracker::new(),
            admin_key: parts.admin_key,
        }
    }

    /// Counts a claim of key packages.
    pub(crate) fn note_claim(&self, asking: &UserId, of: &UserId) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        self.claims
            .take(asking, now_ms)
            .and_then(|()| self.claims_of_one.take(&(asking.clone(), of.clone()), now_ms))
            .map_err(ApiError::rate_limited)
    }

    /// Checks the admin key.
    pub(crate) fn administrator(&self, key: Option<&Secret>, from: IpAddr) -> Result<(), ApiError> {
        let given = KeyHash::of(key.map_or("", Secret::expose));
        if given.matches(&self.admin_key) {
            return Ok(());
        }
        self.note_wrong_key(from)?;
        Err(ApiError::new(ErrorCode::AdminKeyInvalid, "the admin key is wrong or missing"))
    }

    /// Counts a wrong key against its address.
    pub(crate) fn note_wrong_key(&self, from: IpAddr) -> Result<(), ApiError> {
        self.wrong_keys.take(&from, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }
}
