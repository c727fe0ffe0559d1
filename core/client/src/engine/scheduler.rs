//! Runs the engine's tasks: each when it is due, several at once, and never in anybody's way.
//!
//! After every commit that changes something, by this process or another, and whenever the earliest time has come, each
//! task is asked what is due. There is no clock that ticks: with nothing to do, the scheduler sleeps.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::holds::{self, Hold, Reason, Scope};
use privmsg_store::{Changes, Snapshot, StoreError, TaskName, groups, lags, welcomes};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::Link;
use super::tasks::{self, Due, Failure, Task, Work};
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::net::backoff::random_fraction;
use crate::picture::{self, Standing};

/// First pause after a failure that names none, and the longest. Each is twice the one before, with jitter.
const PAUSES: Pauses = Pauses { first: Duration::from_secs(1), longest: Duration::from_secs(10 * 60) };

/// After a group that cannot be joined for what it is. A stranger can make many of them, and each attempt fetches its state.
const REFUSED: Pauses = Pauses { first: Duration::from_secs(10), longest: Duration::from_secs(60 * 60) };

/// So often the server may say when something is to be tried again.
const PUT_OFF: u32 = 5;

/// What is tried again within this time is about to be done, ms. What has to wait for longer nobody else waits for: one group that
/// cannot be fetched would keep this device from ever being in step.
const SOON: i64 = 30_000;

/// Starts the scheduler; it begins when the mailbox has been drained, and ends with the session, or with what ends it.
pub(super) fn start(link: Arc<Link>) -> (AbortOnDropHandle<Result<(), ClientError>>, Flush) {
    let (ask, asked) = mpsc::channel(1);
    let scheduler = Scheduler {
        changes: link.context.store.changes(),
        link,
        tasks: tasks::all().into(),
        running: FuturesUnordered::new(),
        busy: HashSet::new(),
        held: HashMap::new(),
        asked,
        flushes: Vec::new(),
    };
    (AbortOnDropHandle::new(tokio::spawn(scheduler.run().in_current_span())), Flush { ask, done: None })
}

/// Asks the scheduler to say when nothing is half-said.
pub(super) struct Flush {
    ask: mpsc::Sender<oneshot::Sender<()>>,
    done: Option<oneshot::Receiver<()>>,
}

impl Flush {
    pub(super) const fn is_asked(&self) -> bool {
        self.done.is_some()
    }

    pub(super) fn ask(&mut self) {
        let (say, done) = oneshot::channel();
        // There is room for one question, and this is the only one.
        let _ = self.ask.try_send(say);
        self.done = Some(done);
    }

    /// Waits for the answer; without a question, forever. Cancel-safe.
    pub(super) async fn done(&mut self) {
        match &mut self.done {
            Some(done) => {
                let _ = done.await;
            }
            None => std::future::pending().await,
        }
    }
}

/// A piece of work: of which task, and about what.
type Piece = (usize, Scope);

struct Scheduler {
    link: Arc<Link>,
    tasks: Arc<[Box<dyn Task>]>,
    changes: Changes,
    running: FuturesUnordered<Work<(Piece, Result<(), Failure>)>>,
    busy: HashSet<Piece>,
    /// Holds that there were when a piece began: what its success lifts.
    held: HashMap<Piece, Hold>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    flushes: Vec<oneshot::Sender<()>>,
}

/// What is due, by task, and when to ask again.
struct Plan {
    due: Vec<Due>,
    held: HashMap<(TaskName, Scope), Hold>,
}

/// Asks all tasks, in one look at the database.
async fn plan(tasks: Arc<[Box<dyn Task>]>, link: Arc<Link>) -> Result<Plan, ClientError> {
    let (store, now) = (link.context.store.clone(), link.context.clock.now_ms());
    let look = move |at: &Snapshot<'_>| {
        let due = tasks.iter().map(|task| task.due(at, &link, now)).collect::<Result<_, ClientError>>()?;
        let held = holds::all(at)?.into_iter().map(|hold| ((hold.task.clone(), hold.scope), hold)).collect();
        Ok::<_, ClientError>(Plan { due, held })
    };
    store.read(look).await
}

