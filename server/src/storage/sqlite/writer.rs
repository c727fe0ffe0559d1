//! The one writer, on a thread of its own, with group commit.
//!
//! It takes everything that is queued, carries it out in one transaction, commits once, and only then answers. While
//! the disk makes one transaction durable, the next one gathers in the queue: the busier the server, the fewer
//! commits per message.
//!
//! An ordinary message is checked completely before it writes anything, so a refusal leaves nothing behind. Other
//! operations run in a savepoint. If the engine itself fails, the whole transaction is undone, and everybody in it is
//! told so.
//!
//! Acknowledgements alone do not start a commit at once: nobody waits for them, so they wait [`ACK_LINGER`] for
//! company. If the process dies meanwhile, the messages are delivered once more, as at any lost acknowledgement.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Semaphore, oneshot};

use super::journal::Journal;
use super::notices::Untold;
use super::query::Query as _;
use super::tx::{State, Tx};
use super::{checkpoint, filing, sent};
use crate::clock::Clock;
use crate::storage::{Bounds, Observer, Outcome, Outgoing, Result, StorageError, Submission, Transaction};

/// Operations waiting for the writer. Beyond that, connections stop reading their sockets.
const QUEUE: usize = 1024;

/// Messages in one transaction: at 4 µs each, the first one waits 8 ms for the last.
const BATCH: usize = 2048;

/// How long acknowledgements wait for something else to commit with.
const ACK_LINGER: Duration = Duration::from_millis(10);

/// An operation that is not a plain message. Without a transaction it does nothing but prepare its answer.
type Call = Box<dyn FnOnce(Option<&mut Tx<'_>>) -> Called + Send>;

/// Answers the caller when the fate of the transaction is known.
type Finish = Box<dyn FnOnce(std::result::Result<(), &StorageError>) + Send>;

struct Called {
    finish: Finish,
    /// Why the whole transaction cannot go on.
    failure: Option<StorageError>,
}

enum Job {
    Relay(Submission),
    Call(Call),
}

/// What an operation does to what the writer remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touches {
    /// Accounts, devices or groups.
    Structure,
    /// Nothing that is remembered.
    Data,
}

/// Handle to the writer's queue.
pub(super) struct Writer {
    queue: Sender<Job>,
    room: Arc<Semaphore>,
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        state: StateSeed,
        clock: Clock,
        observer: Arc<dyn Observer>,
        checkpoints: checkpoint::Trigger,
        journal: Journal,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, jobs) = mpsc::channel();
        let room = Arc::new(Semaphore::new(QUEUE));
        let thread = Loop {
            conn,
            jobs,
            room: Arc::clone(&room),
            clock,
            observer,
            checkpoints,
            acks: Vec::new(),
            acks_since: None,
            journal,
        };
        let handle = std::thread::Builder::new().name("storage-writer".into()).spawn(move || thread.run(state))?;
        Ok((Self { queue, room }, handle))
    }

    pub(super) async fn relay(&self, submission: Submission) -> Result<()> {
        self.push(Job::Relay(submission)).await
    }

    /// Runs `operation` in the next transaction and waits until it is durable.
    pub(super) async fn call<T, F>(&self, touches: Touches, operation: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(move |tx: Option<&mut Tx<'_>>| {
            let (result, failure) = match tx {
                Some(tx) => in_savepoint(tx, touches, operation),
                None => (Err(StorageError::Stopped), None),
            };
            let finish = Box::new(move |fate: std::result::Result<(), &StorageError>| {
                let result = fate.map_err(|error| error.refusal().into()).and(result);
                // The caller may have gone away; what was done stays done.
                let _ = answer.send(result);
            });
            Called { finish, failure }
        });
        self.push(Job::Call(call)).await?;
        answered.await.map_err(|_| StorageError::Stopped)?
    }

    async fn push(&self, job: Job) -> Result<()> {
        let permit = self.room.acquire().await.map_err(|_| StorageError::Stopped)?;
        permit.forget();
        self.queue.send(job).map_err(|_| StorageError::Stopped)
    }
}

