//! A clock that clients share, and that can be moved.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use privmsg_client::SystemClock;
use tokio::sync::Notify;

/// Goes on at the pace of time, ahead of it by what it was moved. Clones move together.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<State>);

#[derive(Debug, Default)]
struct State {
    ahead_ms: AtomicI64,
    moved: Notify,
}

impl Clock {
    /// Shows the system's time: certificates and tokens that were made by that clock are valid.
    #[must_use]
    pub fn right() -> Self {
        Self::default()
    }

    /// By how many seconds it was moved.
    #[must_use]
    pub fn is_ahead_by(&self) -> i64 {
        self.0.ahead_ms.load(Ordering::SeqCst) / 1000
    }

    /// Moves it on, and wakes whoever waits for a time that has come by that.
    pub fn advance(&self, seconds: i64) {
        self.0.ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.0.moved.notify_waiters();
    }
}

impl privmsg_client::Clock for Clock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.ahead_ms.load(Ordering::SeqCst)
    }

    fn sleep_until(&self, ms: i64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            loop {
                let moved = self.0.moved.notified();
                let Ok(left @ 1..) = u64::try_from(ms.saturating_sub(self.now_ms())) else { return };
                tokio::select! {
                    () = moved => {}
                    () = tokio::time::sleep(Duration::from_millis(left)) => {}
                }
            }
        })
    }
}
