//! Whether the server can do its work: asked by supervisors and load balancers, often, and by anybody.

use std::path::Path;
use std::time::Duration;

use privmsg_protocol::rest::{Readiness as Status, Ready, ReadyChecks};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::app::App;
use crate::disk;

/// How long an answer holds, so that asking costs nothing however often it is done.
const HOLDS: Duration = Duration::from_secs(1);

/// How long the database may take. A commit waits for the disk, not for seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The last answer, and who finds the next one while others wait for it.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, ReadyChecks)>>);

impl Readiness {
    pub(crate) async fn look(&self, app: &App) -> Ready {
        let mut last = self.0.lock().await;
        let checks = match *last {
            Some((at, checks)) if at.elapsed() < HOLDS => checks,
            _ => {
                let checks = check(app).await;
                *last = Some((Instant::now(), checks));
                checks
            }
        };
        // This costs nothing to know, and is to be known at once.
        let checks = ReadyChecks { running: !app.stopping.is_cancelled(), ..checks };
        let ReadyChecks { database, disk, running } = checks;
        let status = if database && disk && running { Status::Ready } else { Status::NotReady };
        Ready { status, checks }
    }
}

async fn check(app: &App) -> ReadyChecks {
    let database = match tokio::time::timeout(PATIENCE, app.storage.probe()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database does not answer as it should");
            false
        }
        Err(_) => {
            tracing::warn!("the database does not answer in time");
            false
        }
    };
    let storage = &app.config.storage;
    let reserve = app.config.limits.reserve_bytes();
    let folders = [storage.database_path.parent().unwrap_or(Path::new("")), storage.files_path.as_path()];
    ReadyChecks { database, disk: folders.into_iter().all(|folder| disk::has_reserve(folder, reserve)), running: true }
}
