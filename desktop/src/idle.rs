//! For how long nobody has been there.

use std::time::{Duration, Instant, SystemTime};

/// A moment by both clocks: the one that runs evenly stands still while the machine sleeps, the other one can be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    even: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { even: Instant::now(), wall: SystemTime::now() }
    }

    /// By the clock that says more. One that was set back says nothing.
    fn since(self, earlier: Self) -> Duration {
        let by_wall = self.wall.duration_since(earlier.wall).unwrap_or_default();
        self.even.saturating_duration_since(earlier.even).max(by_wall)
    }
}

/// Since when.
#[derive(Debug)]
pub(crate) struct Idle {
    since: Moment,
}

impl Idle {
    pub(crate) const fn new(since: Moment) -> Self {
        Self { since }
    }

    /// Whether it is so many minutes by now.
    pub(crate) fn is_over(&self, now: Moment, minutes: u16) -> bool {
        now.since(self.since) >= Duration::from_secs(60 * u64::from(minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_counts_and_a_clock_that_was_set_back_does_not() {
        let begun = Moment::now();
        let idle = Idle::new(begun);
        let at = |even, wall| Moment {
            even: begun.even + Duration::from_secs(even),
            wall: begun.wall + Duration::from_secs(wall),
        };
        assert!(!idle.is_over(at(299, 299), 5));
        assert!(idle.is_over(at(300, 0), 5), "the clock was set back meanwhile");
        assert!(idle.is_over(at(1, 300), 5), "the machine has slept");
        let before = Moment { wall: begun.wall - Duration::from_secs(3600), ..begun };
        assert!(!idle.is_over(before, 5));
    }
}
