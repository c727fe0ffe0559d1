//! How new what a profile knows is. What a user may do in a group is decided by what is known of it, and a profile that has not
//! fetched what waits knows less than it could.
//!
//! The engine notes how far it is, in memory for its own process and in the database for others. That a process was killed
//! meanwhile shows in the engine's lock, which the system takes back.

use privmsg_store::settings;
use tokio::sync::watch;

use crate::context::Context;

/// How far the engine is, for other processes.
pub(crate) const STANDING: &str = "engine_standing";

/// When everything that waited was last known to be here, ms.
pub(crate) const IN_STEP_AT: &str = "in_step_at";

/// How new what is known is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// Everything that waited on the server is here.
    Now,
    /// Perhaps more has happened since.
    Earlier {
        /// When everything was here the last time, ms, if it ever was.
        at_ms: Option<i64>,
    },
}

/// How far the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Standing {
    /// None runs in this process.
    #[default]
    Stopped,
    /// It connects, or fetches what waits.
    Coming,
    /// Everything is here.
    InStep,
    /// It cannot come by it: the server cannot be reached, or does not let this device in.
    Away,
}

impl Standing {
    const fn number(self) -> i64 {
        match self {
            Self::Stopped => 0,
            Self::Coming => 1,
            Self::InStep => 2,
            Self::Away => 3,
        }
    }

    pub(crate) fn of_number(number: i64) -> Self {
        [Self::Coming, Self::InStep, Self::Away].into_iter().find(|one| one.number() == number).unwrap_or_default()
    }
}

/// How far the engine of this process is, for whoever waits for it.
#[derive(Debug)]
pub(crate) struct Progress(watch::Sender<Standing>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(Standing::Stopped))
    }
}

impl Progress {
    pub(crate) fn set(&self, standing: Standing) {
        self.0.send_replace(standing);
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Standing> {
        self.0.subscribe()
    }
}

/// Notes how far the engine of this process is. Where that cannot be kept, others take what they know for older than it is.
pub(crate) async fn note(context: &Context, standing: Standing) {
    let before = *context.progress.0.borrow();
    context.progress.set(standing);
    let now = context.clock.now_ms();
    let keep = move |tx: &privmsg_store::Tx<'_>| {
        if standing == Standing::InStep || before == Standing::InStep {
            settings::set(tx, IN_STEP_AT, now)?;
        }
        settings::set(tx, STANDING, standing.number())
    };
    if let Err(error) = context.store.write(keep).await {
        tracing::warn!(%error, "how far the engine is is not kept");
    }
}
