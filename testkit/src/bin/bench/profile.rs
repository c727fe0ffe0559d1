//! A client with a long history: a million messages in five hundred chats.
//!
//! The profile is filled through the store's own functions. It is measured in a process of its own, which has just been
//! started and does nothing else: the same one opens the profile, shows the list of chats, turns pages, says how large it
//! is, and then follows what this process writes.

mod fill;
mod reader;
pub(super) mod search;
pub(super) mod window;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Client, Draft, Profile, Recipient};
use privmsg_testkit::figures::Times;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::Bench;
use super::report::Goal;
use fill::Size;
use reader::Read;

pub(super) use reader::run as read;

/// Starts of a process that opens the profile.
const STARTS: usize = 5;

/// Messages that the other process is told of.
const WRITES: usize = 300;

/// Between two of them: more than one takes to be seen.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let size = if bench.quick { Size::new(20_000, 50) } else { Size::new(1_000_000, 500) };
    let profile = Profile::at(dir.join("profile"));
    let start = Instant::now();
    fill::fill(&profile, size).await?;
    let filled = start.elapsed();
    let name = format!("profile, {} messages in {} chats", size.messages, size.chats);
    let report = &mut bench.report;
    report.line(format!("{name}: filled in"), filled.as_secs_f64(), "s", Goal::None);
    let database = profile.dir().join("privmsg.db").metadata()?.len();
    report.line(format!("{name}: database"), database as f64 / 1e6, "MB", Goal::None);

    let mut opened = Times::default();
    for _ in 1..STARTS {
        opened.note(Duration::from_secs_f64(start_reader(&profile, 0).await?.0.opened_ms / 1000.0));
    }
    let (read, reader) = start_reader(&profile, WRITES).await?;
    opened.note(Duration::from_secs_f64(read.opened_ms / 1000.0));
    report.line(
        format!("{name}: open to list of chats, worst of {STARTS}"),
        opened.p99_ms(),
        "ms",
        Goal::AtMost(200.0),
    );
    for page in &read.pages {
        report.line(format!("{name}: page of 50, {}, p50", page.name), page.p50_ms, "ms", Goal::None);
        report.line(format!("{name}: page of 50, {}, p99", page.name), page.p99_ms, "ms", Goal::AtMost(10.0));
    }
    report.line(format!("{name}: resident memory, all of it"), read.resident_mb, "MB", Goal::AtMost(60.0));
    report.line(format!("{name}: resident memory of its own (RssAnon)"), read.anonymous_mb, "MB", Goal::None);

    write(&profile, size).await?;
    let seen: Times = reader.await??;
    ensure!(seen.count() == WRITES, "only {} of {WRITES} were seen", seen.count());
    report.line(format!("{name}: seen in another process, p50"), seen.p50_ms(), "ms", Goal::AtMost(50.0));
    report.line(format!("{name}: seen in another process, p99"), seen.p99_ms(), "ms", Goal::AtMost(50.0));
    Ok(())
}

/// Starts a process that reads the profile, and waits for what it has measured. It goes on until it has seen so many
/// messages of others; the other result is how long each took.
async fn start_reader(profile: &Profile, writes: usize) -> Result<(Read, tokio::task::JoinHandle<Result<Times>>)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--read-profile")
        .arg(profile.dir())
        .arg("--writes")
        .arg(writes.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("a process that reads")?;
    let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
    let first = lines.next_line().await?.context("a process that reads ended")?;
    let read = serde_json::from_str(&first).with_context(|| first.clone())?;
    let rest = tokio::spawn(async move {
        let mut seen = Times::default();
        while let Some(line) = lines.next_line().await? {
            seen.note(Duration::from_micros(line.parse()?));
        }
        ensure!(child.wait().await?.success(), "a process that reads failed");
        Ok(seen)
    });
    Ok((read, rest))
}

/// Says something in the chat that the other process follows. Each text is the time at which it was said.
async fn write(profile: &Profile, size: Size) -> Result<()> {
    let client = Client::open(profile, None).await?;
    let with = Recipient::User(fill::peer(size.chats / 2)?);
    for _ in 0..WRITES {
        tokio::time::sleep(PAUSE).await;
        client.send(&with, Draft::text(now_us()?.to_string())).await?;
    }
    Ok(())
}

fn now_us() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros().try_into()?)
}
