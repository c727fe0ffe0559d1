//! The threads that read, each with a connection of its own: a long look at a history keeps nobody from anything.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc;

use super::closing::{READER, Threads};
use super::connection::open_reader;
use super::tx::Snapshot;
use crate::error::StoreError;
use crate::key::DatabaseKey;

/// One for a long read, one for the short ones beside it.
const READERS: usize = 2;

/// Calls that may wait for a free reader; callers beyond that wait in [`super::Store::read`].
const QUEUE: usize = 64;

pub(super) type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Starts the readers. They end when the last sender is gone.
pub(super) fn start(path: &Path, key: &DatabaseKey, threads: &Arc<Threads>) -> Result<mpsc::Sender<Job>, StoreError> {
    let (jobs, queue) = mpsc::channel::<Job>(QUEUE);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..READERS {
        let mut connection = open_reader(path, key)?;
        let queue = Arc::clone(&queue);
        threads.spawn(READER, move || {
            // Who waits holds the lock, and lets go of it with the job in hand.
            while let Some(job) = next(&queue) {
                job(&mut connection);
            }
        })?;
    }
    Ok(jobs)
}

fn next(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

/// Runs `work` on a consistent snapshot.
pub(super) fn look<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Snapshot<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(StoreError::from)?;
    work(&Snapshot::of(&transaction))
}
