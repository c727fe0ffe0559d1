//! What every handler works with.

use std::net::IpAddr;
use std::sync::Arc;

use privmsg_protocol::{ErrorCode, Secret, UserId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::Config;
use crate::doctor::Practice;
use crate::error::ApiError;
use crate::extract::{LARGE_BODIES, Peer};
use crate::files::{Appending, FileStore, Transfers};
use crate::http::{PerAddress, source};
use crate::hub::Hub;
use crate::limiter::{Limiter, OncePerMinute};
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::secrets::KeyHash;
use crate::storage::{DeviceKey, Session, SharedStorage, UserKey};
use crate::wrong_keys::WrongKeys;

/// The running server. Shared by everything that serves a request.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) storage: SharedStorage,
    pub(crate) hub: Arc<Hub>,
    pub(crate) files: FileStore,
    pub(crate) metrics: Arc<Metrics>,
    /// Resumable uploads that are being added to.
    pub(crate) appending: Appending,
    /// Uploads and downloads under way.
    pub(crate) transfers: Transfers,
    /// Soft stop: nothing new is begun.
    pub(crate) stopping: CancellationToken,
    /// Tasks that the server waits for before it is stopped.
    pub(crate) tasks: TaskTracker,
    pub(crate) messages: Limiter<UserId>,
    /// Commits, creations of groups and uploads of key packages.
    handshakes: Limiter<UserKey>,
    /// Requests over REST with a session, and without a valid one.
    requests: Limiter<UserKey>,
    strangers: Limiter<IpAddr>,
    uploads: Limiter<UserKey>,
    /// WebSockets that a device opens.
    pub(crate) connects: Limiter<DeviceKey>,
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
    wrong_keys: WrongKeys,
    /// For the audit log.
    pub(crate) refused_admin_keys: OncePerMinute,
    /// Connections that are open.
    pub(crate) connections: Arc<PerAddress>,
    /// WebSockets that have not said yet who they are.
    pub(crate) unauthenticated: Arc<PerAddress>,
    pub(crate) readiness: Readiness,
    admin_key: KeyHash,
    pub(crate) practice: Practice,
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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) admin_key: KeyHash,
    pub(crate) stopping: CancellationToken,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = &parts.config.limits;
        Self {
            messages: Limiter::new(limits.rate_limit_messages_per_minute),
            handshakes: Limiter::new(limits.rate_limit_handshakes_per_minute),
            requests: Limiter::new(limits.rate_limit_requests_per_minute),
            strangers: Limiter::new(limits.rate_limit_requests_per_address_per_minute),
            uploads: Limiter::new(limits.rate_limit_uploads_per_minute),
            connects: Limiter::new(limits.rate_limit_connects_per_minute),
            claims: Limiter::new(limits.rate_limit_claims_per_minute),
            claims_of_one: Limiter::new(limits.rate_limit_claims_of_one_per_minute),
            signals: Limiter::new(limits.rate_limit_signals_per_minute),
            new_devices: Limiter::new(limits.rate_limit_new_devices_per_minute),
            new_groups: Limiter::per_hour(limits.rate_limit_new_groups_per_hour),
            large_bodies: Semaphore::new(LARGE_BODIES),
            wrong_keys: WrongKeys::new(limits),
            refused_admin_keys: OncePerMinute::default(),
            connections: PerAddress::new(limits.max_connections_per_address),
            unauthenticated: PerAddress::new(limits.max_unauthenticated_per_address),
            appending: Appending::default(),
            transfers: Transfers::new(limits.max_transfers, limits.max_transfers_per_user),
            config: parts.config,
            clock: parts.clock,
            storage: parts.storage,
            hub: parts.hub,
            files: parts.files,
            metrics: parts.metrics,
            readiness: Readiness::default(),
            stopping: parts.stopping,
            tasks: TaskTracker::new(),
            admin_key: parts.admin_key,
            practice: Practice::default(),
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
        self.wrong_keys.note(None, source(from), self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// Counts a wrong key against its address and the user that it was tried for, whether there is such a user or not.
    pub(crate) fn note_wrong_key_of(&self, user: &UserId, from: IpAddr) -> Result<(), ApiError> {
        self.wrong_keys.note(Some(user), source(from), self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// A right key takes back what was done wrong by the same user from the same address.
    pub(crate) fn forget_wrong_keys(&self, user: &UserId, from: IpAddr) {
        self.wrong_keys.forget(user, source(from));
    }

    /// Counts a request with a valid session.
    pub(crate) fn note_request(&self, session: &Session) -> Result<(), ApiError> {
        self.requests.take(&session.user, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// Counts a request without one.
    pub(crate) fn note_stranger(&self, from: Peer) -> Result<(), ApiError> {
        if from.is_local() {
            return Ok(());
        }
        self.strangers.take(&from.source(), self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// It was none: it has shown a valid session since.
    pub(crate) fn no_stranger(&self, from: Peer) {
        self.strangers.give_back(&from.source());
    }

    /// Counts a commit, a creation of a group or an upload of key packages.
    pub(crate) fn note_handshake(&self, session: &Session) -> Result<(), ApiError> {
        self.handshakes.take(&session.user, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// Counts the beginning of an upload.
    pub(crate) fn note_upload(&self, session: &Session) -> Result<(), ApiError> {
        self.uploads.take(&session.user, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }
}
