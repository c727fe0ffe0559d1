//! A short run of what `make chaos` does at length.

use anyhow::Result;
use privmsg_testkit::binaries;
use privmsg_testkit::chaos::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_programs_keep_their_promises() -> Result<()> {
    let plan = Plan { server: binaries::server()?, terminal: binaries::terminal()?, rounds: 8, seed: 4 };
    let outcome = run(&plan).await?;
    assert!(outcome.is_good(), "{outcome:#?}");
    assert!(outcome.server_kills > 0 && outcome.listen_kills > 0, "{outcome:#?}");
    Ok(())
}
