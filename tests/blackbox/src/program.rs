//! Other people's programs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal};
use tokio::net::TcpStream;

/// How long a program may take until it listens.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to end when the test does.
const PARTING: Duration = Duration::from_secs(5);

/// Looked through beside `PATH`, which for users other than root often leaves out where servers lie.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// The program `name`, from `PATH` or the folders of system programs.
///
/// # Errors
/// If it is missing: with the package to install.
pub fn find(name: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("this test needs the program `{name}`; `scripts/setup.sh test` installs {package}"))
}

/// A child process that ends with this value; what it prints goes into a file.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it. `log` gets what it prints, and is shown where it fails.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let output = File::create(log).with_context(|| format!("the log of {name}"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name, child, log: log.to_owned() })
    }

    /// Waits until it listens on this port of the loopback interface.
    ///
    /// # Errors
    /// If it ends before, or does not in half a minute: with what it has printed.
    pub async fn listens(&mut self, port: u16) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.log());
            }
            if start.elapsed() > PATIENCE {
                bail!("{} does not listen on port {port}:\n{}", self.name, self.log());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits for it; kills it if it does not.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.is_asked_to_end()?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// Sends SIGHUP.
    ///
    /// # Errors
    /// If it has ended.
    pub fn hangs_up(&self) -> Result<()> {
        Ok(rustix::process::kill_process(Pid::from_child(&self.child), Signal::HUP)?)
    }

    fn is_asked_to_end(&self) -> Result<()> {
        Ok(rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// What it has printed.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map_or_else(|error| error.to_string(), |text| String::from_utf8_lossy(&text).into())
    }
}

impl Drop for Program {
    /// Asked to, it ends its own children as well: those of a master that is killed, such as nginx's, live on.
    fn drop(&mut self) {
        // Each of these fails if it has ended already, which is what is wanted.
        let _ = self.is_asked_to_end();
        let start = Instant::now();
        while start.elapsed() < PARTING && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
