//! `make chaos`: lets happen what can happen to a server, and checks that nothing promised is lost, nothing is there
//! twice, and the databases are whole. Prints Markdown for `docs/reliability.md`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use privmsg_testkit::binaries;
use privmsg_testkit::faults::{self, Plan, Scenario, Size};

/// Kills the server and the clients while they work, and does worse.
#[derive(Debug, Parser)]
struct Arguments {
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Scenario>,
    /// How many times something is killed in the part `programs`.
    #[arg(long, default_value_t = 150)]
    rounds: u32,
    /// How many times the server is killed in the part `kills`.
    #[arg(long, default_value_t = 500)]
    kills: u32,
    /// How many messages, edits and deletions there are in the part `simulation`.
    #[arg(long, default_value_t = 100_000)]
    sayings: usize,
    /// How many times the part `simulation` runs, each time by another order.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    lives: u64,
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
    let Arguments { only, rounds, kills, sayings, lives, .. } = arguments;
    let plan = Plan { server, size, seed, rounds, kills, sayings };
    let scenarios = Scenario::value_variants().iter();
    for scenario in scenarios.filter(|scenario| only.is_empty() || only.contains(scenario)) {
        let times = if matches!(scenario, Scenario::Simulation) { lives } else { 1 };
        for seed in seed..seed.saturating_add(times) {
            let name = scenario.to_possible_value().context("a scenario without a name")?;
            let rows = faults::run(*scenario, &Plan { seed, ..plan.clone() }).await;
            let rows = rows.with_context(|| format!("{}, seed {seed}", name.get_name()))?;
            println!("\n| {}, seed {seed} | |\n|---|---:|", name.get_name());
            for (what, value) in rows {
                println!("| {what} | {value} |");
            }
        }
    }
    Ok(())
}