impl Scheduler {
    async fn run(mut self) -> Result<(), ClientError> {
        while !self.link.has_caught_up() {
            tokio::select! {
                () = self.link.moved.notified() => {}
                Some(flush) = self.asked.recv() => self.leaves(flush),
            }
        }
        loop {
            let link = Arc::clone(&self.link);
            self.changes.skip();
            let plan = plan(Arc::clone(&self.tasks), Arc::clone(&link)).await?;
            let (begun, wake) = self.begin(plan);
            self.tell_if_in_step(begun).await;
            if self.is_quiet() {
                for flush in self.flushes.drain(..) {
                    let _ = flush.send(());
                }
            }
            tokio::select! {
                Some((piece, result)) = self.running.next(), if !self.running.is_empty() => {
                    self.conclude(piece, result).await?;
                }
                changed = self.changes.next() => if changed.is_none() {
                    return Ok(());
                },
                () = self.link.moved.notified() => {}
                Some(flush) = self.asked.recv() => self.leaves(flush),
                () = sleep(&link, wake) => {}
            }
        }
    }

    fn leaves(&mut self, flush: oneshot::Sender<()>) {
        self.link.leaves();
        self.flushes.push(flush);
    }

    /// Begins what is due and not held. Returns whether the groups are done with, and when to plan again.
    fn begin(&mut self, plan: Plan) -> (bool, Wake) {
        let now = self.link.context.clock.now_ms();
        let mut wake = Wake::default();
        let mut open_groups = false;
        for (index, due) in plan.due.into_iter().enumerate() {
            let task = &self.tasks[index];
            wake.at_ms(due.at_ms);
            wake.at(due.at);
            let mut busy = self.busy.iter().filter(|(of, _)| *of == index).count();
            let is_needed = task.is_needed_to_be_in_step();
            open_groups |= is_needed && (busy > 0 || due.is_awaited);
            for scope in due.now {
                let hold = plan.held.get(&(task.name(), scope));
                if let Some(hold) = hold
                    && hold.holds_at(now)
                {
                    wake.at_ms(Some(hold.until));
                    open_groups |= is_needed && is_soon_over(hold, now);
                    continue;
                }
                open_groups |= is_needed;
                if busy >= task.at_once() || !self.busy.insert((index, scope)) {
                    continue;
                }
                busy += 1;
                if let Some(hold) = hold {
                    self.held.insert((index, scope), hold.clone());
                }
                // A task of its own: a piece that moves bytes is not to wait while this one looks at the database.
                let work =
                    AbortOnDropHandle::new(tokio::spawn(task.run(scope, Arc::clone(&self.link)).in_current_span()));
                let ended = |source: JoinError| {
                    let during = "doing a piece of the engine's work";
                    Err(Failure::EndsSession(ClientError::Internal { during, source: source.into() }))
                };
                self.running.push(Box::pin(async move { ((index, scope), work.await.unwrap_or_else(ended)) }));
            }
        }
        (!open_groups, wake)
    }

    /// Once after connecting: everything that waited is here, and all groups that could be joined are.
    async fn tell_if_in_step(&mut self, nothing_open: bool) {
        if nothing_open && self.link.has_compared() && self.link.come_into_step() {
            picture::note(&self.link.context, Standing::InStep).await;
            self.link.context.emit(Event::Synced);
        }
    }

    /// Whether nothing is half-said: what was received is receipted, what was sent is acknowledged.
    fn is_quiet(&self) -> bool {
        self.link.in_flight().is_empty() && !self.busy.iter().any(|(index, _)| self.tasks[*index].is_quick())
    }

