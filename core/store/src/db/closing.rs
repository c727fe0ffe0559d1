//! Databases that are open in this process, and the news that one has been closed.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

static OPEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// Waits until all databases of this process are closed, which they are when the last handle to each is gone. Returns
/// whether they are.
///
/// A program calls it before it ends: OpenSSL takes itself down in `exit`, and SQLCipher on a thread of its own would go
/// on using it.
#[must_use]
pub fn wait_until_closed(patience: Duration) -> bool {
    let open = OPEN.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = OPEN.1.wait_timeout_while(open, patience, |open| *open > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

/// How long the end of a handle waits for its threads. What they have in hand takes well under a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The threads of one open database.
#[derive(Default)]
pub(super) struct Threads {
    running: Mutex<usize>,
    ended: Condvar,
}

/// Counts a thread with a connection for as long as it lives.
pub(super) struct Counted(Arc<Threads>);

impl Counted {
    pub(super) fn new(threads: &Arc<Threads>) -> Self {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        *threads.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(threads))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        OPEN.1.notify_all();
    }
}

/// Dropped behind the last sender of jobs: waits until the threads have closed their connections. Who lets go of a
/// database and ends, as a test does, must not be overtaken by what SQLCipher and OpenSSL take down in `exit`.
pub(super) struct Closing(pub(super) Arc<Threads>);

impl Drop for Closing {
    fn drop(&mut self) {
        // A job that has the last handle cannot wait for its own thread.
        if std::thread::current().name().is_some_and(|name| THREADS.contains(&name)) {
            return;
        }
        let running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.ended.wait_timeout_while(running, PATIENCE, |running| *running > 0));
    }
}

/// Names of the threads.
pub(super) const WRITER: &str = "privmsg-store";
pub(super) const READER: &str = "privmsg-read";
const THREADS: [&str; 2] = [WRITER, READER];
