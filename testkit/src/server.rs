//! The real server in this process.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use privmsg_server::{CancellationToken, Config, Params};
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::person::Person;

/// Known to nobody outside of a test's loopback.
const ADMIN_KEY: &str = "an admin key for tests only";

/// A server on a free loopback port with its data in a temporary folder.
#[derive(Debug)]
pub struct Server {
    config: Config,
    clock: privmsg_server::Clock,
    address: SocketAddr,
    running: Option<(CancellationToken, JoinHandle<()>)>,
    data: tempfile::TempDir,
}

impl Server {
    /// Starts with the system's clock and without a limit of messages a minute.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(privmsg_server::Clock::system(), |_| {}).await
    }

    /// Starts with a clock and a configuration of one's own.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_with(clock: privmsg_server::Clock, change: impl FnOnce(&mut Config)) -> Result<Self> {
        crate::log();
        let data = tempfile::tempdir()?;
        let mut config = Config::default();
        config.server.port = 0;
        config.storage.database_path = data.path().join("privmsg.db");
        config.storage.files_path = data.path().join("files");
        config.admin.master_key = privmsg_protocol::Secret::new(ADMIN_KEY.to_owned());
        config.limits.rate_limit_messages_per_minute = 0;
        config.limits.max_frames_per_second = 0;
        change(&mut config);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { config, clock, address, running: None, data };
        server.run().await?;
        Ok(server)
    }

    async fn run(&mut self) -> Result<()> {
        let shutdown = CancellationToken::new();
        let params = Params { config: self.config.clone(), clock: self.clock.clone(), shutdown: shutdown.clone() };
        let bound = privmsg_server::bind(params).await.context("the server does not start")?;
        self.address = bound.address();
        // A restart takes the same port: clients know no other.
        self.config.server.port = self.address.port();
        self.running = Some((shutdown, tokio::spawn(bound.run())));
        Ok(())
    }

    /// Stops in good order. Does nothing if it has stopped.
    ///
    /// # Errors
    /// If it panicked.
    pub async fn stop(&mut self) -> Result<()> {
        let Some((shutdown, running)) = self.running.take() else { return Ok(()) };
        shutdown.cancel();
        running.await.context("the server panicked")
    }

    /// Starts again on the same data and port, with changes to the configuration.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Config)) -> Result<()> {
        self.stop().await?;
        change(&mut self.config);
        self.run().await
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Its administrator.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::of(self.address, ADMIN_KEY)
    }

    /// Somebody new, signed in and online.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn person(&self, name: &str) -> Result<Person> {
        let account = self.admin().creates(name).await?;
        Person::signs_in(&self.url(), &account).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((shutdown, _)) = &self.running {
            shutdown.cancel();
        }
    }
}
