//! What is kept of files beside the database, and for how long.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::{CacheLimit, ClientError, DownloadState, MessageView, Reason};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Clock, Faults, Person, Proxy, Server};

use super::alice_and_bob;
use super::transfers::{MB, fetched, has_sealed_files, saved, sealed_files, slow_line, written};

/// Bob lives by a clock of his own, and keeps next to nothing.
async fn forgetful_bob(server: &Server, url: &str, clock: &Clock, megabytes: u32) -> Result<Person> {
    let account = server.admin().creates("bob").await?;
    let mut bob = Person::signs_in_by(url, &account, Arc::new(clock.clone())).await?;
    bob.goes_online().await?;
    bob.client().set_cache_limit(CacheLimit { megabytes }).await?;
    Ok(bob)
}

#[tokio::test]
async fn what_was_fetched_goes_with_its_message_and_when_there_is_too_much() -> Result<()> {
    let server = Server::start().await?;
    let clock = Clock::right();
    let alice = server.person("alice").await?;
    let bob = forgetful_bob(&server, &server.url(), &clock, 3).await?;
    let mut messages = Vec::new();
    for n in 0..3 {
        let (path, _) = written(&alice, &format!("photo {n}.jpg"), 1_200_000 + n)?;
        alice.shows(&bob, &format!("photo {n}"), &[&path]).await?;
        let message = bob.hears(&alice, &format!("photo {n}")).await?;
        fetched(&bob, &message).await?;
        messages.push(message);
        clock.advance(1);
    }
    assert_eq!(sealed_files(&bob).len(), 3, "somebody is about to open them");
    // The first was used last.
    fetched(&bob, &messages[0]).await?;
    clock.advance(120);
    has_sealed_files(&bob, 2).await?;
    let state = |message: &MessageView| bob.client().downloads(message.id);
    assert_eq!(state(&messages[0]).await?, [DownloadState::Here]);
    assert!(state(&messages[1]).await?.is_empty());
    bob.client().delete_for_me(messages[0].message_id).await?;
    has_sealed_files(&bob, 1).await?;
    alice.client().delete(messages[2].message_id).await?;
    has_sealed_files(&bob, 0).await
}

/// It was waited for longer than a file stays that nobody uses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_just_come_is_there_to_be_saved_however_long_it_took() -> Result<()> {
    let server = Server::start().await?;
    let clock = Clock::right();
    let line = Proxy::start(server.address(), 9).await?;
    let alice = server.person("alice").await?;
    let bob = forgetful_bob(&server, &line.url(), &clock, 0).await?;
    let (path, content) = written(&alice, "film.mkv", 4 * MB)?;
    alice.shows(&bob, "a film", &[&path]).await?;
    let message = bob.hears(&alice, "a film").await?;
    line.behaves(slow_line());
    bob.client().want_files(message.id).await?;
    clock.advance(120);
    bob.client().wait_files(message.id).await?;
    // Whoever tidies up has had time to.
    alice.says(&bob, "seen it?").await?;
    bob.hears(&alice, "seen it?").await?;
    assert!(saved(&bob, &message).await? == content);
    clock.advance(120);
    has_sealed_files(&bob, 0).await
}

#[tokio::test]
async fn files_of_one_message_are_not_taken_for_each_other() -> Result<()> {
    let server = Server::start().await?;
    let clock = Clock::right();
    let alice = server.person("alice").await?;
    let bob = forgetful_bob(&server, &server.url(), &clock, 2).await?;
    let ((first, one), (second, other)) = (written(&alice, "1.jpg", 1_500_000)?, written(&alice, "2.jpg", 1_400_000)?);
    alice.shows(&bob, "photos", &[&first, &second]).await?;
    let message = bob.hears(&alice, "photos").await?;
    bob.client().want_files(message.id).await?;
    bob.client().wait_files(message.id).await?;
    clock.advance(120);
    has_sealed_files(&bob, 1).await?;
    let folder = bob.file("photos");
    let mut missing = 0;
    for (saved, content) in bob.client().save_files(message.id, &folder, |_, _| {}).await?.iter().zip([&one, &other]) {
        match &saved.result {
            Ok(path) => ensure!(std::fs::read(path)? == *content, "another file"),
            Err(ClientError::NoSuchAttachment) => missing += 1,
            Err(error) => bail!("{error}"),
        }
    }
    ensure!(missing == 1, "{missing} are missing");
    // Nothing was thrown away for it, and what is missing can be had again.
    has_sealed_files(&bob, 1).await?;
    bob.client().want_files(message.id).await?;
    bob.client().wait_files(message.id).await?;
    for (saved, content) in bob.client().save_files(message.id, &folder, |_, _| {}).await?.iter().zip([&one, &other]) {
        let path = saved.result.as_ref().ok().context("all are here")?;
        ensure!(std::fs::read(path)? == *content, "another file");
    }
    Ok(())
}

/// What is asked for again, or after the network came back, does not wait for what the failure before was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_is_trying_again() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 10).await?;
    let alice = server.person("alice").await?;
    let bob = Person::signs_in(&line.url(), &server.admin().creates("bob").await?).await?;
    let (path, content) = written(&alice, "note.txt", 1000)?;
    alice.shows(&bob, "a note", &[&path]).await?;
    let message: MessageView = bob.hears(&alice, "a note").await?;
    line.behaves(Faults { cuts_rest: true, ..Faults::default() });
    bob.client().want_files(message.id).await?;
    let waits =
        || async { Ok(bob.client().holds_of_files(message.id).await?.into_iter().find(|hold| hold.attempts > 3)) };
    let hold = until("a pause of some seconds", PATIENCE, waits).await?;
    ensure!(hold.reason == Reason::Network, "{hold:?}");
    line.behaves(Faults::default());
    bob.client().want_files(message.id).await?;
    ensure!(bob.client().holds_of_files(message.id).await?.is_empty(), "it waits all the same");
    bob.client().wait_files(message.id).await?;
    ensure!(bob.client().downloads(message.id).await? == [DownloadState::Here], "it is not here");
    ensure!(fetched(&bob, &message).await? == content && sealed_files(&bob).len() == 1, "another file");
    Ok(())
}

#[tokio::test]
async fn whoever_stops_sending_leaves_nothing() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let (path, content) = written(&alice, "photo.raw", 15 * MB)?;
    let files: [&std::path::Path; 1] = [&path];
    let sending = tokio::time::timeout(Duration::from_millis(5), alice.shows(&bob, "a photo", &files));
    ensure!(sending.await.is_err(), "15 MB were encrypted in no time");
    has_sealed_files(&alice, 0).await?;
    alice.shows(&bob, "a photo", &[&path]).await?;
    let message = bob.hears(&alice, "a photo").await?;
    assert!(fetched(&bob, &message).await? == content);
    assert_eq!(bob.texts(&alice).await?, ["a photo"]);
    has_sealed_files(&alice, 0).await
}
