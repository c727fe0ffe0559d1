//! Development only: what tests, benchmarks and the chaos run are told with.
//!
//! - [`Server`]: the real program on a folder that goes with it; [`ServerProcess`]: the same, wherever it is wanted.
//! - [`Person`]: somebody with a profile and a running client in this process; [`Terminal`]: somebody at a terminal,
//!   with the real `privmsg`.
//! - [`Proxy`]: the network between them, which cuts, delays, repeats and goes silent when told to.
//! - [`hostile`]: servers and members that lie.
//! - [`cost`]: what things cost others.
//! - [`load`]: many raw connections without encryption, for the server's own speed.
//! - [`faults`]: what can happen to a server, as scenarios of their own; [`simulation`]: what can happen to everybody at
//!   once.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use privmsg_testkit::Server;
//!
//! let server = Server::start().await?;
//! let mut alice = server.person("alice").await?;
//! let mut bob = server.person("bob").await?;
//! alice.says(&bob, "Hi Bob").await?;
//! bob.hears(&alice, "Hi Bob").await?;
//! # Ok(())
//! # }
//! ```

mod clock;
pub mod cost;
pub mod database;
pub mod faults;
pub mod figures;
pub mod hostile;
pub mod load;
pub mod nginx;
mod person;
pub mod proxy;
mod random;
mod server;
pub mod simulation;
mod terminal;

pub use clock::Clock;
pub use person::{NewDevice, Person};
pub use privmsg_harness::{
    Account, Admin, Endpoint, ServerProcess, Setting, binaries, http, procfs, wait, without_limits,
};
pub use proxy::{Faults, Proxy};
pub use random::Random;
pub use server::Server;
pub use terminal::{Line, Listening, Terminal};

/// Prints what server and clients log, if `RUST_LOG` says what to print.
pub fn log() {
    if std::env::var_os("RUST_LOG").is_some() {
        // Fails if it has been set up already, which is as good.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .try_init();
    }
}
