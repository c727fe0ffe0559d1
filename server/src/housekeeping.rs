//! What happens beside requests of clients: errands of the command line, and forgetting what is too old.

use std::time::Duration;

use crate::admin::requests;
use crate::app::App;
use crate::clock::Trust;
use crate::hub::CloseReason;
use crate::storage::{Cutoffs, StorageError};

/// How often the server looks for errands. A revoked user's sockets are to be closed within a second.
const TICK: Duration = Duration::from_millis(250);

/// Sent ids are remembered at least so long: a client may come back after weeks and send again what it does not know
/// to have arrived.
const SEEN_SECONDS: i64 = 30 * 24 * 3600;

/// Ended tokens get `token_expired` for so long, then `unauthorized`.
const TOKEN_SECONDS: i64 = 30 * 24 * 3600;

/// Administrative acts are remembered for a year and a month: what happened at the same time last year is still there.
const AUDIT_SECONDS: i64 = 400 * 24 * 3600;

/// How often the server looks whether a replacement of an identity takes effect.
const REPLACEMENTS_MS: i64 = 10_000;

/// Runs until the server stops.
pub(crate) async fn run(app: &App) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let interval = i64::from(app.config.storage.cleanup_interval_minutes) * 60_000;
    // Once at the start: the server may have been off for long. By passed time: a clock that was set back must not put it
    // off for as long.
    let mut next_cleanup = app.clock.passed_ms();
    let mut next_replacements = app.clock.passed_ms();
    let mut trust = Trust::new(app.clock.clone());
    let mut has_caught_up = false;
    loop {
        tokio::select! {
            () = app.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = requests::carry_out_waiting(app).await {
            log(&error, "requests of the command line were not carried out");
        }
        let trusted = trust.is_given();
        // The three days of a replacement are not over because a clock was set ahead.
        if trusted && app.clock.passed_ms() >= next_replacements {
            next_replacements = app.clock.passed_ms() + REPLACEMENTS_MS;
            // Nobody could end them while the server was off.
            if !has_caught_up {
                has_caught_up = put_off_replacements(app).await;
            }
            if has_caught_up {
                replace_identities(app).await;
            }
        }
        if interval > 0 && trusted && app.clock.passed_ms() >= next_cleanup {
            next_cleanup = app.clock.passed_ms() + interval;
            clean(app).await;
        }
    }
}

async fn put_off_replacements(app: &App) -> bool {
    let done = app.storage.put_off_replacements(app.clock.now()).await;
    done.inspect_err(|error| log(error, "replacements of identities were not put off")).is_ok()
}

/// Lets identities take the place of others whose time is over.
async fn replace_identities(app: &App) {
    match app.storage.replace_identities(app.clock.now()).await {
        Ok(replaced) => {
            app.hub.close(&replaced.signed_out, CloseReason::SessionEnded);
            if replaced.accounts > 0 {
                tracing::info!(accounts = replaced.accounts, "identities were replaced");
            }
        }
        Err(error) => log(&error, "identities were not replaced"),
    }
}

async fn clean(app: &App) {
    let now = app.clock.now();
    let hours = i64::from(app.config.storage.max_message_age_hours);
    let message_age = hours * 3600;
    let cutoffs = Cutoffs {
        now,
        messages: if hours == 0 { i64::MIN } else { now - message_age },
        seen: now - SEEN_SECONDS.max(2 * message_age),
        tokens: now - TOKEN_SECONDS,
        audit: now - AUDIT_SECONDS,
    };
    match app.storage.expire(cutoffs).await {
        Ok(files) => {
            for file in files {
                remove(app, &file).await;
            }
        }
        Err(error) => log(&error, "cleanup failed"),
    }
    sweep(app).await;
}

/// Deletes files that no row names: left by a process that died between the two.
async fn sweep(app: &App) {
    let files = match app.files.list().await {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot list files");
            return;
        }
    };
    for file in files {
        match app.storage.file_is_known(file.clone()).await {
            Ok(true) => {}
            Ok(false) => remove(app, &file).await,
            Err(error) => {
                log(&error, "cannot look up files");
                return;
            }
        }
    }
}

async fn remove(app: &App, file: &privmsg_protocol::FileId) {
    if let Err(error) = app.files.remove(file).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "a file was not deleted");
    }
}

fn log(error: &StorageError, what: &'static str) {
    tracing::error!(error = error as &dyn std::error::Error, "{what}");
}
