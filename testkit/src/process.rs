//! The real server as a child process.

use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::admin::Admin;
use crate::http::Http;
use crate::procfs;

/// Known to nobody outside of a test's loopback.
const ADMIN_KEY: &str = "an admin key for tests only";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An environment variable of the server, such as `PRIVMSG_LIMITS_MAX_PENDING_MESSAGES`.
pub type Setting = (&'static str, String);

/// A server process on a loopback port of its own.
#[derive(Debug)]
pub struct ServerProcess {
    binary: PathBuf,
    address: SocketAddr,
    data: PathBuf,
    settings: Vec<Setting>,
    child: Option<Child>,
}

impl ServerProcess {
    /// Starts `binary` with its data in `data` (which must exist), and waits until it answers. The limit of messages a
    /// minute is off unless `settings` say otherwise.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn start(binary: &Path, data: &Path, settings: &[Setting]) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut server = Self {
            binary: binary.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            data: data.to_owned(),
            settings: settings.to_vec(),
            child: None,
        };
        server.restart().await?;
        Ok(server)
    }

    /// Starts again on the same data and port. Returns the time until it answered.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn restart(&mut self) -> Result<Duration> {
        self.kill()?;
        let start = Instant::now();
        self.child = Some(self.spawn()?);
        loop {
            if self.answers().await {
                return Ok(start.elapsed());
            }
            let exited = self.child.as_mut().map(Child::try_wait).transpose()?.flatten();
            if let Some(status) = exited {
                bail!("the server ended with {status}:\n{}", self.log()?);
            }
            if start.elapsed() > PATIENCE {
                bail!("the server does not answer:\n{}", self.log()?);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn spawn(&self) -> Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(self.log_path()).context("the server's log")?;
        Command::new(&self.binary)
            .arg("run")
            .current_dir(&self.data)
            .env("PRIVMSG_SERVER_PORT", self.address.port().to_string())
            .env("PRIVMSG_STORAGE_DATABASE_PATH", self.database())
            .env("PRIVMSG_STORAGE_FILES_PATH", self.data.join("files"))
            .env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY)
            .env("PRIVMSG_LIMITS_RATE_LIMIT_MESSAGES_PER_MINUTE", "0")
            .env("PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND", "0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))
    }

    async fn answers(&self) -> bool {
        let health =
            async { Http::connect(self.address).await?.send("GET", "/health", None, &serde_json::json!({})).await };
        matches!(tokio::time::timeout(Duration::from_secs(5), health).await, Ok(Ok(answer)) if answer.status == 200)
    }

    /// Ends it with SIGKILL, in the middle of whatever it does. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Ends it with SIGTERM and waits.
    ///
    /// # Errors
    /// If it does not end, or not well.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status()?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                bail!("the server does not stop");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if !status.success() {
            bail!("the server ended with {status}:\n{}", self.log()?);
        }
        Ok(())
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

    /// Its administrator.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::of(self.address, ADMIN_KEY)
    }

    /// Its database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data.join("privmsg.db")
    }

    fn log_path(&self) -> PathBuf {
        self.data.join("server.log")
    }

    /// Everything that it has printed since the first start.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.log_path())?).into_owned())
    }

    /// Empties the log, for long runs.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn forget_log(&self) -> Result<()> {
        Ok(File::create(self.log_path()).map(drop)?)
    }

    /// What SQLite says about its database: `ok`, or what is wrong. The server must not be running.
    ///
    /// # Errors
    /// If the database cannot be opened.
    pub fn integrity(&self) -> Result<String> {
        let connection = rusqlite::Connection::open(self.database())?;
        Ok(connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?)
    }

    fn pid(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the server is not running")?.id())
    }

    /// Memory in RAM.
    ///
    /// # Errors
    /// If it is not running.
    pub fn resident_bytes(&self) -> Result<u64> {
        procfs::resident_bytes(self.pid()?)
    }

    /// Processor time since the start.
    ///
    /// # Errors
    /// If it is not running.
    pub fn cpu_time(&self) -> Result<Duration> {
        procfs::cpu_time(self.pid()?)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // What cannot be ended here ends with the test's own process group.
        let _ = self.kill();
    }
}
