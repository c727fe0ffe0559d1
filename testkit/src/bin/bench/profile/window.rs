//! The window on a long history: how long it takes until it is there, and what it takes while nobody uses it.
//!
//! It is drawn by the processor into a display that is in memory (Xvfb), and its server is not there.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_client::Profile;
use privmsg_testkit::figures::Times;
use privmsg_testkit::{binaries, procfs};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::fill::{self, Size};
use crate::Bench;
use crate::report::Goal;

/// Starts of the program.
const STARTS: usize = 5;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long nobody does anything.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let program = match binaries::find("privmsg-desktop") {
        Ok(program) => program,
        Err(why) => {
            eprintln!("The window is not measured, `make desktop` builds it: {why}");
            return Ok(());
        }
    };
    let Ok(display) = Display::open().await else {
        eprintln!("The window is not measured: there is no Xvfb (apt install xvfb).");
        return Ok(());
    };
    let size = if bench.quick { Size::new(5_000, 50) } else { Size::new(100_000, 50) };
    let profile = Profile::at(dir.join("profile"));
    fill::fill(&profile, size).await?;
    let name = format!("window, {} messages in {} chats", size.messages, size.chats);
    let (mut first, mut ready) = (Times::default(), Times::default());
    for start in 1..=STARTS {
        let mut window = Window::open(&program, &profile, &display)?;
        first.note(window.says("first_frame_ms=").await?);
        ready.note(window.says("ready_ms=").await?);
        if start == STARTS {
            window.rests(bench, &name).await?;
        }
        window.program.kill().await?;
    }
    let report = &mut bench.report;
    report.line(format!("{name}: first frame, worst of {STARTS}"), first.p99_ms(), "ms", Goal::AtMost(100.0));
    report.line(format!("{name}: list of chats, worst of {STARTS}"), ready.p99_ms(), "ms", Goal::AtMost(300.0));
    Ok(())
}

/// A display in memory, for as long as it lives.
struct Display {
    name: String,
    _server: Child,
}

impl Display {
    async fn open() -> Result<Self> {
        let mut server = Command::new("Xvfb")
            // Without a reset: whoever comes while it begins anew, because the last one has gone, is turned away.
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines: Lines<BufReader<ChildStdout>> =
            BufReader::new(server.stdout.take().context("its output")?).lines();
        let number = timeout(PATIENCE, lines.next_line()).await??.context("a display")?;
        Ok(Self { name: format!(":{}", number.trim()), _server: server })
    }
}

struct Window {
    program: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Window {
    fn open(program: &Path, profile: &Profile, display: &Display) -> Result<Self> {
        let mut program = Command::new(program)
            .arg("--profile")
            .arg(profile.dir())
            .env("DISPLAY", &display.name)
            .env("PRIVMSG_TRACE_START", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(program.stderr.take().context("what it says")?).lines();
        Ok(Self { program, lines })
    }

    async fn says(&mut self, name: &str) -> Result<Duration> {
        let found = async {
            while let Some(line) = self.lines.next_line().await? {
                if let Some(ms) = line.strip_prefix(name) {
                    return Ok(Duration::from_secs_f64(ms.parse::<f64>()? / 1000.0));
                }
            }
            anyhow::bail!("the window has ended before {name}")
        };
        timeout(PATIENCE, found).await.with_context(|| format!("no {name}"))?
    }

    /// What it takes with the list of chats on the screen.
    async fn rests(&self, bench: &mut Bench, name: &str) -> Result<()> {
        let pid = self.program.id().context("it has ended")?;
        // What the start has left to do.
        sleep(IDLE / 2).await;
        let (before, worked) = (procfs::wakeups(pid)?, procfs::cpu_time(pid)?);
        sleep(IDLE).await;
        let seconds = IDLE.as_secs_f64();
        let woken = procfs::wakeups(pid)?.saturating_sub(before) as f64 / seconds;
        let worked = (procfs::cpu_time(pid)?.saturating_sub(worked)).as_secs_f64() / seconds;
        let report = &mut bench.report;
        let resident = procfs::resident_bytes(pid)? as f64 / 1e6;
        report.line(format!("{name}: resident memory, no chat open"), resident, "MB", Goal::AtMost(60.0));
        report.line(format!("{name}: wake-ups of all threads, idle"), woken, "1/s", Goal::AtMost(1.0));
        report.line(format!("{name}: processor, idle"), worked * 100.0, "%", Goal::None);
        Ok(())
    }
}
