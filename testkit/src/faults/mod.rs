//! What can happen to a server, each as a scenario of its own, with the real program and raw connections;
//! [`Scenario::Programs`] and
//! [`Scenario::Simulation`] with the real clients, too.
//!
//! What is checked everywhere is the promise: an acknowledged message is in the recipient's mailbox until the recipient
//! has acknowledged it, once. `Ledger` keeps the books.

mod crowd;
mod disk_full;
mod half_open;
mod kills;
mod ledger;
mod locked;
mod programs;
mod readers;

use std::path::PathBuf;

use anyhow::Result;

use crate::{ServerProcess, Setting, simulation, without_limits};
pub use crowd::open_idle;
use ledger::Ledger;

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few seconds, for the tests.
    Short,
    /// As much as the promise names.
    Long,
}

impl Size {
    const fn of<T: Copy>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// SIGKILL of the server and of the clients at random times, while two people talk.
    Programs,
    /// SIGKILL of the server at random times under load, also while starting.
    Kills,
    /// The disk is full in the middle, and stays so over a SIGKILL.
    DiskFull,
    /// Recipients that read slowly, or not at all.
    Readers,
    /// Connections that are open and over which nothing comes any more.
    HalfOpen,
    /// Many connections, all of which come back at once after a SIGKILL.
    Crowd,
    /// Another process holds the database's locks, or copies it.
    Locked,
    /// People with several devices live with the messenger, and everything goes wrong at once.
    Simulation,
}

/// What it was, in lines for a table.
pub type Rows = Vec<(String, String)>;

/// Where and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's program.
    pub server: PathBuf,
    /// How much of it.
    pub size: Size,
    /// What chance follows from.
    pub seed: u64,
    /// How many programs are killed in [`Scenario::Programs`].
    pub rounds: u32,
    /// How often the server is killed in [`Scenario::Kills`].
    pub kills: u32,
    /// How many messages, edits and deletions there are in [`Scenario::Simulation`] at full length.
    pub sayings: usize,
}

/// Lets it happen, and checks what must hold.
///
/// # Errors
/// What did not hold.
pub async fn run(scenario: Scenario, plan: &Plan) -> Result<Rows> {
    match scenario {
        Scenario::Programs => programs::run(plan).await,
        Scenario::Kills => kills::run(plan).await,
        Scenario::DiskFull => disk_full::run(plan).await,
        Scenario::Readers => readers::run(plan).await,
        Scenario::HalfOpen => half_open::run(plan).await,
        Scenario::Crowd => crowd::run(plan).await,
        Scenario::Locked => locked::run(plan).await,
        Scenario::Simulation => Box::pin(simulation::run(&lives(plan))).await,
    }
}

fn lives(plan: &Plan) -> simulation::Plan {
    simulation::Plan {
        server: plan.server.clone(),
        seed: plan.seed,
        people: plan.size.of(6, 20),
        devices: plan.size.of(2, 3),
        rooms: plan.size.of(2, 8),
        sayings: plan.size.of(600, plan.sayings),
        burst: plan.size.of(200, plan.sayings.div_ceil(10)),
        restore: plan.size == Size::Long,
    }
}

/// A server of its own in a folder on the disk.
async fn server(plan: &Plan) -> Result<(tempfile::TempDir, ServerProcess)> {
    let dir = crate::binaries::dir_on_disk()?;
    let server = ServerProcess::start(&plan.server, dir.path(), &settings()).await?;
    Ok((dir, server))
}

fn settings() -> Vec<Setting> {
    without_limits()
}

fn row(what: impl Into<String>, value: impl ToString) -> (String, String) {
    (what.into(), value.to_string())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
