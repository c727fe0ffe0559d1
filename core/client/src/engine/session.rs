//! One connection, from signing in to its end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::frames::{Ack, ClientFrame, DeliveredMessage, ErrorFrame, ServerFrame};
use privmsg_protocol::rest::LoginRequest;
use privmsg_protocol::{Epoch, ErrorCode, GroupId, MessageId};
use privmsg_store::account::{self, Account};
use privmsg_store::chats::ChatId;
use privmsg_store::{gaps, messages, outbox};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::inbox::{self, Outcome, States, is_welcome};
use super::key_packages;
use super::uploads::Uploads;
use crate::client::Context;
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::identity::Identity;
use crate::net::socket::Socket;

/// How often the clock is looked at: due key changes, receipts, messages queued by other processes.
const TICK: Duration = Duration::from_millis(200);

/// How long the server may be silent before it is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(25);

/// How long it may be silent in all. A half-open connection is noticed after this.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// A token is renewed when it has less than this left.
const RENEW_BEFORE_S: i64 = 7 * 24 * 3600;

/// How often the stock of key packages is looked at while connected.
const KEY_PACKAGES_EVERY: Duration = Duration::from_secs(6 * 3600);

/// How long to wait for a commit that the server says exists, before joining anew.
pub(super) const COMMIT_WAIT: Duration = Duration::from_secs(5);

/// How long nothing must arrive before what is missing is taken for lost. Messages of an ordered mailbox come one
/// after the other.
const QUIET: Duration = Duration::from_secs(2);

/// Pause after a refusal that names none.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);

/// A message on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub(super) chat: ChatId,
    pub(super) group: GroupId,
    pub(super) epoch: Epoch,
}

/// A group in which the server is ahead of this device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    /// The server's epoch, if it has named it.
    pub(super) epoch: Option<Epoch>,
    /// When to give up waiting and join anew.
    pub(super) until: Instant,
}

/// The state of one connection. What must survive it is in the database.
pub(super) struct Session {
    pub(super) context: Arc<Context>,
    pub(super) identity: Arc<Identity>,
    socket: Socket,
    pub(super) in_flight: HashMap<MessageId, InFlight>,
    /// Chats that wait: the server asked for a pause, or something else has to happen first.
    pub(super) paused: HashMap<ChatId, Instant>,
    /// Groups that are behind the server.
    pub(super) behind: HashMap<GroupId, Behind>,
    pub(super) uploads: Uploads,
    caught_up: bool,
    /// Groups have been compared with the server's since connecting.
    synced: bool,
    /// When to look at the stock of key packages.
    key_packages_at: Instant,
    foreign_version: i64,
    /// When messages last arrived, if what is missing has not been confirmed since.
    pub(super) restless_since: Option<Instant>,
    /// When something last came from the server.
    heard: Instant,
    pinged: bool,
}

impl Session {
    pub(super) async fn open(
        context: Arc<Context>,
        identity: Arc<Identity>,
        account: &Account,
    ) -> Result<Self, ClientError> {
        renew_token(&context, account).await?;
        let socket = match Socket::open(&context.api).await {
            Err(error) if error.is(&ErrorCode::TokenExpired) => {
                sign_in_again(&context, account).await?;
                Socket::open(&context.api).await?
            }
            other => other?,
        };
        let foreign_version = context.store.foreign_version().await?;
        let uploads = Uploads::new(Arc::clone(&context));
        Ok(Self {
            context,
            identity,
            socket,
            in_flight: HashMap::new(),
            paused: HashMap::new(),
            behind: HashMap::new(),
            uploads,
            caught_up: false,
            synced: false,
            key_packages_at: Instant::now(),
            foreign_version,
            restless_since: None,
            heard: Instant::now(),
            pinged: false,
        })
    }

    /// Runs until the connection breaks (`Err`), or nothing is half-said after it was asked to leave. Returns whether
    /// everything was in step, too.
    pub(super) async fn run(mut self, leave: &CancellationToken) -> (Result<(), ClientError>, bool) {
        (self.run_until_it_ends(leave).await, self.synced)
    }

