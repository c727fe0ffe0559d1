//! Moving the write-ahead log into the database, beside the writer instead of in it.
//!
//! SQLite's automatic checkpoint runs inside a commit, and everybody in that commit waits for it: too long for the
//! slowest hundredth of acknowledgements. Here a thread with a connection of its own does nearly all of the work
//! (`PASSIVE` blocks nobody). The log can be begun anew only when it is moved completely, which under constant load
//! the thread never quite reaches; so once the log is long the writer moves the small rest itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// Least time between two checkpoints under load: often enough that each is short, because what is left for the
/// writer is what the slowest acknowledgements wait for.
const INTERVAL: Duration = Duration::from_millis(100);

/// Rows changed below which there is no load: a checkpoint costs two flushes of the disk, so a few messages wait in the
/// log for [`LEISURE`].
const ROWS: u64 = 1_000;

/// Time between two checkpoints without load.
const LEISURE: Duration = Duration::from_secs(5);

/// Pages in the log (of 4 kB) at which the writer helps: 16 MB.
const LONG_LOG: i64 = 4_096;

/// Asks for checkpoints; held by the writer.
pub(super) struct Trigger {
    thread: SyncSender<()>,
    last: Instant,
    /// Rows that the writer had changed by then.
    rows: u64,
    /// Length of the log as the thread has last seen it.
    log: Arc<AtomicI64>,
}

pub(super) fn start(path: PathBuf) -> std::io::Result<(Trigger, JoinHandle<()>)> {
    let (thread, asked) = sync_channel::<()>(1);
    let log = Arc::new(AtomicI64::new(0));
    let seen = Arc::clone(&log);
    let handle = std::thread::Builder::new().name("storage-checkpoint".into()).spawn(move || {
        let conn = match super::connection::open_writable(&path) {
            Ok(conn) => conn,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no checkpoints");
                return;
            }
        };
        while asked.recv().is_ok() {
            seen.store(passive(&conn), Ordering::Relaxed);
        }
    })?;
    let trigger = Trigger { thread, last: Instant::now(), rows: 0, log };
    Ok((trigger, handle))
}

impl Trigger {
    /// Called by the writer between two transactions.
    pub(super) fn after_commit(&mut self, conn: &Connection) {
        let rows = conn.total_changes();
        let elapsed = self.last.elapsed();
        let idle = rows - self.rows < ROWS;
        if elapsed < INTERVAL || (idle && elapsed < LEISURE) {
            return;
        }
        self.last = Instant::now();
        self.rows = rows;
        if self.log.swap(0, Ordering::Relaxed) > LONG_LOG {
            passive(conn);
        } else {
            // Full: the thread is still busy with the last one.
            let _ = self.thread.try_send(());
        }
    }
}

/// Moves what can be moved without waiting. Returns the length of the log, in pages.
fn passive(conn: &Connection) -> i64 {
    conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1)).unwrap_or_else(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "checkpoint failed");
        0
    })
}
