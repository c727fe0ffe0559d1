//! Databases that are open in this process, and the news that one has been closed.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

static OPEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// Waits until all databases of this process are closed, which they are when the last handle to each is gone. Returns
/// whether they are.
///
/// A program calls it before it ends: OpenSSL takes itself down in `exit`, and SQLCipher on a thread of its own would go
/// on using it.
#[must_use]
pub fn wait_until_closed(patience: Duration) -> bool {
    let open = OPEN.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = OPEN.1.wait_timeout_while(open, patience, |open| *open > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

/// Counts a thread with a connection for as long as it lives.
pub(super) struct Counted;

impl Counted {
    pub(super) fn new() -> Self {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        OPEN.1.notify_all();
    }
}
