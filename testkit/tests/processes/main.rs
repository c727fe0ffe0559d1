//! Stories told with the real programs, which `make test` builds first.

mod faults;
mod invited;
mod linked;
mod nothing_readable_on_the_server;
mod restored;
mod two_people_talk;

use std::path::Path;

use anyhow::Result;
use privmsg_testkit::{ServerProcess, Terminal, binaries};

/// A server with alice and bob signed in, in folders of their own below `dir`.
async fn alice_and_bob(dir: &Path) -> Result<(ServerProcess, Terminal, Terminal)> {
    let data = dir.join("server");
    std::fs::create_dir(&data)?;
    let server = ServerProcess::start(&binaries::server()?, &data, &[]).await?;
    let binary = binaries::terminal()?;
    let mut people = Vec::new();
    for name in ["alice", "bob"] {
        let account = server.admin().creates(name).await?;
        people.push(Terminal::signs_in(&binary, &dir.join(name), &server.url(), &account).await?);
    }
    let bob = people.pop().expect("two were pushed");
    let alice = people.pop().expect("two were pushed");
    Ok((server, alice, bob))
}
