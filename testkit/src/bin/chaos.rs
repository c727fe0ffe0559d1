//! `make chaos`: kills the server and the clients at random while they work, and checks that nothing promised is lost,
//! nothing is there twice, and the databases are whole.

use anyhow::{Result, bail};
use clap::Parser;
use privmsg_testkit::binaries;
use privmsg_testkit::chaos::{Plan, run};

/// Kills the server and the clients at random while they work.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many times something is killed.
    #[arg(long, default_value_t = 150)]
    rounds: u32,
    /// Repeats the order of an earlier run; times differ.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs(),
    };
    println!("{} rounds, seed {seed}", arguments.rounds);
    let plan = Plan { server: binaries::server()?, terminal: binaries::terminal()?, rounds: arguments.rounds, seed };
    let outcome = run(&plan).await?;
    println!(
        "\n| what | count |\n|---|---:|\n\
         | SIGKILLs of the server | {} |\n\
         | SIGKILLs of a client that receives (`privmsg listen`) | {} |\n\
         | SIGKILLs of a client that sends (`privmsg send`) | {} |\n\
         | messages acknowledged | {} |\n\
         | acknowledged messages missing in a history | {} |\n\
         | messages twice in a history | {} |\n\
         | messages whose `send` was killed or gave up | {} |\n\
         | of these, arrived all the same | {} |\n\
         | slowest restart of the server until it answered | {} ms |\n\
         | server's database by `PRAGMA integrity_check` | {} |\n\
         | seconds | {} |",
        outcome.server_kills,
        outcome.listen_kills,
        outcome.send_kills,
        outcome.acknowledged,
        outcome.lost.len(),
        outcome.doubled.len(),
        outcome.open,
        outcome.open_arrived,
        outcome.slowest_restart.as_millis(),
        outcome.server_database,
        outcome.elapsed.as_secs(),
    );
    if !outcome.is_good() {
        bail!("lost: {:?}\ndoubled: {:?}", outcome.lost, outcome.doubled);
    }
    Ok(())
}
