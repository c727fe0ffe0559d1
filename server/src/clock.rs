//! The time as a parameter, so that tests of expiry need not wait.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the server reads the time of day. Cheap to clone; clones of a manual clock move together.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Manual>>,
}

#[derive(Debug)]
struct Manual {
    now_ms: AtomicI64,
    passed_ms: AtomicI64,
}

/// What the system's clock counts passed time from.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is moved.
    #[must_use]
    pub fn manual(unix_seconds: i64) -> Self {
        let manual = Manual { now_ms: AtomicI64::new(unix_seconds * 1000), passed_ms: AtomicI64::new(0) };
        Self { manual: Some(Arc::new(manual)) }
    }

    /// Lets time pass on a manual clock. The system's clock is left alone.
    pub fn advance(&self, seconds: i64) {
        if let Some(manual) = &self.manual {
            manual.passed_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
        self.jump(seconds);
    }

    /// Sets a manual clock to another time, without any time having passed.
    pub fn jump(&self, seconds: i64) {
        if let Some(manual) = &self.manual {
            manual.now_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }

    /// Milliseconds that have passed, whatever the clock was set to meanwhile. Only differences mean anything.
    #[must_use]
    pub(crate) fn passed_ms(&self) -> i64 {
        match &self.manual {
            Some(manual) => manual.passed_ms.load(Ordering::SeqCst),
            None => i64::try_from(BEGINNING.elapsed().as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.manual {
            Some(manual) => manual.now_ms.load(Ordering::SeqCst),
            None => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
        }
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now_ms() / 1000
    }
}

/// Tells when the time of day is not to be trusted with deleting: it has just been set ahead. A wrong clock would make
/// everything look too old at once, and what is deleted does not come back when the clock is put right.
pub(crate) struct Trust {
    clock: Clock,
    now_ms: i64,
    passed_ms: i64,
    /// By passed time.
    from_ms: i64,
}

/// Steps ahead that are trusted: what drift and leap seconds need is far less.
const TRUSTED_STEP_MS: i64 = 10 * 60 * 1000;

/// How long a step ahead is not believed: time for somebody, or the time service, to put the clock right.
const DOUBT_MS: i64 = 3600 * 1000;

impl Trust {
    pub(crate) fn new(clock: Clock) -> Self {
        let (now_ms, passed_ms) = (clock.now_ms(), clock.passed_ms());
        Self { clock, now_ms, passed_ms, from_ms: passed_ms }
    }

    /// Whether things may be deleted for their age. To be asked often: steps are what has changed since the last time.
    pub(crate) fn is_given(&mut self) -> bool {
        let (now_ms, passed_ms) = (self.clock.now_ms(), self.clock.passed_ms());
        let step = (now_ms - self.now_ms) - (passed_ms - self.passed_ms);
        (self.now_ms, self.passed_ms) = (now_ms, passed_ms);
        if step > TRUSTED_STEP_MS {
            tracing::warn!(
                seconds = step / 1000,
                "the clock was set ahead; nothing is deleted for its age for an hour"
            );
            self.from_ms = passed_ms + DOUBT_MS;
        } else if step < -TRUSTED_STEP_MS {
            tracing::warn!(seconds = -step / 1000, "the clock was set back");
            self.from_ms = passed_ms;
        }
        passed_ms >= self.from_ms
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, as the API shows times to people. `None` for 0, which stands for "never".
pub(crate) fn format_utc(unix_seconds: i64) -> Option<String> {
    if unix_seconds == 0 {
        return None;
    }
    let days = unix_seconds.div_euclid(86_400);
    let second = unix_seconds.rem_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    Some(format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60))
}

/// Proleptic Gregorian date of a number of days since 1970-01-01, counting in eras of 400 years that begin in March,
/// so that the leap day is the last day of a year.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_documented() {
        for (seconds, text) in [
            (1_704_110_400, "2024-01-01 12:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_868_799, "2000-02-29 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(format_utc(seconds).as_deref(), Some(text));
        }
        assert_eq!(format_utc(0), None);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(100);
        let other = clock.clone();
        other.advance(5);
        assert_eq!(clock.now(), 105);
    }

    #[test]
    fn a_step_ahead_is_doubted_for_a_while() {
        let clock = Clock::manual(1_000_000);
        let mut trust = Trust::new(clock.clone());
        clock.advance(30 * 86_400);
        assert!(trust.is_given(), "time that has passed is no step");
        clock.jump(60);
        assert!(trust.is_given());
        clock.jump(86_400);
        assert!(!trust.is_given());
        clock.jump(-86_400);
        assert!(trust.is_given(), "put right");
        clock.jump(86_400);
        assert!(!trust.is_given());
        clock.advance(3_599);
        assert!(!trust.is_given());
        clock.advance(1);
        assert!(trust.is_given(), "nobody has put it right: it is right");
    }
}
