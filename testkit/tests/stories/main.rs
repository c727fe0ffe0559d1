//! Stories of people with real clients and the real server, all in one process.

mod anew;
mod chats;
mod contacts;
mod devices;
mod epochs;
mod files;
mod limits;
mod network;

use anyhow::Result;
use privmsg_testkit::{Person, Server};

/// A server with two people online.
async fn alice_and_bob() -> Result<(Server, Person, Person)> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let bob = server.person("bob").await?;
    Ok((server, alice, bob))
}

/// `prefix 0`, `prefix 1`, …
fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix} {n}")).collect()
}
