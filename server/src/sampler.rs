//! Notes the server's figures every five minutes, for charts over time.

use std::time::Duration;

use crate::app::App;
use crate::storage::{Sample, StorageError};

/// How far apart samples are, in seconds.
pub(crate) const INTERVAL: i64 = 300;

/// How often the clock is looked at: it may jump, so sleeping until the next sample would not do.
const TICK: Duration = Duration::from_secs(1);

/// Samples between two rounds of thinning out older ones: an hour, which is what they are thinned to.
const ROUND: i64 = 3600;

/// Runs until the server stops.
pub(crate) async fn run(app: &App) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sampler = Sampler { app, taken: None, thinned: None, counted: 0 };
    loop {
        let stopping = tokio::select! {
            () = app.stopping.cancelled() => true,
            _ = ticks.tick() => false,
        };
        if let Err(error) = sampler.step(stopping).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "figures were not noted");
        }
        if stopping {
            return;
        }
    }
}

struct Sampler<'a> {
    app: &'a App,
    /// The place of the last sample: its time in intervals.
    taken: Option<i64>,
    /// The hour of the last thinning.
    thinned: Option<i64>,
    /// Messages that are in samples already.
    counted: u64,
}

impl Sampler<'_> {
    /// Takes a sample if it is time. A stop takes one always: what was counted since the last one would be lost.
    async fn step(&mut self, stopping: bool) -> Result<(), StorageError> {
        let now = self.app.clock.now();
        let place = now.div_euclid(INTERVAL);
        if self.taken == Some(place) && !stopping {
            return Ok(());
        }
        // Tried once for each place: whatever is wrong with the storage is not to be made worse from here.
        self.taken = Some(place);
        let counted = self.app.metrics.accepted();
        let stats = self.app.storage.stats().await?;
        let sample = Sample {
            at: place * INTERVAL,
            online_users: self.app.hub.online_users(),
            pending_messages: stats.pending_messages,
            stored_files: stats.stored_files,
            stored_bytes: stats.bytes,
            messages: counted - self.counted,
        };
        self.app.storage.add_sample(sample).await?;
        self.counted = counted;
        let hour = now.div_euclid(ROUND);
        if self.thinned != Some(hour) {
            self.thinned = Some(hour);
            self.app.storage.thin_samples(now).await?;
        }
        Ok(())
    }
}
