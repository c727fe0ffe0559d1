//! Whether the server can do its work: asked by supervisors and load balancers, often, and by anybody.

use std::path::PathBuf;
use std::time::Duration;

use privmsg_protocol::rest::{Readiness as Status, Ready, ReadyChecks};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::disk;
use crate::storage::SharedStorage;

/// How long an answer holds, so that asking costs nothing however often it is done.
const HOLDS: Duration = Duration::from_secs(1);

/// How long the database may take. A commit waits for the disk, not for seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Readiness {
    storage: SharedStorage,
    /// Where there has to be room, and how much.
    folders: [PathBuf; 2],
    reserve: u64,
    stopping: CancellationToken,
    /// The last answer, and who finds the next one while others wait for it.
    last: Mutex<Option<(Instant, ReadyChecks)>>,
}

impl Readiness {
    pub(crate) fn new(storage: SharedStorage, config: &Config, stopping: CancellationToken) -> Self {
        let database = config.storage.database_path.parent().map(PathBuf::from).unwrap_or_default();
        let folders = [database, config.storage.files_path.clone()];
        Self { storage, folders, reserve: config.limits.reserve_bytes(), stopping, last: Mutex::default() }
    }

    pub(crate) async fn look(&self) -> Ready {
        let mut last = self.last.lock().await;
        let checks = match *last {
            Some((at, checks)) if at.elapsed() < HOLDS => checks,
            _ => {
                let checks = self.check().await;
                *last = Some((Instant::now(), checks));
                checks
            }
        };
        // This costs nothing to know, and is to be known at once.
        let checks = ReadyChecks { running: !self.stopping.is_cancelled(), ..checks };
        let ReadyChecks { database, disk, running } = checks;
        let status = if database && disk && running { Status::Ready } else { Status::NotReady };
        Ready { status, checks }
    }

    async fn check(&self) -> ReadyChecks {
        let database = match tokio::time::timeout(PATIENCE, self.storage.probe()).await {
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
        let disk = self.folders.iter().all(|folder| disk::has_reserve(folder, self.reserve));
        ReadyChecks { database, disk, running: true }
    }
}
