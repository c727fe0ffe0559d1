//! Time as a parameter.

use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
