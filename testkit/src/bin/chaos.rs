//! `make chaos`: lets happen what can happen to a server, and checks that nothing promised is lost, nothing is there
//! twice, and the databases are whole. Prints Markdown for `docs/reliability.md`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use privmsg_testkit::faults::{self, Rows, Scenario, Size};
use privmsg_testkit::{binaries, chaos};

/// Kills the server and the clients while they work, and does worse.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// How many times something is killed in the part `programs`.
    #[arg(long, default_value_t = 150)]
    rounds: u32,
    /// How many times the server is killed in the part `kills`.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// As short as in the tests, but for the kills.
    #[arg(long)]
    quick: bool,
    /// Repeats the order of an earlier run; times differ.
    #[arg(long)]
    seed: Option<u64>,
    /// The server to try; the one of this build without it.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Server and clients killed while two people talk.
    Programs,
    /// The server killed under raw load.
    Kills,
    /// The disk is full in the middle.
    DiskFull,
    /// Slow and stalled readers.
    Readers,
    /// Half-open connections.
    HalfOpen,
    /// Many connections, which come back at once.
    Crowd,
    /// The clock is set ahead and back.
    Clock,
    /// Another process locks or copies the database.
    Locked,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs(),
    };
    println!("seed {seed}");
    let server = arguments.server.map_or_else(binaries::server, Ok)?;
    let size = if arguments.quick { Size::Short } else { Size::Long };
    let plan = faults::Plan { server: server.clone(), size, seed, kills: arguments.kills };
    let parts = Part::value_variants().iter();
    for part in parts.filter(|part| arguments.only.is_empty() || arguments.only.contains(part)) {
        let rows = match scenario(*part) {
            Some(scenario) => faults::run(scenario, &plan).await,
            None => programs(&server, arguments.rounds, seed).await,
        };
        let name = part.to_possible_value().context("a part without a name")?;
        let rows = rows.with_context(|| format!("{}, seed {seed}", name.get_name()))?;
        println!("\n| {} | |\n|---|---:|", name.get_name());
        for (what, value) in rows {
            println!("| {what} | {value} |");
        }
    }
    Ok(())
}

const fn scenario(part: Part) -> Option<Scenario> {
    Some(match part {
        Part::Programs => return None,
        Part::Kills => Scenario::Kills,
        Part::DiskFull => Scenario::DiskFull,
        Part::Readers => Scenario::Readers,
        Part::HalfOpen => Scenario::HalfOpen,
        Part::Crowd => Scenario::Crowd,
        Part::Clock => Scenario::Clock,
        Part::Locked => Scenario::Locked,
    })
}

async fn programs(server: &std::path::Path, rounds: u32, seed: u64) -> Result<Rows> {
    let plan = chaos::Plan { server: server.to_owned(), terminal: binaries::terminal()?, rounds, seed };
    let outcome = chaos::run(&plan).await?;
    if !outcome.is_good() {
        bail!("{outcome:#?}");
    }
    let row = |what: &str, value: String| (what.to_owned(), value);
    Ok(vec![
        row("SIGKILLs of the server", outcome.server_kills.to_string()),
        row("SIGKILLs of a client that receives (`privmsg listen`)", outcome.listen_kills.to_string()),
        row("SIGKILLs of a client that sends (`privmsg send`)", outcome.send_kills.to_string()),
        row("messages acknowledged", outcome.acknowledged.to_string()),
        row("acknowledged messages missing in a history", outcome.lost.len().to_string()),
        row("messages twice in a history", outcome.doubled.len().to_string()),
        row("messages whose `send` was killed or gave up", outcome.open.to_string()),
        row("of these, arrived all the same", outcome.open_arrived.to_string()),
        row("slowest restart of the server until it answered", format!("{} ms", outcome.slowest_restart.as_millis())),
        row("server's database by `PRAGMA integrity_check`", outcome.server_database),
        row("seconds", outcome.elapsed.as_secs().to_string()),
    ])
}
