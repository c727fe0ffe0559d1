//! Waiting for something without sleeping for a fixed time.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, bail};

/// Longer than any pause that a client makes on a busy machine; nothing waits for it that works.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something. Real time counts, so that tests may stop Tokio's.
///
/// # Errors
/// What `look` fails with, or that it found nothing for `patience`.
pub async fn until<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T> {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if start.elapsed() > patience {
            bail!("waited {} s for this: {what}", patience.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
}
