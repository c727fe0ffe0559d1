//! Somebody at a terminal: the real `privmsg` with a profile of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use privmsg_protocol::UserId;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::Account;

/// One profile.
#[derive(Debug, Clone)]
pub struct Terminal {
    binary: PathBuf,
    profile: PathBuf,
    name: UserId,
    recovery_key: String,
}

/// What `login --json` prints.
#[derive(Deserialize)]
struct LoggedIn {
    recovery_key: String,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Done {
    /// Exit code; -1 if it was killed.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

/// A message as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Line {
    /// Message.
    pub message_id: String,
    /// Chat.
    #[serde(default)]
    pub conversation: String,
    /// Who wrote it.
    pub sender_id: String,
    /// Text or caption.
    #[serde(default)]
    pub text: String,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<File>,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Terminal {
    /// Signs in with a new profile in `dir`.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn signs_in(binary: &Path, dir: &Path, url: &str, account: &Account) -> Result<Self> {
        let (binary, profile, name) = (binary.to_owned(), dir.to_owned(), account.user_id.clone());
        let mut terminal = Self { binary, profile, name, recovery_key: String::new() };
        let arguments = ["login", "--json", "--server", url, "--user-id", account.user_id.as_str()];
        let mut command = terminal.command(&arguments);
        command.env("PRIVMSG_ACCESS_KEY", account.access_key.expose());
        let done = finish(command, Duration::from_secs(60)).await?.ok().context("login")?;
        let logged_in: LoggedIn = serde_json::from_str(done.stdout.trim()).context("what login prints")?;
        terminal.recovery_key = logged_in.recovery_key;
        Ok(terminal)
    }

    /// The words that the first login has shown.
    #[must_use]
    pub fn recovery_key(&self) -> &str {
        &self.recovery_key
    }

    /// The profile's user.
    #[must_use]
    pub const fn name(&self) -> &UserId {
        &self.name
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--profile")
            .arg(&self.profile)
            .args(arguments)
            // No test may write to somebody's keyring; without one the key lies in a file.
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("PRIVMSG_PASSPHRASE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// If it cannot be run or takes too long.
    pub async fn runs(&self, arguments: &[&str], patience: Duration) -> Result<Done> {
        finish(self.command(arguments), patience).await
    }

    /// Starts a command whose output nobody reads. Dropping it kills it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn starts(&self, arguments: &[&str]) -> Result<Child> {
        Ok(self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }

    /// Sends a text and waits until the server has it.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn says(&self, to: &UserId, text: &str) -> Result<()> {
        self.runs(&["send", to.as_str(), text], Duration::from_secs(60)).await?.ok().map(drop)
    }

    /// Reads what waits, `count` messages, in one run of `listen`.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn hears(&self, count: usize) -> Result<Vec<Line>> {
        let count = count.to_string();
        let arguments = ["listen", "--json", "--count", &count, "--timeout", "60"];
        self.runs(&arguments, Duration::from_secs(70)).await?.ok().context("listen")?.lines()
    }

    /// Starts listening; the messages are read from the returned handle.
    ///
    /// # Errors
    /// If the command does not start.
    pub fn listens(&self) -> Result<Listening> {
        let mut child = self.command(&["listen", "--json"]).stderr(Stdio::null()).spawn()?;
        let stdout = child.stdout.take().context("a pipe")?;
        Ok(Listening { child, lines: BufReader::new(stdout).lines() })
    }

    /// Everything in a chat.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn history(&self, with: &UserId) -> Result<Vec<Line>> {
        let arguments = ["history", with.as_str(), "--json", "--limit", "1000000"];
        self.runs(&arguments, Duration::from_secs(60)).await?.ok().context("history")?.lines()
    }
}

async fn finish(mut command: Command, patience: Duration) -> Result<Done> {
    let output = timeout(patience, command.output()).await.context("the command does not end")??;
    Ok(Done {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl Done {
    /// Itself, if the command did what it should.
    ///
    /// # Errors
    /// Its complaint.
    pub fn ok(self) -> Result<Self> {
        if self.code != 0 {
            bail!("exit code {}: {}{}", self.code, self.stderr, self.stdout);
        }
        Ok(self)
    }

    /// What was printed, as messages. Lines about other things, such as gaps, are passed over.
    ///
    /// # Errors
    /// If a line is no JSON.
    pub fn lines(&self) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for line in self.stdout.lines().filter(|line| !line.trim().is_empty()) {
            let value: serde_json::Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
            if value.get("message_id").is_some() {
                lines.push(serde_json::from_value(value).with_context(|| format!("not a message: {line}"))?);
            }
        }
        Ok(lines)
    }
}

/// A running `listen`. Dropping it kills it.
#[derive(Debug)]
pub struct Listening {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listening {
    /// The next message; `None` once the process has ended.
    ///
    /// # Errors
    /// If it prints something else.
    pub async fn next(&mut self) -> Result<Option<Line>> {
        while let Some(line) = self.lines.next_line().await? {
            if let Ok(message) = serde_json::from_str(&line) {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    /// Ends it with SIGKILL.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