    async fn run_until_it_ends(&mut self, leave: &CancellationToken) -> Result<(), ClientError> {
        self.resolve_requests().await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = true;
        loop {
            if self.caught_up && due {
                self.work().await?;
            }
            due = true;
            let leaving = leave.is_cancelled();
            if leaving && self.caught_up && self.in_flight.is_empty() {
                return Ok(());
            }
            // Waiting may be cut off by another branch; what follows from it may not, and stands in the branches.
            tokio::select! {
                biased;
                frames = self.socket.receive() => self.handle(frames?).await?,
                () = leave.cancelled(), if !leaving => {}
                () = self.context.wake.notified() => {}
                result = self.uploads.wait() => self.uploads.conclude(result).await?,
                _ = tick.tick() => due = self.tick().await?,
            }
        }
    }

    pub(super) async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), ClientError> {
        self.socket.send(frames).await
    }

    /// Says whether there may be something to do.
    async fn tick(&mut self) -> Result<bool, ClientError> {
        let silent = self.heard.elapsed();
        if silent >= DEAD_AFTER {
            return Err(ClientError::Network("the server is silent".into()));
        }
        if silent >= PING_AFTER && !self.pinged {
            self.pinged = true;
            self.socket.send(&[ClientFrame::Ping]).await?;
        }
        self.confirm_gaps().await?;
        let version = self.context.store.foreign_version().await?;
        let foreign = std::mem::replace(&mut self.foreign_version, version) != version;
        let now = Instant::now();
        let mut times = self.paused.values().copied().chain(self.behind.values().map(|behind| behind.until));
        let due = times.any(|at| at <= now);
        self.paused.retain(|_, until| *until > now);
        Ok(foreign || due || self.maintenance_due().await?)
    }

    async fn handle(&mut self, frames: Vec<ServerFrame>) -> Result<(), ClientError> {
        self.heard = Instant::now();
        self.pinged = false;
        let mut page = Vec::new();
        for frame in frames {
            match frame {
                ServerFrame::Message(message) => page.push(message),
                ServerFrame::Ack(ack) => self.acknowledged(ack).await?,
                ServerFrame::CaughtUp => {
                    self.receive(std::mem::take(&mut page)).await?;
                    self.caught_up = true;
                }
                ServerFrame::Error(error) => self.refused(error).await?,
                // Other front-ends' presence and typing are not shown by any of ours yet, and calls come later.
                ServerFrame::Authenticated(_)
                | ServerFrame::Typing(_)
                | ServerFrame::Presence(_)
                | ServerFrame::CallSignal(_)
                | ServerFrame::Pong => {}
            }
        }
        self.receive(page).await
    }

    /// Stores a page and acknowledges it.
    async fn receive(&mut self, page: Vec<DeliveredMessage>) -> Result<(), ClientError> {
        if page.is_empty() {
            return Ok(());
        }
        self.restless_since = Some(Instant::now());
        let states = self.states_for(&page).await?;
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        let mut outcome =
            self.context.store.transact(move |c| inbox::process(c, &identity, &page, &states, now)).await?;
        self.socket
            .send(&[ClientFrame::Ack(Ack { message_ids: std::mem::take(&mut outcome.acks), accepted: Vec::new() })])
            .await?;
        self.conclude(outcome);
        Ok(())
    }

    /// Acts on what a page came to, once it is committed.
    pub(super) fn conclude(&mut self, outcome: Outcome) {
        self.context.emit_all(outcome.events);
        for group in outcome.joined {
            self.behind.remove(&group);
        }
        for group in outcome.uninvited {
            self.fall_behind(group, None, Duration::ZERO);
        }
        for (group, epoch) in outcome.behind {
            self.fall_behind(group, epoch, COMMIT_WAIT);
        }
    }

    /// Whether messages are still arriving one after the other.
    pub(super) fn is_restless(&self) -> bool {
        self.restless_since.is_some_and(|since| since.elapsed() < QUIET)
    }

    pub(super) fn key_packages_due(&self) -> bool {
        self.synced && Instant::now() >= self.key_packages_at
    }

    /// Fetches the public states that welcomes in a page refer to.
    async fn states_for(&self, page: &[DeliveredMessage]) -> Result<States, ClientError> {
        let mut states = States::new();
        for message in page.iter().filter(|message| is_welcome(message)) {
            let (Some(group), Some(epoch)) = (message.group_id, message.epoch) else { continue };
            let state = match self.context.api.group_state(&group, Some(epoch)).await {
                Ok(found) if found.epoch == epoch => Some(found.state),
                Ok(_) => None,
                Err(ClientError::Server { .. }) => None,
                Err(error) => return Err(error),
            };
            states.insert((group, epoch), state);
        }
        Ok(states)
    }

    /// Once everything has been quiet for a while, with an empty mailbox and outbox, what is missing is lost.
    async fn confirm_gaps(&mut self) -> Result<(), ClientError> {
        if self.restless_since.is_some() && !self.is_restless() && self.caught_up && self.in_flight.is_empty() {
            self.restless_since = None;
            self.context.store.transact(gaps::confirm_all).await?;
        }
        Ok(())
    }

    async fn acknowledged(&mut self, ack: Ack) -> Result<(), ClientError> {
        for id in &ack.message_ids {
            self.in_flight.remove(id);
        }
        let sent = self
            .context
            .store
            .transact(move |c| {
                for accepted in &ack.accepted {
                    gaps::note(c, &accepted.group_id, accepted.seq)?;
                }
                let mut sent = Vec::new();
                for id in &ack.message_ids {
                    if let Some(row) = outbox::remove(c, id)? {
                        messages::set_sent(c, row)?;
                        sent.push(row);
                    }
                }
                Ok::<_, ClientError>(sent)
            })
            .await?;
        for id in sent {
            self.context.emit(Event::Sent { id });
        }
        Ok(())
    }

    /// The server has refused something. What helps, a pause, catching up or giving up, is said by the code.
    async fn refused(&mut self, error: ErrorFrame) -> Result<(), ClientError> {
        let Some(flight) = error.message_id.and_then(|id| self.in_flight.remove(&id)) else {
            return self.refused_session(error);
        };
        match &error.code {
            ErrorCode::StaleEpoch if error.epoch.is_some_and(|epoch| epoch < flight.epoch) => {
                // The server has lost what it had accepted, as after a restored backup.
                self.fall_behind(flight.group, None, Duration::ZERO);
                Ok(())
            }
            ErrorCode::StaleEpoch => {
                let group = flight.group;
                if let Some(epoch) = error.epoch {
                    self.context.store.transact(move |c| outbox::clear_encrypted_before(c, &group, epoch)).await?;
                }
                self.fall_behind(group, error.epoch, COMMIT_WAIT);
                Ok(())
            }
            ErrorCode::NotAMember | ErrorCode::UnknownGroup => {
                self.fall_behind(flight.group, None, Duration::ZERO);
                Ok(())
            }
            code if code.retry() == Retry::Never => {
                let id = error.message_id.unwrap_or(MessageId::from_bytes([0; 16]));
                self.give_up(id, code.clone()).await
            }
            code => {
                if let Some(id) = error.message_id {
                    self.context.store.transact(move |c| outbox::clear_encrypted(c, &id)).await?;
                }
                let pause = error.retry_after_ms.map_or(DEFAULT_PAUSE, Duration::from_millis);
                self.paused.insert(flight.chat, Instant::now() + pause);
                self.context.emit(Event::Delayed { chat: flight.chat, code: code.clone() });
                Ok(())
            }
        }
    }

    fn refused_session(&self, error: ErrorFrame) -> Result<(), ClientError> {
        match error.code {
            ErrorCode::Unauthorized
            | ErrorCode::TokenExpired
            | ErrorCode::NotAuthenticated
            | ErrorCode::AccountRevoked
            | ErrorCode::ShuttingDown => Err(ClientError::Server {
                code: error.code,
                detail: error.message.into(),
                retry_after: error.retry_after_ms.map(Duration::from_millis),
                epoch: None,
                group_id: None,
            }),
            code => {
                tracing::debug!(%code, "the server refused a frame");
                Ok(())
            }
        }
    }

    /// Takes a message out of the outbox for good.
    pub(super) async fn give_up(&self, id: MessageId, code: ErrorCode) -> Result<(), ClientError> {
        let reason = code.clone();
        let row = self
            .context
            .store
            .transact(move |c| {
                let row = outbox::remove(c, &id)?;
                if let Some(row) = row {
                    messages::set_failed(c, row, reason.as_str())?;
                }
                Ok::<_, ClientError>(row)
            })
            .await?;
        if let Some(id) = row {
            self.context.emit(Event::Failed { id, code });
        }
        Ok(())
    }

    async fn work(&mut self) -> Result<(), ClientError> {
        if !self.synced {
            self.sync_groups().await?;
        }
        if Instant::now() >= self.key_packages_at {
            self.key_packages_at = Instant::now() + KEY_PACKAGES_EVERY;
            let now = self.context.clock.now_s();
            key_packages::top_up(&self.context.store, &self.context.api, &self.identity, now).await?;
        }
        self.maintain_groups().await?;
        if !std::mem::replace(&mut self.synced, true) {
            self.context.emit(Event::Synced);
        }
        self.uploads.start_next().await?;
        self.pump().await
    }
}

