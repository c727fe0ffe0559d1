//! The open database, as the rest of the program has it.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use super::bell::Listener;
use super::changes::{Changes, Feed};
use super::closing::{Closing, Threads};
use super::connection::{DATABASE_FILE, open_writer};
use super::log;
use super::migrate::migrate;
use super::readers;
use super::tx::{Snapshot, Tx};
use super::writer::{self, Writer};
use crate::error::StoreError;
use crate::key::DatabaseKey;

/// A handle to the open database. Clones share it; it is closed when the last one is gone.
#[derive(Clone)]
pub struct Store {
    writer: mpsc::Sender<writer::Job>,
    readers: mpsc::Sender<readers::Job>,
    feed: Feed,
    key: Arc<DatabaseKey>,
    /// What is logged about this database is logged within it.
    span: Span,
    /// Hears of other processes' commits for as long as somebody has the store.
    _listener: Arc<Listener>,
    /// The last field: it waits for threads that end once the senders above are gone.
    _closing: Arc<Closing>,
}

impl Store {
    /// Opens the database in `dir`, creating and upgrading it as needed.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] if `key` does not open the file, [`StoreError::Newer`] if a newer build wrote it.
    pub fn open(dir: &Path, key: &DatabaseKey) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE_FILE);
        let mut connection = open_writer(&path, key)?;
        migrate(&mut connection)?;
        let own = rand_id()?;
        let feed = Feed::new();
        let seen = log::newest(&connection)?;
        let threads = Threads::of_a_database();
        let readers = readers::start(&path, key, &threads)?;
        let writer = Writer::start(connection, dir, own, feed.clone(), &threads)?;
        let listener = Listener::start(dir, own, seen, readers.downgrade(), feed.clone())?;
        let closing = Arc::new(Closing(threads));
        let key = Arc::new(key.clone());
        Ok(Self { writer, readers, feed, key, span: Span::none(), _listener: Arc::new(listener), _closing: closing })
    }

    /// Whether it was opened by this key. In constant time.
    #[must_use]
    pub fn is_opened_by(&self, key: &DatabaseKey) -> bool {
        self.key.as_bytes().ct_eq(key.as_bytes()).into()
    }

    /// The same, with all that `work` logs on the database's threads within `span`.
    #[must_use]
    pub fn in_span(self, span: Span) -> Self {
        Self { span, ..self }
    }

    /// Runs `work` in one write transaction. It is committed if `work` returns `Ok`, and is durable when this returns;
    /// otherwise nothing of it remains, and nobody hears of it.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`] of the transaction itself.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let span = self.span.clone();
        let job: writer::Job = Box::new(move |writer| {
            let _within = span.enter();
            // The caller may have gone away; the transaction stands all the same.
            let _ = answer.send(writer.transact(work));
        });
        self.writer.send(job).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| E::from(StoreError::Closed))?
    }

    /// Runs `work` on a consistent snapshot, which has all that was committed before. Never waits for a write.
    ///
    /// # Errors
    /// As for [`Store::write`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Snapshot<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let span = self.span.clone();
        let job: readers::Job = Box::new(move |connection: &mut Connection| {
            let _within = span.enter();
            let _ = answer.send(readers::look(connection, work));
        });
        self.readers.send(job).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| E::from(StoreError::Closed))?
    }

    /// Follows what is committed from now on, in this process or another one that has the same profile open.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.feed.follow()
    }
}

/// Tells the processes of one profile apart.
fn rand_id() -> Result<i64, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| StoreError::NoRandomness)?;
    Ok(i64::from_le_bytes(bytes))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