    async fn conclude(&mut self, piece: Piece, result: Result<(), Failure>) -> Result<(), ClientError> {
        self.busy.remove(&piece);
        if result.is_err() {
            self.held.remove(&piece);
        }
        let (context, task) = (Arc::clone(&self.link.context), self.tasks[piece.0].name());
        let store = &context.store;
        match result {
            Ok(()) => match self.held.remove(&piece) {
                Some(hold) => Ok(store.write(move |tx| holds::lift(tx, &hold)).await?),
                None => Ok(()),
            },
            Err(Failure::EndsSession(error)) => Err(error),
            Err(Failure::Hold { scope, reason, pause, is_first }) => {
                tracing::info!(task = %task.0, ?reason, "waits");
                let now = context.clock.now_ms();
                let jitter = random_fraction();
                let pauses = match (scope, &reason) {
                    (Scope::Group(_), Reason::Unusable) => REFUSED,
                    _ => PAUSES,
                };
                // A server that always says 'in a moment' is not asked every moment.
                let is_patient = reason == Reason::Refused(ErrorCode::RateLimited);
                let growing = move |attempts| match pause {
                    Some(pause) if is_patient && attempts > PUT_OFF => pause.max(pauses.after(attempts, jitter)),
                    Some(pause) => pause,
                    None => pauses.after(attempts, jitter),
                };
                let put = store.write(move |tx| {
                    // What has gone meanwhile waits for nothing.
                    if let Scope::Group(id) = scope
                        && !is_there(tx, &id)?
                    {
                        return Ok(());
                    }
                    if is_first {
                        holds::forget_of(tx, &task, scope)?;
                    }
                    holds::put(tx, &task, scope, &reason, now, growing).map(drop)
                });
                Ok(put.await?)
            }
        }
    }
}

/// Whether something waits for nothing but a moment: for the network, for a server that is busy, or for its turn. What waits for a
/// person, or is refused for what it is, may do so for ever.
fn is_soon_over(hold: &Hold, now_ms: i64) -> bool {
    let is_passing = match &hold.reason {
        Reason::Network | Reason::JoinedTooOften => true,
        Reason::Refused(code) => code.retry() != Retry::Never,
        _ => false,
    };
    is_passing && hold.until.saturating_sub(now_ms) <= SOON
}

/// Whether there is anything to be done for a group.
fn is_there(at: &Snapshot<'_>, id: &GroupId) -> Result<bool, StoreError> {
    Ok(groups::load(at, id)?.is_some() || lags::of(at, id)?.is_some() || welcomes::of(at, id)?.is_some())
}

/// Waits for the earliest time; without one, forever.
async fn sleep(link: &Link, wake: Wake) {
    let by_clock = async {
        match wake.at_ms {
            Some(at) => link.context.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    let by_time = async {
        match wake.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = by_clock => {}
        () = by_time => {}
    }
}

/// The earliest of several times.
#[derive(Debug, Default, Clone, Copy)]
struct Wake {
    at_ms: Option<i64>,
    at: Option<Instant>,
}

impl Wake {
    fn at_ms(&mut self, at: Option<i64>) {
        self.at_ms = self.at_ms.into_iter().chain(at).min();
    }

    fn at(&mut self, at: Option<Instant>) {
        self.at = self.at.into_iter().chain(at).min();
    }
}

struct Pauses {
    first: Duration,
    longest: Duration,
}

impl Pauses {
    /// Between half and the whole of a pause that doubles with each attempt.
    fn after(&self, attempts: u32, fraction: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        doubled.min(self.longest).mul_f64(0.5 + fraction.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        for some in [PAUSES, REFUSED] {
            let pauses: Vec<_> = (1..30).map(|attempts| some.after(attempts, 1.0)).collect();
            assert_eq!(pauses[0], some.first);
            assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
            assert_eq!(pauses[28], some.longest);
            assert_eq!(some.after(1, 0.0), some.first / 2);
            assert!(some.after(u32::MAX, 0.0) >= some.longest / 2);
        }
    }
}
