//! What a supervisor like systemd is told (`Type=notify`): that the server is ready, that it stops, and, if it asks to
//! be told, that it is alive. Without `NOTIFY_SOCKET` in the environment nobody is told anything.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Without a watchdog nothing is to be told between start and stop.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// Says that the server listens, and from then on what is due.
///
/// A sign of life means that the runtime still hands out turns. It does not wait for the database: a disk that is slow
/// for a minute must not have the server killed.
pub(super) fn ready(address: &str, stopping: CancellationToken) -> JoinHandle<()> {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("listening on {address}"))]);
    // Twice as often as asked, as its manual advises.
    let pause = sd_notify::watchdog_enabled().map_or(NEVER, |limit| limit / 2);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                () = tokio::time::sleep(pause) => tell(&[NotifyState::Watchdog]),
            }
        }
        tell(&[NotifyState::Stopping, NotifyState::Status("finishing what is under way")]);
        loop {
            tokio::time::sleep(pause).await;
            tell(&[NotifyState::Watchdog]);
        }
    })
}

/// A supervisor that does not listen is no reason not to serve.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(error = &error as &dyn std::error::Error, "the supervisor was not told");
    }
}
