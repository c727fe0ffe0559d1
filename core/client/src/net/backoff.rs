//! How long to wait before the next attempt.

use std::time::Duration;

/// First pause. Short, because most interruptions are.
const FIRST: Duration = Duration::from_millis(500);

/// Longest pause: a server that was away for a night is found again within a minute.
const LONGEST: Duration = Duration::from_secs(60);

/// Exponential back-off with full jitter: each pause is chosen evenly between zero and a bound that doubles, so that a
/// thousand clients of a restarted server do not come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    bound: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { bound: FIRST }
    }

    /// The next pause, for a random fraction of 0 to 1.
    pub(crate) fn next(&mut self, fraction: f64) -> Duration {
        let pause = self.bound.mul_f64(fraction.clamp(0.0, 1.0));
        self.bound = (self.bound * 2).min(LONGEST);
        pause
    }

    pub(crate) const fn reset(&mut self) {
        self.bound = FIRST;
    }
}

/// A random number between 0 and 1, for jitter. Without randomness from the system, there is no jitter.
pub(crate) fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_over() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..10).map(|_| backoff.next(1.0)).collect();
        assert_eq!(pauses[0], FIRST);
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(pauses[9], LONGEST);
        backoff.reset();
        assert_eq!(backoff.next(0.5), FIRST / 2);
    }
}
