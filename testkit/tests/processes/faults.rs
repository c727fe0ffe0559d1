//! Short runs of what `make chaos` does at length.

use anyhow::Result;
use privmsg_testkit::binaries;
use privmsg_testkit::faults::{Plan, Scenario, Size, run};

async fn survives(scenario: Scenario) -> Result<()> {
    let plan = Plan { server: binaries::server()?, size: Size::Short, seed: 4, rounds: 8, kills: 8, sayings: 600 };
    println!("{:#?}", run(scenario, &plan).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_programs_keep_their_promises() -> Result<()> {
    survives(Scenario::Programs).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sudden_deaths_under_load_lose_and_double_nothing() -> Result<()> {
    survives(Scenario::Kills).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing() -> Result<()> {
    survives(Scenario::DiskFull).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stall_cost_bounded_memory_and_nobody_else() -> Result<()> {
    survives(Scenario::Readers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_connections_are_replaced() -> Result<()> {
    survives(Scenario::HalfOpen).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_comes_back_at_once() -> Result<()> {
    survives(Scenario::Crowd).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_or_copied_database_loses_nothing() -> Result<()> {
    survives(Scenario::Locked).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_everybody_they_see_the_same_in_the_end() -> Result<()> {
    survives(Scenario::Simulation).await
}
