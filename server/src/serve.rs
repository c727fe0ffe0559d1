//! Starting and stopping the whole server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::Secret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{AppState, Parts};
use crate::clock::Clock;
use crate::config::Config;
use crate::files::FileStore;
use crate::http::{self, TlsError};
use crate::hub::Hub;
use crate::lock::{Lock, LockError};
use crate::metrics::{self, Metrics};
use crate::paths::shown;
use crate::secrets::{KeyHash, random_key};
use crate::storage::sqlite::{OpenError, Options, SqliteStorage};
use crate::storage::{Delivery, Observer, SharedStorage, StorageError, Transaction};
use crate::{backup, housekeeping, routes, sampler};

/// How long requests under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(5);

/// What a server needs to run.
#[derive(Debug)]
pub struct Params {
    /// Configuration, checked.
    pub config: Config,
    /// The time of day.
    pub clock: Clock,
    /// Stops the server when cancelled.
    pub shutdown: CancellationToken,
}

/// A server that listens, and serves once [`BoundServer::run`] is awaited.
pub struct BoundServer {
    listener: TcpListener,
    /// For whoever collects metrics.
    figures: Option<TcpListener>,
    address: SocketAddr,
    app: AppState,
    service: http::Service,
    tls: Option<http::Tls>,
    new_admin_key: Option<Secret>,
    /// Given back when the data is closed.
    lock: Lock,
}

/// Why a server did not start, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The configured address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another server works on the same data.
    #[error("another server is using the database {path}")]
    InUse {
        /// The database.
        path: String,
    },
    /// It cannot be told whether another server works on the same data.
    #[error("cannot lock {path}")]
    Lock {
        /// The file beside the database that is locked.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The folder of files cannot be used.
    #[error("cannot use the folder of files {path}")]
    Files {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Database(Box<dyn std::error::Error + Send + Sync>),
    /// The database is not this server's.
    #[error("the database {path} belongs to another program: it has the table `{table}`, and not those of this server")]
    ForeignData {
        /// The database.
        path: String,
        /// A table that it has.
        table: String,
    },
    /// A newer server has worked with the database.
    #[error("the database {path} is of a newer server (schema {found}; this one knows up to {known})")]
    NewerData {
        /// The database.
        path: String,
        /// Number of its last migration.
        found: i64,
        /// Number of the last migration that this server has.
        known: i64,
    },
    /// A restore ended in the middle: part of the data is not in its place.
    #[error("a backup was being restored to {path}, and that was not finished")]
    HalfRestored {
        /// The database.
        path: String,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl From<OpenError> for ServerError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Newer { path, found, known } => Self::NewerData { path, found, known },
            OpenError::HalfRestored { path } => Self::HalfRestored { path },
            OpenError::Foreign { path, table } => Self::ForeignData { path, table },
            other => Self::Database(Box::new(other)),
        }
    }
}

impl From<LockError> for ServerError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::InUse { path } => Self::InUse { path },
            LockError::Failed { path, source } => Self::Lock { path, source },
        }
    }
}

impl From<StorageError> for ServerError {
    fn from(error: StorageError) -> Self {
        Self::Database(Box::new(error))
    }
}

