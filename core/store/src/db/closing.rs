//! The threads that have connections to a database, and their end.
//!
//! OpenSSL takes itself down in `exit`, and a thread that has used SQLCipher calls OpenSSL once more when it ends, behind
//! all that Rust drops there. So whoever wants to end has to wait for the threads themselves.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::StoreError;

/// The threads of all databases of this process that are open, or were when last somebody looked.
static OPEN: Mutex<Vec<Arc<Threads>>> = Mutex::new(Vec::new());

/// Waits until all databases of this process are closed, which they are when the last handle to each is gone. Returns
/// whether they are.
///
/// A program calls it before it ends: SQLCipher on a thread of its own would go on using what `exit` takes down.
#[must_use]
pub fn wait_until_closed(patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    open.iter().all(|threads| threads.have_ended(deadline))
}

/// How long the end of a handle waits for its threads. What they have in hand takes well under a second.
const PATIENCE: Duration = Duration::from_secs(2);

/// The threads of one open database.
#[derive(Default)]
pub(super) struct Threads {
    running: Mutex<usize>,
    ended: Condvar,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    /// Those of a database that is about to be opened.
    pub(super) fn of_a_database() -> Arc<Self> {
        let threads = Arc::<Self>::default();
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // One that somebody has besides may still be about to start its threads.
        open.retain(|others| Arc::strong_count(others) > 1 || !others.have_ended(Instant::now()));
        open.push(Arc::clone(&threads));
        threads
    }

    /// Starts one. What `run` owns is dropped before the thread counts as ended.
    pub(super) fn spawn(
        self: &Arc<Self>,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), StoreError> {
        let running = Running::new(self);
        let run = move || {
            run();
            drop(running);
        };
        let handle = std::thread::Builder::new().name(name.into()).spawn(run).map_err(StoreError::Thread)?;
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        Ok(())
    }

    /// Waits until `deadline` for all of them to end. Returns whether they have.
    fn have_ended(&self, deadline: Instant) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = deadline.saturating_duration_since(Instant::now());
        let waited = self.ended.wait_timeout_while(running, patience, |running| *running > 0);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 > 0 {
            return false;
        }
        // Held meanwhile, so that nobody takes them for ended whom another one still waits for.
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        for handle in handles.drain(..) {
            // One that has panicked has ended, too.
            let _ = handle.join();
        }
        true
    }
}

/// Counts a thread as running for as long as it has this.
struct Running(Arc<Threads>);

impl Running {
    fn new(threads: &Arc<Threads>) -> Self {
        *threads.running.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(Arc::clone(threads))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_all();
    }
}

/// Dropped behind the last sender of jobs: waits until the threads have closed their connections and ended.
pub(super) struct Closing(pub(super) Arc<Threads>);

impl Drop for Closing {
    fn drop(&mut self) {
        // A job that has the last handle cannot wait for its own thread.
        if std::thread::current().name().is_some_and(|name| THREADS.contains(&name)) {
            return;
        }
        if self.0.have_ended(Instant::now() + PATIENCE) {
            OPEN.lock().unwrap_or_else(PoisonError::into_inner).retain(|threads| !Arc::ptr_eq(threads, &self.0));
        }
    }
}

/// Names of the threads.
pub(super) const WRITER: &str = "privmsg-store";
pub(super) const READER: &str = "privmsg-read";
const THREADS: [&str; 2] = [WRITER, READER];

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// As OpenSSL does: something that a thread still does when all that it ran has returned.
    struct LastWork(Arc<AtomicBool>);

    impl Drop for LastWork {
        fn drop(&mut self) {
            std::thread::sleep(Duration::from_millis(100));
            self.0.store(true, Ordering::SeqCst);
        }
    }

    thread_local! {
        static LAST_WORK: RefCell<Option<LastWork>> = const { RefCell::new(None) };
    }

    #[test]
    fn a_thread_has_ended_when_its_last_work_is_done() {
        let threads = Threads::of_a_database();
        let done = Arc::new(AtomicBool::new(false));
        let work = LastWork(Arc::clone(&done));
        threads.spawn(READER, move || LAST_WORK.set(Some(work))).unwrap();
        assert!(threads.have_ended(Instant::now() + PATIENCE));
        assert!(done.load(Ordering::SeqCst));
    }
}
