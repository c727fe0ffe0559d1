//! What the programs are made of. The server keeps what it cannot read, so it has no use for an encrypted database, and
//! is tested and shipped without one, whatever the client is built with.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use privmsg_testkit::binaries;

/// Names that only a SQLite with encryption has in it: SQLCipher's, and SQLite3 Multiple Ciphers'.
const ENCRYPTING: [&str; 2] = ["sqlcipher_", "sqlite3mc_"];

/// What any SQLite has in it.
const PLAIN: &str = "SQLite format 3";

fn has_in_it(program: &Path, name: &str) -> Result<bool> {
    let bytes = std::fs::read(program)?;
    Ok(bytes.windows(name.len()).any(|window| window == name.as_bytes()))
}

#[test]
fn the_server_has_neither_an_encrypting_sqlite_nor_openssl() -> Result<()> {
    let server = binaries::server()?;
    ensure!(has_in_it(&server, PLAIN)?, "the search finds nothing");
    for name in ENCRYPTING {
        ensure!(!has_in_it(&server, name)?, "{name} is in the server");
    }
    let libraries = Command::new("ldd").arg(&server).output().context("ldd")?;
    let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
    ensure!(libraries.contains("libc.so"), "{libraries}");
    ensure!(!libraries.contains("libcrypto") && !libraries.contains("libssl"), "{libraries}");
    Ok(())
}

/// So the search above would find it.
#[test]
fn the_client_has_an_encrypting_sqlite() -> Result<()> {
    let client = binaries::terminal()?;
    ensure!(ENCRYPTING.iter().any(|name| has_in_it(&client, name).is_ok_and(|found| found)));
    Ok(())
}
