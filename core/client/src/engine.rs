//! What talks to the server.
//!
//! ```text
//! connect ─▶ drain mailbox ─▶ receive ◀─┐
//!    ▲                          │  tasks ┘
//!    └── back-off with jitter ◀─┴── connection lost
//! ```
//!
//! The [`session`] reads and writes the socket, and nothing else. What is to be done besides are [`tasks`]: each says
//! when it is due and does one piece at a time; the [`scheduler`] runs them beside the socket and sleeps until the
//! earliest. What fails waits in the table of holds. All that matters stands in the database, so all of it can be cut
//! off anywhere.

pub(crate) mod inbox;
#[cfg(test)]
mod inbox_tests;
mod link;
mod read;
mod scheduler;
mod seat;
mod session;
pub(crate) mod tasks;
mod token;
#[cfg(test)]
mod transfer_tests;
pub(crate) mod waiting;

use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::ErrorCode;
use privmsg_store::account::Account;
use privmsg_store::sign_outs::{self, SignOutCause, SignedOut};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::context::Context;
use crate::error::{ClientError, EngineError};
use crate::events::Event;
use crate::identity::Identity;
use crate::net::backoff::{Backoff, random_fraction};
use crate::own_devices::learn;
use crate::picture::{self, Standing};
use crate::profile::EngineLock;

pub(crate) use link::Link;
pub use seat::Seat;
use session::Session;

/// How long an engine that is to stop may take to see what it has begun acknowledged.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much the server's clock may differ from what is remembered of it, in milliseconds: no reason to write.
const CLOCK_MOMENT_MS: u64 = 60_000;

/// Whatever a server says, somebody who uses this program wants to be back within minutes.
const LONGEST_ABSENCE: Duration = Duration::from_secs(120);

/// A running engine. Dropping it stops it, which is safe at any point; [`Engine::stop`] lets it finish what it is about
/// to say, and waits until it has let go of the profile.
#[derive(Debug)]
pub struct Engine {
    /// Stop when nothing is half-said.
    leave: CancellationToken,
    /// Stop now.
    cancel: CancellationToken,
    task: Option<JoinHandle<Result<(), EngineError>>>,
}

impl Engine {
    pub(crate) fn start(context: Arc<Context>) -> Result<Self, EngineError> {
        let lock = context.profile.lock_engine().map_err(EngineError::Lock)?.ok_or(EngineError::ProfileInUse)?;
        Ok(Self::start_with(context, lock))
    }

    /// As [`Engine::start`], for who has the right to already.
    pub(crate) fn start_with(context: Arc<Context>, lock: EngineLock) -> Self {
        let (leave, cancel) = (CancellationToken::new(), CancellationToken::new());
        let span = context.span.clone();
        let standing = Stands::begin(Arc::clone(&context));
        let task = tokio::spawn(run(standing, lock, leave.clone(), cancel.clone()).instrument(span));
        Self { leave, cancel, task: Some(task) }
    }

    /// Stops, after the receipts for what has just arrived, but within a second. A transaction at hand is completed or
    /// leaves nothing.
    ///
    /// # Errors
    /// What had stopped the engine before.
    pub async fn stop(mut self) -> Result<(), EngineError> {
        self.leave.cancel();
        if let Ok(result) = tokio::time::timeout(FAREWELL, self.join()).await {
            return result;
        }
        self.cancel.cancel();
        self.join().await
    }

    /// Waits until the engine stops by itself, which it does only for good. Cancel-safe.
    ///
    /// # Errors
    /// Why it has stopped.
    pub async fn finished(&mut self) -> Result<(), EngineError> {
        self.join().await
    }

