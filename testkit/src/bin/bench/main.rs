//! `make bench`: how fast and how small the release server and the client are, on this machine, in one run.
//!
//! Prints Markdown for `docs/benchmarks.md`, or JSON. Needs a release build of `privmsg-server` beside it.

mod attachments;
mod connections;
mod disk;
mod files;
mod mailbox;
mod relay;
mod report;
mod start;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use privmsg_testkit::{ServerProcess, Setting, binaries, procfs};

use report::Report;

/// Measures the release server and the client.
#[derive(Debug, Parser)]
struct Arguments {
    /// JSON instead of Markdown.
    #[arg(long)]
    json: bool,
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Seconds of load for each number of pairs.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The server to measure; the one of this build without it.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The disk's own fdatasync.
    Disk,
    /// Messages between pairs.
    Relay,
    /// Memory, idle and of idle connections.
    Connections,
    /// Starting with many queued messages.
    Start,
    /// A client that fetches 10,000 waiting messages.
    Mailbox,
    /// File encryption.
    Attachments,
    /// Files up and down, against nginx.
    Files,
}

/// What the parts share.
struct Bench {
    binary: PathBuf,
    seconds: u64,
    report: Report,
}

impl Bench {
    /// A fresh server without limits of its own, on the disk.
    async fn server(&self, dir: &Path) -> Result<ServerProcess> {
        let unlimited: &[Setting] =
            &[("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "0".to_owned()), ("RUST_LOG", "warn".to_owned())];
        ServerProcess::start(&self.binary, dir, unlimited).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    // A connection is a descriptor here and one in the server.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    let dir = binaries::dir_on_disk()?;
    let binary = arguments.server.map_or_else(binaries::server, Ok)?;
    let report = Report::new(procfs::describe_machine(dir.path()), arguments.json);
    let mut bench = Bench { binary, seconds: arguments.seconds, report };
    let all = [Part::Disk, Part::Attachments, Part::Relay, Part::Connections, Part::Start, Part::Mailbox, Part::Files];
    let parts = all.into_iter().filter(|part| arguments.only.is_empty() || arguments.only.contains(part));
    for part in parts {
        let dir = binaries::dir_on_disk()?;
        match part {
            Part::Disk => disk::measure(&mut bench, dir.path())?,
            Part::Relay => relay::measure(&mut bench, dir.path()).await?,
            Part::Connections => connections::measure(&mut bench, dir.path(), descriptors).await?,
            Part::Start => start::measure(&mut bench, dir.path()).await?,
            Part::Mailbox => mailbox::measure(&mut bench, dir.path()).await?,
            Part::Files => files::measure(&mut bench, dir.path()).await?,
            Part::Attachments => attachments::measure(&mut bench)?,
        }
    }
    bench.report.finish()
}