/// Runs `operation` so that its failure undoes only itself, where the engine allows that.
pub(super) fn in_savepoint<T>(
    tx: &mut Tx<'_>,
    touches: Touches,
    operation: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> (Result<T>, Option<StorageError>) {
    let begun = tx.state.flush(tx.conn).and_then(|()| Ok(tx.conn.execute_batch("SAVEPOINT operation")?));
    if let Err(error) = begun {
        return (Err(StorageError::Stopped), Some(error));
    }
    let (told, bodies, sent) = (tx.state.deliveries.len(), tx.state.bodies, tx.state.sent.mark());
    let result = operation(tx);
    let end = if result.is_ok() {
        if touches == Touches::Structure {
            tx.state.cache.forget();
        }
        "RELEASE operation"
    } else {
        tx.state.deliveries.truncate(told);
        tx.state.bodies = bodies;
        tx.state.back_to(sent);
        "ROLLBACK TO operation; RELEASE operation"
    };
    let ended = tx.conn.execute_batch(end);
    let failure = match &result {
        Err(StorageError::Full) => Some(StorageError::Full),
        _ => ended.err().map(StorageError::from),
    };
    (result, failure)
}

/// What the writer starts from. The state itself is built on the writer's thread, where it stays.
pub(super) struct StateSeed {
    pub(super) next_position: i64,
    pub(super) bounds: Bounds,
}

/// An operation that is carried out and waits for the commit.
enum Done {
    Relay(Submission, Vec<Outcome>),
    Call(Finish),
}

struct Loop {
    conn: Connection,
    jobs: Receiver<Job>,
    room: Arc<Semaphore>,
    clock: Clock,
    observer: Arc<dyn Observer>,
    checkpoints: checkpoint::Trigger,
    /// Submissions that hold acknowledgements only.
    acks: Vec<Submission>,
    acks_since: Option<Instant>,
    journal: Journal,
}

impl Loop {
    fn run(mut self, seed: StateSeed) {
        let mut state = State::starting_at(seed.next_position, seed.bounds);
        while let Some(batch) = self.gather(state.untold == Untold::Some) {
            self.transaction(&mut state, batch);
            self.file_arrivals(&mut state);
            self.seal_sent(&mut state);
            state.cache.trim();
            self.checkpoints.after_commit(&self.conn);
        }
    }

    /// Waits for work, unless there is some. `None` when all handles are gone and nothing is left to do.
    fn gather(&mut self, has_work: bool) -> Option<Vec<Job>> {
        let mut batch = Vec::new();
        let mut weight = 0;
        loop {
            let job = if has_work || weight > 0 {
                match self.jobs.try_recv() {
                    Ok(job) => job,
                    Err(_) => break,
                }
            } else if let Some(since) = self.acks_since {
                match self.jobs.recv_timeout(ACK_LINGER.saturating_sub(since.elapsed())) {
                    Ok(job) => job,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            } else {
                self.jobs.recv().ok()?
            };
            self.room.add_permits(1);
            match job {
                Job::Relay(submission) if submission.messages.is_empty() => {
                    self.acks.push(submission);
                    self.acks_since.get_or_insert_with(Instant::now);
                }
                job => {
                    weight += match &job {
                        Job::Relay(submission) => submission.messages.len(),
                        Job::Call(_) => 1,
                    };
                    batch.push(job);
                }
            }
            if weight + self.acks.len() >= BATCH {
                break;
            }
        }
        self.acks_since = None;
        // Acknowledgements first: whoever calls after acknowledging sees them in effect.
        let mut all: Vec<Job> = self.acks.drain(..).map(Job::Relay).collect();
        all.append(&mut batch);
        Some(all)
    }

    /// In a transaction of its own: where there is no room for it, messages may still find some.
    fn file_arrivals(&mut self, state: &mut State) {
        if let Err(error) = filing::file(&mut self.conn, &mut state.cache) {
            tracing::warn!(error = &error as &dyn std::error::Error, "what has come is filed later");
            state.cache.forget_all();
        }
    }

    /// Before the answers: whoever has heard that a device is signed out can rely on that, whatever is restored. Where it
    /// cannot be written down it is done all the same, and written down with the next one.
    fn note_revocations(&mut self, now: i64) {
        let noted = self.journal.take(&mut self.conn, now);
        if let Err(error) = noted.and_then(|()| self.journal.shorten(now)) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what was revoked is not in the journal: a restored backup could bring it back");
        }
    }

    fn seal_sent(&mut self, state: &mut State) {
        if let Err(error) = sent::seal(&mut self.conn, &mut state.sent) {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was sent is sealed later");
        }
    }

    fn transaction(&mut self, state: &mut State, batch: Vec<Job>) {
        let now_ms = self.clock.now_ms();
        let begin = Instant::now();
        let mut done = Vec::with_capacity(batch.len());
        let sent = state.sent.mark();
        let changes_more = batch.iter().any(|job| matches!(job, Job::Call(_)));
        let result = attempt(&mut self.conn, state, now_ms, batch, &mut done);
        let deliveries = std::mem::take(&mut state.deliveries);
        let accepted = std::mem::take(&mut state.accepted);
        state.bodies = 0;
        self.observer.transaction(Transaction {
            accepted: if result.is_ok() { accepted } else { 0 },
            took: begin.elapsed(),
            waiting: QUEUE.saturating_sub(self.room.available_permits()),
            failed: result.is_err(),
        });
        match result {
            Ok(()) => {
                if state.untold == Untold::Failed {
                    state.untold = Untold::Some;
                }
                state.sent.committed();
                if changes_more {
                    self.note_revocations(now_ms / 1000);
                }
                // Before the answers, so that whoever has an answer knows that the deliveries are on their way.
                if !deliveries.is_empty() {
                    self.observer.committed(deliveries);
                }
                for item in done {
                    match item {
                        Done::Call(finish) => finish(Ok(())),
                        Done::Relay(submission, outcomes) if !outcomes.is_empty() => {
                            submission.replies.replied(outcomes);
                        }
                        Done::Relay(..) => {}
                    }
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a transaction failed");
                state.back_to(sent);
                state.untold = Untold::Failed;
                fail(done, &error);
            }
        }
    }
}

/// Carries the batch out and commits. Every job ends up in `done`, also when the transaction fails.
fn attempt(conn: &mut Connection, state: &mut State, now_ms: i64, batch: Vec<Job>, done: &mut Vec<Done>) -> Result<()> {
    let transaction = match conn.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            done.extend(batch.into_iter().map(Job::skip));
            return Err(error.into());
        }
    };
    let mut failure = None;
    for job in batch {
        done.push(if failure.is_some() {
            job.skip()
        } else {
            let conn = &transaction;
            job.carry_out(&mut Tx { conn, state, now_ms }, &mut failure)
        });
    }
    if let Some(error) = failure {
        return Err(error);
    }
    Tx { conn: &transaction, state, now_ms }.tell_more()?;
    state.flush(&transaction)?;
    state.write_total(&transaction)?;
    transaction.commit()?;
    state.noted_position = state.next_position;
    Ok(())
}

