//! A server whose disk broke, and which was restored from a backup that is older than what the devices know.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result};
use privmsg_client::MessageState;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, ServerProcess, binaries};

async fn server(data: &Path) -> Result<ServerProcess> {
    ServerProcess::start(&binaries::server()?, data, &[]).await
}

fn back_up(server: &ServerProcess, to: &Path) -> Result<()> {
    server.administer(&[OsStr::new("backup"), to.as_os_str()])
}

async fn restore(server: &mut ServerProcess, from: &Path) -> Result<()> {
    server.kill()?;
    server.administer(&["restore".as_ref(), from.as_os_str(), "--force".as_ref(), "--verify".as_ref()])?;
    server.restart().await.map(drop)
}

async fn person(server: &ServerProcess, name: &str) -> Result<Person> {
    Person::signs_in(&server.url(), &server.admin().creates(name).await?).await
}

/// Says something in both directions.
async fn talk(one: &Person, other: &Person, what: &str) -> Result<()> {
    one.says(other, &format!("{what}, there")).await?;
    other.hears(one, &format!("{what}, there")).await?;
    other.says(one, &format!("{what}, and back")).await?;
    one.hears(other, &format!("{what}, and back")).await.map(drop)
}

/// Keys have changed since the backup, once: the server comes to the same epoch by the first device that joins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_heal_whose_keys_have_changed_since_the_backup() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let backup = dir.path().join("backup.tar");
    let mut server = server(dir.path()).await?;
    let (alice, bob) = (person(&server, "alice").await?, person(&server, "bob").await?);
    let mut late = person(&server, "late").await?;
    talk(&alice, &bob, "before").await?;
    talk(&alice, &late, "before").await?;
    back_up(&server, &backup)?;

    let tablet = alice.takes_another_device(&server.url()).await?;
    talk(&alice, &bob, "since").await?;
    tablet.hears(&bob, "since, and back").await?;
    talk(&tablet, &late, "since").await?;
    late.goes_offline().await?;
    restore(&mut server, &backup).await?;

    talk(&alice, &bob, "restored").await?;
    talk(&bob, &alice, "again").await?;
    // Nobody had the key to this yet, so it waits with its sender.
    alice.says(&late, "while you were away").await?;
    late.goes_online().await?;
    late.hears(&alice, "while you were away").await?;
    talk(&late, &alice, "late").await?;

    let texts = bob.texts(&alice).await?;
    for what in ["before", "since", "restored", "again"] {
        assert_eq!(texts.iter().filter(|text| text.starts_with(what)).count(), 2, "{what}: {texts:?}");
    }
    Ok(())
}

/// Nobody's keys have changed since, but places in the history are given out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_go_on_whose_keys_are_those_of_the_backup() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let backup = dir.path().join("backup.tar");
    let mut server = server(dir.path()).await?;
    let (alice, mut bob) = (person(&server, "alice").await?, person(&server, "bob").await?);
    talk(&alice, &bob, "before").await?;
    back_up(&server, &backup)?;
    for n in 0..5 {
        talk(&alice, &bob, &format!("since {n}")).await?;
    }
    bob.goes_offline().await?;
    restore(&mut server, &backup).await?;
    alice.says(&bob, "while Bob was away").await?;
    bob.goes_online().await?;
    bob.hears(&alice, "while Bob was away").await?;
    // And once more from the same backup, of which that history is no part.
    restore(&mut server, &backup).await?;
    talk(&bob, &alice, "restored").await?;

    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        let texts = one.texts(other).await?;
        assert_eq!(texts.len(), 2 + 2 * 5 + 1 + 2, "{texts:?}");
        assert_eq!(one.missing(other).await?, 0);
    }
    Ok(())
}

/// What the server had acknowledged since the backup, and had not delivered, is lost with its disk: those who said it still have it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_had_taken_and_lost_is_said_again() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let backup = dir.path().join("backup.tar");
    let mut server = server(dir.path()).await?;
    let (mut alice, mut bob) = (person(&server, "alice").await?, person(&server, "bob").await?);
    talk(&alice, &bob, "before").await?;
    let withdrawn = alice.says(&bob, "withdrawn").await?;
    bob.hears(&alice, "withdrawn").await?;
    back_up(&server, &backup)?;
    alice.says(&bob, "heard").await?;
    let heard = bob.hears(&alice, "heard").await?;
    bob.goes_offline().await?;
    alice.delivered(&alice.says(&bob, "unheard").await?).await?;
    let deletion = alice.client().delete(withdrawn.message_id).await?;
    alice.acknowledged(&deletion.context("a message that has left")?).await?;
    alice.goes_offline().await?;
    restore(&mut server, &backup).await?;
    alice.goes_online().await?;
    bob.goes_online().await?;

    bob.hears(&alice, "unheard").await?;
    until("the deletion", PATIENCE, || async {
        let messages = bob.messages(&alice).await?;
        Ok(messages.iter().any(|message| message.message_id == withdrawn.message_id && message.deleted).then_some(()))
    })
    .await?;
    let texts = bob.texts(&alice).await?;
    assert_eq!(texts.iter().filter(|text| *text == "heard").count(), 1, "{texts:?}");
    assert_eq!(bob.missing(&alice).await?, 0);
    assert!(bob.client().message(heard.id).await?.is_some_and(|again| again.cursor == heard.cursor), "it was moved");
    let states: Vec<_> = alice.messages(&bob).await?.into_iter().filter(|message| message.outgoing).collect();
    assert!(states.iter().all(|message| message.state == MessageState::Sent), "{states:?}");
    Ok(())
}