/// Renews a token that is about to end; signs in anew where it is too late for that.
///
/// A renewal kills the old token, and its answer may get lost. So the end of the old token is forgotten before (0), and
/// one that is found in that state, or past its end, is not taken for a device that was signed out.
async fn renew_token(context: &Context, account: &Account) -> Result<(), ClientError> {
    let (now, expires_at) = (context.clock.now_s(), account.token_expires_at);
    let Some(token) = account.token.clone() else { return Err(ClientError::NotSignedIn) };
    if expires_at - now > RENEW_BEFORE_S {
        return Ok(());
    }
    let ended = expires_at <= now;
    let old = token.clone();
    context.store.transact(move |c| account::set_token(c, &old, 0)).await?;
    match context.api.refresh().await {
        Ok(renewed) => {
            context.api.set_token(Some(renewed.token.clone()));
            let store = &context.store;
            Ok(store.transact(move |c| account::set_token(c, &renewed.token, renewed.expires_at)).await?)
        }
        Err(error) if error.is(&ErrorCode::TokenExpired) => sign_in_again(context, account).await,
        Err(error) if ended && error.is(&ErrorCode::Unauthorized) => sign_in_again(context, account).await,
        // The server has answered, so the old token lives; it is good for days, and this can wait.
        Err(ClientError::Server { code, .. }) if !ended && code.retry() == Retry::Later => {
            Ok(context.store.transact(move |c| account::set_token(c, &token, expires_at)).await?)
        }
        Err(error) => Err(error),
    }
}

/// Signs the same device in again: the server knows it by its public key.
async fn sign_in_again(context: &Context, account: &Account) -> Result<(), ClientError> {
    let device_key = privmsg_e2ee::DeviceKeys::from_bytes(&account.device_key).public().to_string();
    let request = LoginRequest {
        user_id: account.user_id.clone(),
        access_key: account.access_key.clone(),
        device_name: Some(account.device_name.clone()),
        device_type: None,
        device_public_key: Some(device_key),
    };
    context.api.set_token(None);
    let answer = context.api.login(&request).await?;
    if Some(&answer.device_id) != account.device_id.as_ref() {
        // The server has forgotten the device; its certificate is for another name.
        return Err(ClientError::Server {
            code: ErrorCode::Unauthorized,
            detail: "the server does not know this device any more".into(),
            retry_after: None,
            epoch: None,
            group_id: None,
        });
    }
    context.api.set_token(Some(answer.token.clone()));
    Ok(context.store.transact(move |c| account::set_token(c, &answer.token, answer.expires_at)).await?)
}
