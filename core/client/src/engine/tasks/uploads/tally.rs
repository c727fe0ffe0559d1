//! What an attempt to upload a file has come to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use privmsg_store::uploads::Upload;

/// How many times as much may be sent as arrives, on a line that is merely bad: parts double, so that one that is lost as
/// a whole comes to twice what arrived before it, and what the system has taken and not sent counts, too.
const TIMES: u64 = 8;

/// Counts, also for an attempt that fails.
pub(super) struct Tally {
    confirmed: u64,
    sent: Arc<AtomicU64>,
}

impl Tally {
    /// Before an attempt.
    pub(super) fn of(file: &Upload) -> Self {
        Self { confirmed: file.confirmed, sent: Arc::default() }
    }

    /// The server says to have so much.
    pub(super) fn confirm(&mut self, bytes: u64) {
        self.confirmed = self.confirmed.max(bytes);
    }

    /// The most that the server has ever confirmed, in bytes.
    pub(super) const fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Bytes that were given to the connection.
    pub(super) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// How far the attempt has come, from the most that was confirmed before it. What a server says to have is progress
    /// only if it is more than ever before, and nothing like as much was sent in vain: it may forget all that it had again
    /// and again, and each time have a little more.
    pub(super) fn progress_since(&self, before: u64) -> u64 {
        let more = self.confirmed.saturating_sub(before);
        if more.saturating_mul(TIMES) < self.sent.load(Ordering::Relaxed) { 0 } else { more }
    }
}
