//! The thread that writes: one transaction after the other.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::mpsc;

use super::bell::Bell;
use super::changes::Feed;
use super::closing::{Threads, WRITER};
use super::log;
use super::tx::Tx;
use crate::error::StoreError;

/// Calls that may wait for the thread; callers beyond that wait in [`super::Store::write`].
const QUEUE: usize = 64;

pub(super) type Job = Box<dyn FnOnce(&mut Writer) + Send>;

/// What the thread owns.
pub(super) struct Writer {
    connection: Connection,
    feed: Feed,
    bell: Bell,
    /// Tells this process's entries in the log from those of others.
    own: i64,
}

impl Writer {
    /// Starts the thread. It ends, and closes the connection, when the last sender is gone and all jobs are done.
    pub(super) fn start(
        connection: Connection,
        dir: &Path,
        own: i64,
        feed: Feed,
        threads: &Arc<Threads>,
    ) -> Result<mpsc::Sender<Job>, StoreError> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let mut writer = Self { connection, feed, bell: Bell::open(dir)?, own };
        threads.spawn(WRITER, move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut writer);
            }
        })?;
        Ok(jobs)
    }

    /// Runs `work` in a transaction; what it changed is told after the commit.
    pub(super) fn transact<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
        let tx = Tx::of(&transaction);
        let value = work(&tx)?;
        let changes = tx.into_changes().told();
        if !changes.is_empty() {
            log::enter(&transaction, self.own, &changes)?;
        }
        transaction.commit().map_err(StoreError::from)?;
        if !changes.is_empty() {
            self.feed.publish(changes);
            self.bell.ring();
        }
        Ok(value)
    }
}
