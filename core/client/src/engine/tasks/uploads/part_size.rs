//! How much of a file goes up in one request.
//!
//! The server keeps what has come of a request that breaks, so one request for the whole file would do, if there were
//! nothing in between. But reverse proxies collect a request before they pass it on, and refuse large ones (nginx beyond
//! 1 MB, unless told otherwise): what breaks on the way to them is lost as a whole, and what they refuse never arrives.
//! So parts grow while all is well and shrink with each that fails.

use std::sync::atomic::{AtomicU64, Ordering};

const SMALLEST: u64 = 64 << 10;
const FIRST: u64 = 1 << 20;
const LARGEST: u64 = 64 << 20;

/// Shared by all uploads over one connection.
#[derive(Debug)]
pub(super) struct PartSize {
    size: AtomicU64,
    /// Whoever refuses large requests does so each time.
    limit: AtomicU64,
}

impl Default for PartSize {
    fn default() -> Self {
        Self { size: FIRST.into(), limit: LARGEST.into() }
    }
}

impl PartSize {
    pub(super) fn get(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// A part has arrived.
    pub(super) fn arrived(&self) {
        self.set(self.get().saturating_mul(2));
    }

    /// A part has broken off.
    pub(super) fn broke(&self) {
        self.set(self.get() / 2);
    }

    /// A part of `len` bytes was too large for something on the way. Returns whether a smaller one is worth trying.
    pub(super) fn refused(&self, len: u64) -> bool {
        self.limit.fetch_min((len / 2).max(SMALLEST), Ordering::Relaxed);
        self.set(self.get());
        len > SMALLEST
    }

    fn set(&self, size: u64) {
        self.size.store(size.min(self.limit.load(Ordering::Relaxed)).max(SMALLEST), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_shrink_and_stay_below_what_was_refused() {
        let part = PartSize::default();
        for _ in 0..20 {
            part.arrived();
        }
        assert_eq!(part.get(), LARGEST);
        part.broke();
        assert_eq!(part.get(), LARGEST / 2);
        assert!(part.refused(4 << 20));
        part.arrived();
        assert_eq!(part.get(), 2 << 20);
        for _ in 0..20 {
            part.broke();
        }
        assert_eq!(part.get(), SMALLEST);
        assert!(!part.refused(SMALLEST));
        part.arrived();
        assert_eq!(part.get(), SMALLEST);
    }
}
