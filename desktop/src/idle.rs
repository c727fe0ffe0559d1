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

/// Since when, and how long that may be.
#[derive(Debug)]
pub(crate) struct Idle {
    since: Moment,
}

impl Idle {
    pub(crate) const fn new(since: Moment) -> Self {
        Self { since }
    }

    /// Somebody is there. Whether that is too late: it may be somebody else by now.
    pub(crate) fn ends(&mut self, now: Moment, minutes: u16) -> bool {
        let is_over = self.is_over(now, minutes);
        if !is_over {
            self.since = now;
        }
        is_over
    }

    /// Whether it is so many minutes by now.
    pub(crate) fn is_over(&self, now: Moment, minutes: u16) -> bool {
        now.since(self.since) >= Duration::from_secs(60 * u64::from(minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(begun: Moment, even: u64, wall: u64) -> Moment {
        Moment { even: begun.even + Duration::from_secs(even), wall: begun.wall + Duration::from_secs(wall) }
    }

    #[test]
    fn sleep_counts_and_a_clock_that_was_set_back_does_not() {
        let begun = Moment::now();
        let idle = Idle::new(begun);
        assert!(!idle.is_over(at(begun, 299, 299), 5));
        assert!(idle.is_over(at(begun, 300, 0), 5), "the clock was set back meanwhile");
        assert!(idle.is_over(at(begun, 1, 300), 5), "the machine has slept");
        let before = Moment { wall: begun.wall - Duration::from_secs(3600), ..begun };
        assert!(!idle.is_over(before, 5));
    }

    #[test]
    fn who_comes_in_time_is_there_and_who_comes_late_may_be_anybody() {
        let begun = Moment::now();
        let mut idle = Idle::new(begun);
        assert!(!idle.ends(at(begun, 200, 200), 5));
        assert!(!idle.is_over(at(begun, 400, 400), 5), "counted from the last sign");
        assert!(idle.ends(at(begun, 201, 3600), 5), "the lid was opened after an hour");
        assert!(idle.is_over(at(begun, 202, 3601), 5), "that was no sign of whose machine it is");
    }
}
