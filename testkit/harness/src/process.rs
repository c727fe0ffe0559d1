//! The real server as a child process.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal};

use crate::admin::Admin;
use crate::endpoint::{Certificate, Endpoint};
use crate::http::Http;
use crate::procfs;

/// Known to nobody outside of a test's loopback.
const ADMIN_KEY: &str = "an admin key for tests only";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An environment variable of the server, such as `PRIVMSG_LIMITS_MAX_PENDING_MESSAGES`.
pub type Setting = (&'static str, String);

/// Switches off the limits that a load generator would meet, which is one machine and few users, and most of the log.
#[must_use]
pub fn without_limits() -> Vec<Setting> {
    let off = [
        "PRIVMSG_LIMITS_MAX_PENDING_MESSAGES",
        "PRIVMSG_LIMITS_MAX_PENDING_MB",
        "PRIVMSG_LIMITS_RATE_LIMIT_ACKS_PER_MINUTE",
        "PRIVMSG_LIMITS_MAX_WAITING_MB_PER_USER",
        "PRIVMSG_LIMITS_MAX_NEW_REQUESTS_PER_DAY",
        "PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY",
        "PRIVMSG_LIMITS_MAX_REQUEST_KB_PER_DAY",
        "PRIVMSG_LIMITS_MAX_CONNECTIONS_PER_ADDRESS",
        "PRIVMSG_LIMITS_MAX_UNAUTHENTICATED_PER_ADDRESS",
        "PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND",
        "PRIVMSG_LIMITS_MAX_TRANSFERS_PER_USER",
        "PRIVMSG_LIMITS_RATE_LIMIT_CONNECTS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_REQUESTS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_UPLOADS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_NEW_DEVICES_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_HANDSHAKES_PER_MINUTE",
    ];
    let mut settings: Vec<Setting> = off.map(|name| (name, "0".to_owned())).into();
    settings.push(("RUST_LOG", "warn".to_owned()));
    settings
}

/// A server process on a loopback port of its own.
#[derive(Debug)]
pub struct ServerProcess {
    binary: PathBuf,
    /// A command that starts the server instead of this process, such as one that enters a namespace.
    within: Vec<OsString>,
    endpoint: Endpoint,
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
        Self::started(Self::on_free_port(binary, data, settings)?).await
    }

    /// As [`ServerProcess::start`], with TLS by a certificate of its own.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn start_with_tls(binary: &Path, data: &Path, settings: &[Setting]) -> Result<Self> {
        let mut server = Self::on_free_port(binary, data, settings)?;
        let made = Certificate::make(data)?;
        server.endpoint = Endpoint::with_tls(server.address(), &made)?;
        for (key, path) in [("PRIVMSG_TLS_CERT_PATH", &made.certificate), ("PRIVMSG_TLS_KEY_PATH", &made.key)] {
            server.settings.push((key, path.display().to_string()));
        }
        Self::started(server).await
    }

    /// As [`ServerProcess::start`], by a command that the server's own is added to.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn start_within(within: Vec<OsString>, binary: &Path, data: &Path, settings: &[Setting]) -> Result<Self> {
        let mut server = Self::on_free_port(binary, data, settings)?;
        server.within = within;
        Self::started(server).await
    }

    fn on_free_port(binary: &Path, data: &Path, settings: &[Setting]) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Ok(Self {
            binary: binary.to_owned(),
            within: Vec::new(),
            endpoint: SocketAddr::from(([127, 0, 0, 1], port)).into(),
            data: data.to_owned(),
            settings: settings.to_vec(),
            child: None,
        })
    }

    async fn started(mut server: Self) -> Result<Self> {
        server.restart().await?;
        Ok(server)
    }

    /// Starts it and ends it with SIGKILL that much later, however far it has come.
    ///
    /// # Errors
    /// If it cannot be started.
    pub async fn die_while_starting(&mut self, after: Duration) -> Result<()> {
        self.kill()?;
        self.child = Some(self.spawn()?);
        tokio::time::sleep(after).await;
        self.kill()
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
        let own = self.binary.as_os_str().to_owned();
        let (program, first) = self.within.split_first().unwrap_or((&own, &[]));
        let second = (!self.within.is_empty()).then_some(&own);
        let mut command = Command::new(program);
        command.args(first).args(second).arg("run").stdout(log.try_clone()?).stderr(log);
        self.configured(&mut command).spawn().with_context(|| format!("starting {}", self.binary.display()))
    }

    /// Runs another command of the program on the same data, to its end.
    ///
    /// # Errors
    /// If it fails, with what it said.
    pub fn administer(&self, arguments: &[&OsStr]) -> Result<()> {
        let output = self.configured(Command::new(&self.binary).args(arguments)).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn configured<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(&self.data)
            .env("PRIVMSG_SERVER_PORT", self.address().port().to_string())
            .env("PRIVMSG_STORAGE_DATABASE_PATH", self.database())
            .env("PRIVMSG_STORAGE_FILES_PATH", self.data.join("files"))
            .env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY)
            .env("PRIVMSG_LIMITS_RATE_LIMIT_MESSAGES_PER_MINUTE", "0")
            .env("PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND", "0")
            .env("PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY", "0")
            .env("PRIVMSG_LIMITS_MAX_REQUEST_KB_PER_DAY", "0")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
    }

    async fn answers(&self) -> bool {
        let health = async {
            Http::connect(self.endpoint.clone()).await?.send("GET", "/health", None, &serde_json::json!({})).await
        };
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

    /// Ends it with SIGTERM and waits. Does nothing if it is not running.
    ///
    /// # Errors
    /// If it does not end, or not well.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(child) = self.child.take() else { return Ok(()) };
        let status = end(child, PATIENCE).await?;
        if !status.success() {
            bail!("the server ended with {status}:\n{}", self.log()?);
        }
        Ok(())
    }

    /// Adds to its settings, or changes them, from the next start on.
    pub fn configure(&mut self, settings: &[Setting]) {
        self.settings.extend_from_slice(settings);
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.endpoint.address()
    }

    /// Where it listens, with its certificate if it has one.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Its administrator.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::of(self.endpoint(), ADMIN_KEY)
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

    /// The most memory in RAM since the start.
    ///
    /// # Errors
    /// If it is not running.
    pub fn peak_resident_bytes(&self) -> Result<u64> {
        procfs::peak_resident_bytes(self.pid()?)
    }

    /// Descriptors that it has open.
    ///
    /// # Errors
    /// If it is not running.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid()?))?.count())
    }

    /// Processor time since the start.
    ///
    /// # Errors
    /// If it is not running.
    pub fn cpu_time(&self) -> Result<Duration> {
        procfs::cpu_time(self.pid()?)
    }
}

/// Asks a process to end (SIGTERM) and waits.
async fn end(mut child: Child, patience: Duration) -> Result<ExitStatus> {
    rustix::process::kill_process(Pid::from_child(&child), Signal::TERM)?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if start.elapsed() > patience {
            child.kill()?;
            child.wait()?;
            bail!("a process does not stop");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // What cannot be ended here ends with the test's own process group.
        let _ = self.kill();
    }
}
