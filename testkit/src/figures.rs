//! Distributions of measured times.

use std::time::Duration;

/// Times that were measured, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// Notes one.
    pub fn note(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds those of another.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that `percent` of all do not exceed, in microseconds; 0 without any.
    #[must_use]
    pub fn percentile_us(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().map_or(0.0, f64::from)
    }

    /// The median in milliseconds.
    #[must_use]
    pub fn p50_ms(&self) -> f64 {
        self.percentile_us(50) / 1000.0
    }

    /// The 99th percentile in milliseconds.
    #[must_use]
    pub fn p99_ms(&self) -> f64 {
        self.percentile_us(99) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let mut times = Times::default();
        assert!(times.p99_ms() < f64::EPSILON);
        for us in (1..=100).rev() {
            times.note(Duration::from_micros(us));
        }
        assert!((times.percentile_us(50) - 51.0).abs() < f64::EPSILON);
        assert!((times.percentile_us(99) - 100.0).abs() < f64::EPSILON);
    }
}
