//! `make bench`: how fast and how small the release server and the client are, on this machine, in one run.
//!
//! Prints Markdown for `docs/benchmarks.md`, or JSON. Needs a release build of `privmsg-server` beside it.

mod attachments;
mod connections;
mod disk;
mod fanout;
mod files;
mod groups;
mod hostile;
mod latency;
mod logins;
mod mailbox;
mod profile;
mod queue;
mod rate;
mod relay;
mod report;
mod transfers;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use privmsg_testkit::{ServerProcess, binaries, procfs, without_limits};

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
    /// Fewer connections and queued messages, shorter load: to see that it works.
    #[arg(long)]
    quick: bool,
    /// Seconds of load in each part that has a load; 5 without it, 1 if quick.
    #[arg(long)]
    seconds: Option<u64>,
    /// The server to measure; the one of this build without it.
    #[arg(long)]
    server: Option<PathBuf>,
    /// The process that the part `profile` starts: reads this profile.
    #[arg(long, hide = true)]
    read_profile: Option<PathBuf>,
    /// And follows it until it has seen so many messages.
    #[arg(long, hide = true, default_value_t = 0)]
    writes: usize,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The disk's own fdatasync.
    Disk,
    /// Messages between pairs.
    Relay,
    /// Delivery at a fixed rate.
    Rate,
    /// A message to a large group.
    Fanout,
    /// Signing in.
    Logins,
    /// Memory, idle and of idle connections.
    Connections,
    /// Memory of idle connections with TLS.
    Tls,
    /// One hostile user at all limits.
    Hostile,
    /// Many queued messages: starting with them, and fetching some.
    Queue,
    /// A client that fetches 10,000 waiting messages.
    Mailbox,
    /// One message at a time between two clients.
    Latency,
    /// A group of a thousand devices, as its members have it.
    Groups,
    /// A client with a million messages.
    Profile,
    /// Finding messages among a hundred thousand.
    Search,
    /// The window, with a hundred thousand messages.
    Window,
    /// File encryption.
    Attachments,
    /// Files up and down, against nginx.
    Files,
    /// A large file from person to person.
    Transfers,
}

/// What the parts share.
struct Bench {
    binary: PathBuf,
    seconds: u64,
    quick: bool,
    report: Report,
}

impl Bench {
    /// A fresh server without limits of its own, on the disk.
    async fn server(&self, dir: &Path) -> Result<ServerProcess> {
        ServerProcess::start(&self.binary, dir, &without_limits()).await
    }

    /// The same with TLS.
    async fn server_with_tls(&self, dir: &Path) -> Result<ServerProcess> {
        ServerProcess::start_with_tls(&self.binary, dir, &without_limits()).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(dir) = &arguments.read_profile {
        return profile::read(dir, arguments.writes).await;
    }
    privmsg_testkit::log();
    // A connection is a descriptor here and one in the server.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    let dir = binaries::dir_on_disk()?;
    let binary = arguments.server.map_or_else(binaries::server, Ok)?;
    let report = Report::new(procfs::describe_machine(dir.path()), arguments.json);
    let mut bench = Bench {
        binary,
        seconds: arguments.seconds.unwrap_or(if arguments.quick { 1 } else { 5 }),
        quick: arguments.quick,
        report,
    };
    let all = Part::value_variants().iter().copied();
    let parts = all.filter(|part| arguments.only.is_empty() || arguments.only.contains(part));
    for part in parts {
        let dir = binaries::dir_on_disk()?;
        match part {
            Part::Disk => disk::measure(&mut bench, dir.path())?,
            Part::Relay => relay::measure(&mut bench, dir.path()).await?,
            Part::Rate => rate::measure(&mut bench, dir.path()).await?,
            Part::Fanout => fanout::measure(&mut bench, dir.path()).await?,
            Part::Logins => logins::measure(&mut bench, dir.path()).await?,
            Part::Connections => connections::measure(&mut bench, dir.path(), descriptors).await?,
            Part::Tls => connections::measure_with_tls(&mut bench, dir.path(), descriptors).await?,
            Part::Hostile => hostile::measure(&mut bench, dir.path()).await?,
            Part::Queue => queue::measure(&mut bench, dir.path()).await?,
            Part::Mailbox => mailbox::measure(&mut bench, dir.path()).await?,
            Part::Latency => latency::measure(&mut bench, dir.path()).await?,
            Part::Groups => Box::pin(groups::measure(&mut bench, dir.path())).await?,
            Part::Profile => profile::measure(&mut bench, dir.path()).await?,
            Part::Search => profile::search::measure(&mut bench, dir.path()).await?,
            Part::Window => profile::window::measure(&mut bench, dir.path()).await?,
            Part::Files => files::measure(&mut bench, dir.path()).await?,
            Part::Transfers => transfers::measure(&mut bench, dir.path()).await?,
            Part::Attachments => attachments::measure(&mut bench)?,
        }
    }
    bench.report.finish()
}
