//! Stories of people with real clients in this process and the real server beside it, which `make test` builds first.

mod about;
mod absent;
mod anew;
mod attacks;
mod blocks;
mod chats;
mod contacts;
mod costs;
mod crashes;
mod devices;
mod epochs;
mod files;
mod forwarding;
mod groups;
mod in_step;
mod kept_files;
mod limits;
mod network;
mod own_devices;
mod pins;
mod reach;
mod reconnecting;
mod requests;
mod set_back;
mod stolen;
mod transfers;
mod typing;

use anyhow::Result;
use privmsg_protocol::UserId;
use privmsg_testkit::wait::PATIENCE;
use privmsg_testkit::{Person, Server};

/// A server with two people online.
async fn alice_and_bob() -> Result<(Server, Person, Person)> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let bob = server.person("bob").await?;
    Ok((server, alice, bob))
}

/// Compares the safety number of a contact, and finds it right.
async fn verifies(who: &Person, contact: &UserId) -> Result<()> {
    let seen = who.client().contact(contact).await?.safety_number;
    Ok(who.client().mark_verified(contact, &seen).await?)
}

/// Looks at the new number of a contact, and accepts it. Returns whether there was one.
async fn accepts(who: &Person, contact: &UserId) -> Result<bool> {
    let seen = who.client().contact(contact).await?.to_compare().clone();
    Ok(who.client().accept_identity_change(contact, &seen).await?)
}

/// Both have exactly these texts in their chat. If not, says what the writers know of what is missing.
async fn both_have(alice: &Person, bob: &Person, texts: &[String]) -> Result<()> {
    for (reader, writer) in [(alice, bob), (bob, alice)] {
        if let Err(error) = reader.has_exactly(writer, texts, PATIENCE).await {
            let there = reader.texts(writer).await?;
            let written = writer.messages(reader).await?;
            let missing = written.into_iter().filter(|message| message.outgoing && !there.contains(&message.text));
            let states: Vec<_> = missing.map(|message| (message.text, message.state)).collect();
            return Err(error.context(format!("missing, as their writer has them: {states:?}")));
        }
    }
    Ok(())
}

/// `prefix 0`, `prefix 1`, …
fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix} {n}")).collect()
}
