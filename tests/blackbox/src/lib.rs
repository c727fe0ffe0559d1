//! Development only: tests that know nothing but what the built server answers over HTTP and WebSocket, and real
//! programs that run in front of it or beside it (a proxy, a relay for calls, a certificate authority).
//!
//! - [`Running`]: the built server on a free loopback port, with its data in a folder that is deleted with it.
//! - [`Program`]: another program as a child process, which ends with the test.
//! - [`Browser`]: a real browser in front of the console.
//! - [`raw`]: bytes over TCP, for what no proper client would send.

mod browser;
mod program;
pub mod raw;
mod running;

use std::net::TcpListener;

use anyhow::{Context as _, Result};

pub use browser::{Browser, Look, keys};
pub use program::{Program, find};
pub use running::{Device, Running};

/// A port of the loopback interface that nobody listens on right now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("a free port")?;
    Ok(listener.local_addr()?.port())
}