    async fn join(&mut self) -> Result<(), EngineError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        let result = task.await;
        self.task = None;
        result.map_err(EngineError::Ended)?
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Says that no engine runs in this process any more, however it has ended.
struct Stands(Arc<Context>);

impl Stands {
    fn begin(context: Arc<Context>) -> Self {
        context.progress.set(Standing::Coming);
        Self(context)
    }
}

impl Drop for Stands {
    fn drop(&mut self) {
        self.0.progress.set(Standing::Stopped);
    }
}

async fn run(
    standing: Stands,
    lock: EngineLock,
    leave: CancellationToken,
    cancel: CancellationToken,
) -> Result<(), EngineError> {
    let context = &standing.0;
    let result = tokio::select! {
        biased;
        () = cancel.cancelled() => Ok(()),
        result = reconnect(context, &leave) => {
            picture::note(context, Standing::Stopped).await;
            result
        }
    };
    drop(lock);
    result
}

/// Returns only for good: because it is to stop, or with the reason why no further attempt would help.
async fn reconnect(context: &Arc<Context>, leave: &CancellationToken) -> Result<(), EngineError> {
    let mut backoff = Backoff::new();
    loop {
        let (ended, reached) = Box::pin(session(context, leave)).await;
        let Err(error) = ended else { return Ok(()) };
        let error = passing(context, error).await?;
        if error.is_not_listed() {
            if waiting::until_let_in(context, leave).await? {
                continue;
            }
            return Ok(());
        }
        let on_a_bad_network =
            reached >= Reached::SignedIn && matches!(error, ClientError::Network(_) | ClientError::GoingAway { .. });
        if on_a_bad_network || reached == Reached::InStep {
            backoff.reset();
        }
        let pause = backoff.next(random_fraction()).max(error.retry_after().unwrap_or_default().min(LONGEST_ABSENCE));
        tracing::info!(%error, ?pause, "disconnected");
        picture::note(context, Standing::Away).await;
        context.emit(Event::Disconnected { reason: (&error).into() });
        tokio::select! {
            () = leave.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How far a connection came. One that breaks off is tried again soon if it was of any use, or if only the network is to
/// blame; one that ends again and again for another reason before it is of use must not be repeated at that pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    SignedIn,
    InStep,
}

/// One connection, until it breaks (`Err`) or is to stop. Returns how far it came, too.
async fn session(context: &Arc<Context>, leave: &CancellationToken) -> (Result<(), ClientError>, Reached) {
    picture::note(context, Standing::Coming).await;
    match connect(context).await {
        Ok(session) => {
            context.emit(Event::Connected);
            let (ended, in_step) = session.run(leave).await;
            (ended, if in_step { Reached::InStep } else { Reached::SignedIn })
        }
        Err(error) => (Err(error), Reached::Nothing),
    }
}

async fn connect(context: &Arc<Context>) -> Result<Session, ClientError> {
    let account = context.account().await?;
    let identity = Arc::new(Identity::of(&account)?);
    context.api.follow(&account);
    let own = account.clone();
    let known = context.store.read(move |at| learn::known(at, &own)).await?;
    if known.number().is_some() && !learn::stands(&known, &account) {
        return Err(ClientError::NotListed);
    }
    let session = Session::open(Arc::clone(context), identity, &account).await?;
    keep_server_time(context, &account).await?;
    let now = context.clock.now_ms();
    context.store.write(move |tx| privmsg_store::holds::release_network(tx, now)).await?;
    Ok(session)
}

/// Remembers the server's clock for the next start, where it differs from what is known by more than a moment.
async fn keep_server_time(context: &Context, account: &Account) -> Result<(), ClientError> {
    let (clock, local) = (context.api.clock(), &*context.clock);
    if let Some(ahead_ms) = clock.far_off(local) {
        tracing::warn!(ahead_ms, "the clock of this machine is more than a day off");
        context.emit(Event::ClockIsOff { ahead_ms });
    }
    let Some(ahead_ms) = clock.ahead_ms(local) else { return Ok(()) };
    if account.server_clock_ms.is_none_or(|known| known.abs_diff(ahead_ms) > CLOCK_MOMENT_MS) {
        context.store.write(move |tx| privmsg_store::account::set_server_clock(tx, ahead_ms)).await?;
    }
    Ok(())
}

/// Gives back an error after which reconnecting may help. Another one stops the engine.
async fn passing(context: &Context, error: ClientError) -> Result<ClientError, EngineError> {
    if matches!(error, ClientError::KeyInUseElsewhere) {
        return Err(EngineError::KeyInUseElsewhere);
    }
    if error.signs_out() {
        let now_ms = context.clock.now_ms();
        let cause = match &error {
            ClientError::DeviceForgotten(cause) => cause.clone(),
            error if error.is(&ErrorCode::AccountRevoked) => SignOutCause::Deactivated,
            _ => SignOutCause::Forgotten,
        };
        let signed_out = SignedOut { cause, at_ms: now_ms };
        let kept = signed_out.clone();
        context.store.write(move |tx| sign_outs::set(tx, &kept)).await?;
        if let SignOutCause::Device(by) = signed_out.cause.clone() {
            match context.store.write(move |tx| learn::signed_out_by(tx, &by, now_ms)).await {
                Ok(line) => context.emit_all(line),
                Err(error) => tracing::warn!(%error, "who has signed this device out is not kept"),
            }
        }
        return Err(EngineError::SignedOut(signed_out));
    }
    match error {
        ClientError::NotSignedIn => Err(EngineError::NotSignedIn),
        ClientError::Replaced => Err(EngineError::Replaced),
        ClientError::Store(store) if !store.is_retryable() => Err(EngineError::Store(store)),
        other => Ok(other),
    }
}
