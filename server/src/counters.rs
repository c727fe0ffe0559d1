//! What has happened since the server started, as plain numbers that only grow. Counting costs one atomic addition;
//! whoever shows the numbers, over time or to a monitoring system, reads them here.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        // Numbers of different counters need not fit each other at every moment.
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Messages that have become durable for the first time; a repeat is not one more, however many mailboxes one is
    /// put into.
    pub(crate) messages: Counter,
}
