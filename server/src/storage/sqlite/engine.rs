//! The threads and connections of a database that is open.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::connection::{self, OpenError};
use super::journal::{self, Journal, JournalError};
use super::readers::{self, Readers};
use super::writer::{StateSeed, Touches, Writer};
use super::{checkpoint, taken_back, tx};
use crate::clock::Clock;
use crate::storage::{Actor, Bounds, Observer, Result, StorageError, Submission};

/// How the storage is set up.
pub(crate) struct Options<'a> {
    pub(crate) path: &'a Path,
    pub(crate) bounds: Bounds,
    pub(crate) clock: Clock,
}

/// The storage on SQLite.
pub(crate) struct SqliteStorage {
    /// `None` once closed.
    pub(super) handles: Mutex<Option<Arc<Handles>>>,
    pub(super) threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) clock: Clock,
    /// Of the database.
    pub(super) path: PathBuf,
}

pub(super) struct Handles {
    pub(super) writer: Writer,
    pub(super) readers: Readers,
}

/// Brings database and journal together. A database that knows less than its journal is of the past: somebody has put a
/// copy in its place by hand.
fn catch_up(conn: &mut Connection, journal: &mut Journal, now_ms: i64) -> std::result::Result<(), JournalError> {
    let last = journal.read()?.into_iter().flat_map(|read| read.entries).map(|entry| entry.id).max().unwrap_or(0);
    if last > journal::known(conn)? {
        let back = taken_back::bring_up(conn, journal, Actor::Server, now_ms)?;
        tracing::warn!(
            sessions = back.sessions,
            invitations = back.invitations.len(),
            devices = back.signed_out.len(),
            access_keys = back.access_keys.len(),
            deactivated = back.deactivated.len(),
            deleted = back.deleted.len(),
            lists = back.lists.len(),
            seals = back.seals.len(),
            blocks = back.blocks.len(),
            groups = back.groups.len(),
            "the database is an older one than before: all sessions and invitations have ended, and what was revoked since is \
             revoked again"
        );
        return Ok(());
    }
    let now = now_ms / 1000;
    let kept = journal.begin().and_then(|()| journal.take(conn, now)).and_then(|()| journal.shorten(now));
    if let Err(error) = kept {
        // A full disk must not keep the server from starting; it says so once more at the next change.
        tracing::error!(error = &error as &dyn std::error::Error, "the journal of revocations cannot be written");
    }
    Ok(())
}

impl SqliteStorage {
    /// Opens or creates the database.
    pub(crate) fn open(options: Options<'_>, observer: Arc<dyn Observer>) -> std::result::Result<Self, OpenError> {
        let path = options.path;
        let failed = |source| OpenError::Open { path: path.display().to_string(), source };
        let prepared = |source| OpenError::Prepare { path: path.display().to_string(), source };
        let mut conn = connection::create(path)?;
        let mut journal = Journal::of(path);
        catch_up(&mut conn, &mut journal, options.clock.now_ms())
            .map_err(|source| OpenError::Journal { path: path.display().to_string(), source })?;
        let seed = StateSeed {
            next_position: conn.query_row("SELECT next_position FROM total", [], |row| row.get(0)).map_err(failed)?,
            bounds: options.bounds,
        };
        let (checkpoints, checkpoint_thread) = checkpoint::start(path.to_owned()).map_err(prepared)?;
        let clock = options.clock.clone();
        let (writer, writer_thread) =
            Writer::start(conn, seed, options.clock, observer, checkpoints, journal).map_err(prepared)?;
        let (readers, mut threads) = Readers::start(path).map_err(|error| match error {
            readers::StartError::Open(source) => failed(source),
            readers::StartError::Thread(source) => prepared(source),
        })?;
        threads.push(checkpoint_thread);
        threads.push(writer_thread);
        Ok(Self {
            handles: Mutex::new(Some(Arc::new(Handles { writer, readers }))),
            threads: Mutex::new(threads),
            clock,
            path: path.to_owned(),
        })
    }

    fn handles(&self) -> Result<Arc<Handles>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(StorageError::Stopped)
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.handles()?.readers.call(read).await
    }

    pub(super) async fn write<T, F>(&self, touches: Touches, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut tx::Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.handles()?.writer.call(touches, write).await
    }
}

impl SqliteStorage {
    /// Takes messages and acknowledgements of one connection. Waits only for room in the queue.
    pub(crate) async fn submit(&self, submission: Submission) -> Result<()> {
        self.handles()?.writer.relay(submission).await
    }

    /// Finishes what is queued and closes. Later operations answer [`StorageError::Stopped`].
    pub(crate) async fn close(&self) {
        drop(self.handles.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // Operations that are still under way hold handles of their own; the threads end with the last of them.
        let path = self.path.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let well = threads.into_iter().all(|thread| thread.join().is_ok());
            connection::settle(&path);
            well
        });
        // Cancelled: the runtime is ending with the process, and the threads end by themselves.
        let panicked = joined.await.map_or_else(|error| error.is_panic(), |well| !well);
        if panicked {
            tracing::error!("a thread of the storage has panicked");
        }
    }
}
