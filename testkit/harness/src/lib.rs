//! Development only: the built programs as child processes, and what it takes to talk to a server without a client.
//!
//! - [`ServerProcess`]: the real server, which can be killed.
//! - [`Admin`]: its administrator. [`http`]: requests of its own JSON.
//! - [`mls`]: devices that make the groups and commits that a server takes.
//! - [`binaries`]: where this build's programs are. [`procfs`]: what they cost.
//!
//! It links neither the server nor a client, so that it can be used beside either.

mod admin;
pub mod binaries;
mod endpoint;
pub mod http;
pub mod mls;
mod process;
pub mod procfs;
pub mod wait;

pub use admin::{Account, Admin};
pub use endpoint::{Certificate, Endpoint, Stream};
pub use privmsg_e2ee as e2ee;
pub use process::{ServerProcess, Setting, without_limits};
