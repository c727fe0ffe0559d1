//! How often users, devices and addresses may do what.

use std::net::IpAddr;

use privmsg_protocol::UserId;

use crate::clock::Clock;
use crate::config::Limits;
use crate::error::ApiError;
use crate::http::Peer;
use crate::limiter::Limiter;
use crate::storage::{DeviceKey, Session, UserKey};

/// What a commit that does not hold costs besides: three more.
const REFUSED_COSTS_MORE: u32 = 3;

/// See the module. What is taken counts, unless it was too much; then it is said when to come back, in milliseconds or
/// as an answer.
pub(crate) struct Allowances {
    clock: Clock,
    messages: Limiter<UserId>,
    /// Commits, creations of groups and uploads of key packages. Here and below sessions that wait have a bucket of their
    /// own: whoever has but the access key takes nothing from those who are let in.
    handshakes: Limiter<(UserKey, bool)>,
    /// Requests over REST with a session, and without a valid one.
    requests: Limiter<(UserKey, bool)>,
    strangers: Limiter<IpAddr>,
    uploads: Limiter<UserKey>,
    /// WebSockets that a device opens.
    connects: Limiter<DeviceKey>,
    claims: Limiter<UserId>,
    /// By who claims, and whose.
    claims_of_one: Limiter<(UserId, UserId)>,
    /// Typing, presence and call signals.
    signals: Limiter<UserId>,
    /// Logins that make a device, by what was shown.
    new_devices: Limiter<(UserKey, Shown)>,
    new_groups: Limiter<UserKey>,
    /// Acknowledgements that have to be looked for in the mailbox.
    acks: Limiter<UserKey>,
    /// What is written down for good. By device: a thief's does not keep the owner's from calling it back.
    account_changes: Limiter<DeviceKey>,
}

/// What lets a new device in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    AccessKey,
    Words,
}

impl Allowances {
    pub(super) fn new(limits: &Limits, clock: Clock) -> Self {
        Self {
            clock,
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
            acks: Limiter::new(limits.rate_limit_acks_per_minute),
            account_changes: Limiter::per_hour(limits.rate_limit_account_changes_per_hour),
        }
    }

    /// A message.
    pub(crate) fn message(&self, from: &UserId) -> Result<(), u64> {
        self.messages.take(from, self.clock.now_ms())
    }

    /// A notice of typing or presence, or a call signal.
    pub(crate) fn signal(&self, from: &UserId) -> Result<(), u64> {
        self.signals.take(from, self.clock.now_ms())
    }

    /// A WebSocket.
    pub(crate) fn connect(&self, device: DeviceKey) -> Result<(), u64> {
        self.connects.take(&device, self.clock.now_ms())
    }

    /// A request with a valid session.
    pub(crate) fn request(&self, session: &Session) -> Result<(), ApiError> {
        let who = (session.user, session.waiting);
        self.requests.take(&who, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// A request without one.
    pub(crate) fn stranger(&self, from: Peer) -> Result<(), ApiError> {
        if from.is_local() {
            return Ok(());
        }
        self.strangers.take(&from.source(), self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// It was none: it has shown a valid session since.
    pub(crate) fn no_stranger(&self, from: Peer) {
        self.strangers.give_back(&from.source());
    }

    /// A claim of key packages.
    pub(crate) fn claim(&self, asking: &UserId, of: &UserId) -> Result<(), ApiError> {
        let now_ms = self.clock.now_ms();
        self.claims
            .take(asking, now_ms)
            .and_then(|()| self.claims_of_one.take(&(asking.clone(), of.clone()), now_ms))
            .map_err(ApiError::rate_limited)
    }

    /// A claim of key packages of many users: whether each of them may be claimed.
    pub(crate) fn claim_many<'a>(
        &self,
        asking: &UserId,
        of: impl ExactSizeIterator<Item = &'a UserId>,
    ) -> Result<Vec<bool>, ApiError> {
        let now_ms = self.clock.now_ms();
        let count = u32::try_from(of.len()).unwrap_or(u32::MAX);
        self.claims.take_many(asking, count, now_ms).map_err(ApiError::rate_limited)?;
        Ok(of.map(|one| self.claims_of_one.take(&(asking.clone(), one.clone()), now_ms).is_ok()).collect())
    }

    /// A commit, a creation of a group or an upload of key packages.
    pub(crate) fn handshake(&self, session: &Session) -> Result<(), ApiError> {
        let who = (session.user, session.waiting);
        self.handshakes.take(&who, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// It was none that holds: honest clients do not make such ones, and looking at it has cost as much as at a good one.
    pub(crate) fn refused_handshake(&self, session: &Session) {
        self.handshakes.charge(&(session.user, session.waiting), REFUSED_COSTS_MORE, self.clock.now_ms());
    }

    /// The beginning of an upload.
    pub(crate) fn upload(&self, session: &Session) -> Result<(), ApiError> {
        self.uploads.take(&session.user, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// A device that is added.
    pub(crate) fn new_device(&self, user: UserKey, shown: Shown) -> Result<(), ApiError> {
        self.new_devices.take(&(user, shown), self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// An acknowledgement of what this connection has not delivered.
    pub(crate) fn ack(&self, session: &Session) -> Result<(), u64> {
        self.acks.take(&session.user, self.clock.now_ms())
    }

    /// Another access key, sealed identity, device list or replacement of the identity, or a block.
    pub(crate) fn account_change(&self, session: &Session) -> Result<(), ApiError> {
        self.account_changes.take(&session.device, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// A group.
    pub(crate) fn new_group(&self, creator: UserKey) -> Result<(), ApiError> {
        self.new_groups.take(&creator, self.clock.now_ms()).map_err(ApiError::rate_limited)
    }

    /// It was not made.
    pub(crate) fn no_new_group(&self, creator: UserKey) {
        self.new_groups.give_back(&creator);
    }
}
