//! A server in this process, and people with clients: small ones, written against the documented wire format.

mod api;
mod chat;
mod line;

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use privmsg_server::{CancellationToken, Clock, Config, Params};
use tempfile::TempDir;
use tokio::task::JoinHandle;

pub(crate) use self::api::{Answer, Api, Person};
pub(crate) use self::chat::{Chat, base64, create, devices, state, submission, submit, welcome};
pub(crate) use self::line::{Line, new_id};

/// What a server says when it begins to read the body of a request that asks for it.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(crate) const ADMIN_KEY: &str = "admin key of the tests";

/// Long enough for a loaded machine, short enough to see a hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause between two looks at something that is to become so.
const LOOK: Duration = Duration::from_millis(10);

/// What the clocks of servers show when they begin: eight o'clock of the day, for OpenMLS looks at the system's clock.
pub(crate) fn begun() -> i64 {
    static BEGUN: LazyLock<i64> = LazyLock::new(|| Clock::system().now() / 86_400 * 86_400 + 8 * 3600);
    *BEGUN
}

/// Looks again and again until it is so.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !look().await {
        assert!(begun.elapsed() < PATIENCE, "waits in vain for this: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets time pass for the patience of the server, which runs in this process by Tokio's clock. Sockets need real time.
pub(crate) async fn time_passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A running server with its data.
pub(crate) struct TestServer {
    pub(crate) api: Api,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    /// Where `/metrics` is.
    pub(crate) metrics: Option<SocketAddr>,
    /// Deleted with the server.
    _folder: TempDir,
    shutdown: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server whose configuration is changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.port = 0;
        config.storage.database_path = folder.path().join("privmsg.db");
        config.storage.files_path = folder.path().join("files");
        config.admin.master_key = privmsg_protocol::Secret::new(ADMIN_KEY.to_owned());
        config.limits.rate_limit_messages_per_minute = 0;
        config.limits.max_frames_per_second = 0;
        config.limits.max_request_messages_per_day = 0;
        config.limits.max_request_kb_per_day = 0;
        change(&mut config);
        let clock = Clock::manual(begun());
        let Launched { api, metrics, shutdown, running } = launch(&config, &clock).await;
        Self { api, clock, config, metrics, _folder: folder, shutdown, running: Some(running) }
    }

    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let Launched { api, metrics, shutdown, running } = launch(&self.config, &self.clock).await;
        self.api = api;
        self.metrics = metrics;
        self.shutdown = shutdown;
        self.running = Some(running);
    }

    /// Its database, to look at from outside.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(&self.config.storage.database_path).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    /// Waits until the upkeep has looked at the clock, and has done what it had to do. Before each look it answers the
    /// command line, so the answer to a second question shows that the look after the first is over.
    pub(crate) async fn upkeep_looks(&self) {
        let path = self.config.storage.database_path.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let database = rusqlite::Connection::open(path).unwrap();
            database.busy_timeout(PATIENCE).unwrap();
            for _ in 0..2 {
                let begun = std::time::Instant::now();
                let ask = "INSERT INTO request (body, valid_until) VALUES ('a question', ?1)";
                database.execute(ask, [i64::MAX]).unwrap();
                let id = database.last_insert_rowid();
                let settled = "SELECT settled FROM request WHERE id = ?1";
                while database.query_row(settled, [id], |row| row.get::<_, i64>(0)).unwrap() == 0 {
                    assert!(begun.elapsed() < PATIENCE, "the upkeep does not look");
                    std::thread::sleep(LOOK);
                }
            }
        });
        asked.await.unwrap();
    }

    /// A new user with one device.
    pub(crate) async fn user(&self, name: &str) -> Person {
        let access_key = self.api.create_user(name).await;
        self.device(name, &access_key).await
    }

    /// Another device of a user.
    pub(crate) async fn device(&self, name: &str, access_key: &str) -> Person {
        self.api.login(name, access_key, None).await
    }
}

struct Launched {
    api: Api,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

async fn launch(config: &Config, clock: &Clock) -> Launched {
    let shutdown = CancellationToken::new();
    let server =
        privmsg_server::bind(Params { config: config.clone(), clock: clock.clone(), shutdown: shutdown.clone() })
            .await
            .unwrap();
    let api = Api { address: server.address() };
    Launched { api, metrics: server.metrics_address(), shutdown, running: tokio::spawn(server.run()) }
}
