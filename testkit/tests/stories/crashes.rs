//! Clients that die right after one of their transactions, before anything that would follow it: at the first that tells
//! of a change, at the second, and so on to the last. Whatever each of the engine's tasks was about to do, the next start
//! does it.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use privmsg_client::MessageView;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Random, Server};
use tokio::time::{Duration, timeout};

/// After so long without a transaction the engine has done everything that it had to. Before the first one it connects.
const QUIET: Duration = Duration::from_millis(1500);

/// Starts the engine, and drops it after its transaction number `commit`. Returns whether there were as many.
///
/// On a runtime of one thread, whoever follows the changes is woken before whoever waits for the transaction: nothing
/// that the engine does after it has happened.
async fn dies_after(person: &mut Person, commit: usize) -> Result<bool> {
    let mut changes = person.client().changes();
    person.starts().await?;
    for n in 0..commit {
        let patience = if n == 0 { PATIENCE } else { QUIET };
        match timeout(patience, changes.next()).await {
            Ok(changed) => ensure!(changed.is_some(), "the database is closed"),
            Err(_) => {
                person.goes_offline().await?;
                return Ok(false);
            }
        }
    }
    person.crashes().await?;
    Ok(true)
}

fn written(person: &Person, name: &str) -> Result<(PathBuf, Vec<u8>)> {
    let (path, content) = (person.file(name), Random::new(8).bytes(200_000));
    std::fs::write(&path, &content)?;
    Ok((path, content))
}

async fn fetched(person: &Person, message: &MessageView) -> Result<Vec<u8>> {
    timeout(PATIENCE, person.client().wait_files(message.id)).await??;
    let out = person.file("saved");
    for saved in person.client().save_files(message.id, &out, |_, _| {}).await? {
        saved.result?;
    }
    Ok(std::fs::read(&out)?)
}

/// Everything that `writer` has said is known to have arrived, and nothing waits.
async fn nothing_is_owed(writer: &Person, reader: &Person) -> Result<()> {
    until("all receipts", PATIENCE, || async {
        let all = writer.messages(reader).await?;
        let done = all.iter().filter(|message| message.outgoing).all(|message| message.delivered_at().is_some());
        Ok((done && writer.client().holds().await?.is_empty()).then_some(()))
    })
    .await
}

/// Alice begins a conversation, sends a text, a file and a reaction, and hears Bob's answer.
async fn begins(server: &Server, commit: usize) -> Result<bool> {
    let admin = server.admin();
    let bob = server.person(&format!("bob-{commit}")).await?;
    let account = admin.creates(&format!("alice-{commit}")).await?;
    let mut alice = Person::signs_in_offline(&server.url(), &account).await?;
    let (path, content) = written(&alice, "plan.pdf")?;
    let text = alice.says(&bob, "a text").await?;
    alice.shows(&bob, "a file", &[&path]).await?;
    alice.client().react(text.message_id, "👍".to_owned(), false).await?;
    let died = dies_after(&mut alice, commit).await?;
    alice.starts().await?;
    let message = bob.hears(&alice, "a file").await?;
    bob.client().want_files(message.id).await?;
    ensure!(fetched(&bob, &message).await? == content, "another file");
    bob.says(&alice, "an answer").await?;
    alice.hears(&bob, "an answer").await?;
    until("the reaction", PATIENCE, || async {
        let first = bob.messages(&alice).await?.into_iter().find(|message| message.text == "a text");
        Ok(first.filter(|message| message.reactions.len() == 1).map(drop))
    })
    .await?;
    let expected = ["a text", "a file", "an answer"];
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        ensure!(one.texts(other).await? == expected, "{:?}", one.texts(other).await?);
        ensure!(one.missing(other).await? == 0, "a gap");
        nothing_is_owed(one, other).await?;
    }
    Ok(died)
}

/// Bob is invited, receives texts and a file, fetches it, and answers.
async fn is_invited(server: &Server, commit: usize) -> Result<bool> {
    let admin = server.admin();
    let alice = server.person(&format!("ann-{commit}")).await?;
    let account = admin.creates(&format!("ben-{commit}")).await?;
    let mut bob = Person::signs_in_offline(&server.url(), &account).await?;
    // Nobody can be written to before the first key packages are there.
    bob.goes_online().await?;
    bob.goes_offline().await?;
    let (path, content) = written(&alice, "plan.pdf")?;
    alice.says(&bob, "a text").await?;
    let sent = alice.shows(&bob, "a file", &[&path]).await?;
    alice.delivered(&sent).await?;
    let died = dies_after(&mut bob, commit).await?;
    bob.starts().await?;
    let message = bob.hears(&alice, "a file").await?;
    bob.goes_offline().await?;
    bob.client().want_files(message.id).await?;
    bob.says(&alice, "an answer").await?;
    let died_again = dies_after(&mut bob, commit).await?;
    bob.starts().await?;
    ensure!(fetched(&bob, &message).await? == content, "another file");
    alice.hears(&bob, "an answer").await?;
    let expected = ["a text", "a file", "an answer"];
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        ensure!(one.texts(other).await? == expected, "{:?}", one.texts(other).await?);
        ensure!(one.missing(other).await? == 0, "a gap");
        nothing_is_owed(one, other).await?;
    }
    Ok(died || died_again)
}

#[tokio::test]
async fn whoever_begins_a_conversation_may_die_after_any_transaction() -> Result<()> {
    let server = Server::start().await?;
    let mut commit = 1;
    while begins(&server, commit).await.map_err(|error| error.context(format!("died after {commit}")))? {
        commit += 1;
    }
    ensure!(commit > 3, "there were only {commit} transactions");
    Ok(())
}

#[tokio::test]
async fn whoever_is_invited_may_die_after_any_transaction() -> Result<()> {
    let server = Server::start().await?;
    let mut commit = 1;
    while is_invited(&server, commit).await.map_err(|error| error.context(format!("died after {commit}")))? {
        commit += 1;
    }
    ensure!(commit > 2, "there were only {commit} transactions");
    Ok(())
}
