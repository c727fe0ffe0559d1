//! Time as a parameter.

use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How long a clock is trusted to go on at the pace of time.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Wall-clock time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;

    /// Waits until the clock shows `ms`. A clock that is set, or a machine that slept, is noticed within a minute.
    fn sleep_until(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let Ok(left @ 1..) = u64::try_from(ms.saturating_sub(self.now_ms())) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(LONGEST_SLEEP)).await;
            }
        })
    }

    /// Seconds since 1970.
    fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }
}

/// What a clock shows, in seconds since 1970; before that it shows nothing of use.
pub(crate) fn seconds(ms: i64) -> u64 {
    (ms / 1000).try_into().unwrap_or(0)
}

/// Reads `YYYY-MM-DD HH:MM:SS`, UTC, as the server writes times: seconds since 1970.
#[must_use]
pub fn server_time(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    Some(time.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_second())
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// For tests: moves only when told to.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Hand {
    ms: std::sync::atomic::AtomicI64,
    moved: tokio::sync::Notify,
}

#[cfg(test)]
impl Hand {
    pub(crate) fn advance(&self, ms: i64) {
        self.ms.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

#[cfg(test)]
impl Clock for Hand {
    fn now_ms(&self) -> i64 {
        1_000_000 + self.ms.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn sleep_until(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let moved = self.moved.notified();
                if self.now_ms() >= ms {
                    return;
                }
                moved.await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_server_are_read() {
        for (text, expected) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("2000-02-29 12:00:00", Some(951_825_600)),
            ("2024-12-31 23:59:59", Some(1_735_689_599)),
            ("2026-11-27 14:10:00", Some(1_795_788_600)),
            ("2026-13-27 14:10:00", None),
            ("2026-02-31 14:10:00", None),
            ("2026-11-27T14:10:00", None),
            ("9223372036854775807-11-27 14:10:00", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(server_time(text), expected, "{text}");
        }
    }
}