/// Opens the data, listens, and takes connections from then on; they are answered once [`BoundServer::run`] is awaited.
///
/// # Errors
/// [`ServerError`]
pub async fn bind(params: Params) -> Result<BoundServer, ServerError> {
    let Params { config, clock, shutdown } = params;
    let tls = http::Tls::new(&config.tls, &clock)?;
    // In this order: what cannot be taken back, above all an admin key that is shown only once, comes after everything
    // that can go wrong; and nothing is touched before it is certain that no other server is using it.
    let address = SocketAddr::new(config.server.host, config.server.port);
    let listen = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let figures = figures(&config).await?;
    let lock = Lock::take_patiently(&config.storage.database_path).await?;
    let files = FileStore::open(&config.storage.files_path)
        .map_err(|source| ServerError::Files { path: shown(&config.storage.files_path), source })?;
    let hub = Arc::new(Hub::default());
    let metrics = Arc::new(Metrics::new());
    let storage: SharedStorage = Arc::new(SqliteStorage::open(
        Options { path: &config.storage.database_path, bounds: config.limits.mailbox_bounds(), clock: clock.clone() },
        Arc::new(Told { hub: Arc::clone(&hub), metrics: Arc::clone(&metrics) }),
    )?);
    let (admin_key, new_admin_key) = admin_key(&config, &storage).await?;
    let app =
        AppState::new(Parts { config, clock, storage, hub, files, metrics, admin_key, stopping: shutdown.clone() });
    let service = http::Service {
        router: routes::router(app.clone()),
        tls: tls.as_ref().map(http::Tls::acceptor),
        stopping: shutdown,
        tasks: app.tasks.clone(),
        per_address: Arc::clone(&app.doors.connections),
        proxies: Arc::new(http::Proxies::new(&app.config.server.trusted_proxies)),
        open: app.metrics.connections.clone(),
    };
    Ok(BoundServer { listener, figures, address, app, service, tls, new_admin_key, lock })
}

/// Hears what the storage has done.
struct Told {
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
}

impl Observer for Told {
    fn committed(&self, deliveries: Vec<Delivery>) {
        self.hub.committed(deliveries);
    }

    fn transaction(&self, transaction: Transaction) {
        self.metrics.transaction(transaction);
    }
}

/// The listener for metrics, if they are to be served.
async fn figures(config: &Config) -> Result<Option<TcpListener>, ServerError> {
    if !config.metrics.enabled {
        return Ok(None);
    }
    let address = SocketAddr::new(config.metrics.host, config.metrics.port);
    TcpListener::bind(address).await.map(Some).map_err(|source| ServerError::Listen { address, source })
}

/// Serves metrics until the server stops.
async fn serve_figures(listener: Option<TcpListener>, app: &AppState) {
    let Some(listener) = listener else { return };
    let stopping = app.stopping.clone();
    let served = axum::serve(listener, metrics::router(app.clone()))
        .with_graceful_shutdown(async move { stopping.cancelled().await });
    if let Err(error) = served.await {
        tracing::error!(error = &error as &dyn std::error::Error, "metrics are not served");
    }
}

/// The hash of the admin key; and the key itself if it has just been made, to be shown this once.
async fn admin_key(config: &Config, storage: &SharedStorage) -> Result<(KeyHash, Option<Secret>), StorageError> {
    let configured = config.admin.master_key.expose();
    if !configured.is_empty() {
        return Ok((KeyHash::of(configured), None));
    }
    if let Some(known) = storage.admin_key_hash().await? {
        return Ok((known, None));
    }
    let key = random_key();
    let hash = KeyHash::of(key.expose());
    storage.set_admin_key_hash(hash).await?;
    Ok((hash, Some(key)))
}

impl BoundServer {
    /// Where the server listens; tells the port where 0 was configured.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is, if it is served.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.figures.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// The admin key, if none was configured and this is the first start. It is not shown again.
    #[must_use]
    pub const fn new_admin_key(&self) -> Option<&Secret> {
        self.new_admin_key.as_ref()
    }

    /// Serves until the shutdown token is cancelled, then finishes what is under way and closes the data.
    pub async fn run(self) {
        let Self { listener, figures, app, service, tls, lock, .. } = self;
        let tasks = app.tasks.clone();
        // In this order: whoever has had an answer may send SIGHUP, which is to be noticed then.
        tokio::join!(
            http::keep(tls, &app.stopping),
            http::serve(listener, service),
            serve_figures(figures, &app),
            housekeeping::run(&app),
            sampler::run(&app),
            backup::run_nightly(&app),
        );
        tasks.close();
        if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        app.storage.close().await;
        drop(lock);
    }
}
