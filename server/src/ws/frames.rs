//! How many frames a connection may send.

use tokio::time::Instant;

/// Seconds of the average: so much may come at once, after a connection was quiet.
const SECONDS: i64 = 20;

const SECOND_MS: i64 = 1000;

/// What one connection may send. What is beyond it is refused but still counts, so that whoever goes on all the same
/// is found out: see [`Verdict::Flood`].
pub(super) struct Frames {
    /// Frames in a second; 0 for no limit.
    rate: i64,
    /// A thousand for each frame. Below zero when frames are refused.
    level: i64,
    at: Instant,
}

/// What becomes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Welcome,
    /// Too many; milliseconds until the next one is welcome.
    Wait(u64),
    /// As many refused as are welcome at once: this one does not listen.
    Flood,
}

impl Frames {
    pub(super) fn new(per_second: u32) -> Self {
        let rate = i64::from(per_second);
        Self { rate, level: rate * SECONDS * SECOND_MS, at: Instant::now() }
    }

    /// Counts one frame.
    pub(super) fn take(&mut self, now: Instant) -> Verdict {
        if self.rate == 0 {
            return Verdict::Welcome;
        }
        let full = self.rate * SECONDS * SECOND_MS;
        let elapsed = i64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        if elapsed > 0 {
            self.level = self.level.saturating_add(elapsed.saturating_mul(self.rate)).min(full);
            self.at = now;
        }
        self.level -= SECOND_MS;
        if self.level >= 0 {
            Verdict::Welcome
        } else if self.level > -full {
            Verdict::Wait((SECOND_MS - self.level).unsigned_abs().div_ceil(self.rate.unsigned_abs()))
        } else {
            Verdict::Flood
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_welcome_then_waits_are_named_then_it_is_a_flood() {
        let mut frames = Frames::new(1);
        let start = frames.at;
        assert!((0..20).all(|_| frames.take(start) == Verdict::Welcome));
        assert_eq!(frames.take(start), Verdict::Wait(2000));
        assert_eq!(frames.take(start + Duration::from_secs(2)), Verdict::Welcome, "whoever waits goes on");
        assert!((0..19).all(|_| matches!(frames.take(start + Duration::from_secs(2)), Verdict::Wait(_))));
        assert_eq!(frames.take(start + Duration::from_secs(2)), Verdict::Flood);
    }

    #[test]
    fn a_steady_stream_within_the_rate_goes_on_for_ever() {
        let mut frames = Frames::new(50);
        let start = frames.at;
        assert!((0..10_000).all(|n| frames.take(start + Duration::from_millis(20) * n) == Verdict::Welcome));
        let mut unlimited = Frames::new(0);
        assert!((0..10_000).all(|_| unlimited.take(start) == Verdict::Welcome));
    }
}
