//! What handlers work with.

mod allowances;
mod checks;
mod doors;
mod keys;

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::allowances::{Allowances, Shown};
pub(crate) use self::doors::Doors;
pub(crate) use self::keys::Keys;
use crate::challenges::Challenges;
use crate::clock::Clock;
use crate::config::Config;
use crate::doctor::Practice;
use crate::files::FileStore;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::readiness::Readiness;
use crate::secrets::KeyHash;
use crate::storage::SharedStorage;

/// The running server. Shared by everything that serves a request.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) storage: SharedStorage,
    pub(crate) files: FileStore,
    pub(crate) hub: Arc<Hub>,
    pub(crate) metrics: Arc<Metrics>,
    /// How often who may do what.
    pub(crate) allowances: Allowances,
    /// How many of what there may be at the same time.
    pub(crate) doors: Doors,
    /// Who has the admin key, and who tries wrong keys.
    pub(crate) keys: Keys,
    /// What is signed to be let in.
    pub(crate) challenges: Challenges,
    pub(crate) readiness: Readiness,
    pub(crate) practice: Practice,
    /// Soft stop: nothing new is begun.
    pub(crate) stopping: CancellationToken,
    /// Tasks that the server waits for before it is stopped.
    pub(crate) tasks: TaskTracker,
}

/// [`App`] as handlers get it. One that needs only a part of it asks for that part.
#[derive(Clone)]
pub(crate) struct AppState(Arc<App>);

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl FromRef<AppState> for SharedStorage {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.storage)
    }
}

impl FromRef<AppState> for Arc<Hub> {
    fn from_ref(app: &AppState) -> Self {
        Self::clone(&app.hub)
    }
}

impl FromRef<AppState> for Clock {
    fn from_ref(app: &AppState) -> Self {
        app.clock.clone()
    }
}

/// What [`App`] is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) storage: SharedStorage,
    pub(crate) hub: Arc<Hub>,
    pub(crate) files: FileStore,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) admin_key: KeyHash,
    pub(crate) stopping: CancellationToken,
}

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, clock, storage, hub, files, metrics, admin_key, stopping } = parts;
        Self(Arc::new(App {
            allowances: Allowances::new(&config.limits, clock.clone()),
            doors: Doors::new(&config.limits),
            keys: Keys::new(admin_key, &config.limits, clock.clone()),
            challenges: Challenges::new(clock.clone()),
            readiness: Readiness::new(SharedStorage::clone(&storage), &config, stopping.clone()),
            practice: Practice::default(),
            tasks: TaskTracker::new(),
            config,
            clock,
            storage,
            files,
            hub,
            metrics,
            stopping,
        }))
    }
}