impl Job {
    fn carry_out(self, tx: &mut Tx<'_>, failure: &mut Option<StorageError>) -> Done {
        match self {
            Self::Relay(mut submission) => {
                let mut outcomes = unanswered(&submission);
                *failure = tx.relay(&mut submission, &mut outcomes).err();
                Done::Relay(submission, outcomes)
            }
            Self::Call(call) => {
                let called = call(Some(tx));
                *failure = called.failure;
                Done::Call(called.finish)
            }
        }
    }

    /// The transaction has failed before this job's turn.
    fn skip(self) -> Done {
        match self {
            Self::Relay(submission) => {
                let outcomes = unanswered(&submission);
                Done::Relay(submission, outcomes)
            }
            Self::Call(call) => Done::Call(call(None).finish),
        }
    }
}

/// Outcomes to be filled in.
fn unanswered(submission: &Submission) -> Vec<Outcome> {
    let outcome = |message: &Outgoing| Outcome { message_id: message.message_id, result: Ok(None) };
    submission.messages.iter().map(outcome).collect()
}

fn fail(done: Vec<Done>, error: &StorageError) {
    for item in done {
        match item {
            Done::Call(finish) => finish(Err(error)),
            Done::Relay(submission, mut outcomes) => {
                for outcome in &mut outcomes {
                    outcome.result = Err(error.refusal());
                }
                submission.replies.replied(outcomes);
            }
        }
    }
}
