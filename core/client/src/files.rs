//! Files of messages: encrypted into the profile's folder before they go up, kept there as they come down, decrypted where
//! the user wants them. All in constant memory.

mod durable;
pub(crate) mod fetch;
pub(crate) mod folder;
pub(crate) mod save;
pub(crate) mod seal;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Progress of a transfer: bytes done and in all.
pub(crate) type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Between two reports of progress: whoever shows it draws no more often, and other events are not to be lost among them.
const PACE: Duration = Duration::from_millis(100);

/// Reports progress now and then, and the end of it.
pub(crate) fn paced(report: impl Fn(u64, u64) + Send + Sync + 'static) -> Progress {
    let last = Mutex::new(None::<Instant>);
    Arc::new(move |done, total| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if done >= total || last.is_none_or(|last| last.elapsed() >= PACE) {
            *last = Some(Instant::now());
            report(done, total);
        }
    })
}

/// Bytes that are read or written at a time.
pub(crate) const PIECE: usize = 256 * 1024;

/// Tells a thread that nobody waits for it any more, once this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

/// The thread's side.
#[derive(Debug, Clone)]
pub(crate) struct Cancelled(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn heard(&self) -> Cancelled {
        Cancelled(Arc::clone(&self.0))
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Cancelled {
    /// # Errors
    /// [`std::io::ErrorKind::Interrupted`] once nobody waits any more.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(std::io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}
