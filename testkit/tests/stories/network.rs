//! People on a bad network.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use privmsg_client::{Event, MessageState};
use privmsg_testkit::wait::until;
use privmsg_testkit::{Clock, Faults, Person, Proxy, Server};

use super::{alice_and_bob, both_have, numbered};

/// How long a network stays bad.
const BAD_TIME: Duration = Duration::from_secs(8);

/// A server, and a person for each of two networks to it.
async fn two_networks(server: &Server, seed: u64) -> Result<(Proxy, Person, Proxy, Person)> {
    let hers = Proxy::start(server.address(), seed).await?;
    let his = Proxy::start(server.address(), seed + 1).await?;
    let alice = Person::signs_in(&hers.url(), &server.admin().creates("alice").await?).await?;
    let bob = Person::signs_in(&his.url(), &server.admin().creates("bob").await?).await?;
    Ok((hers, alice, his, bob))
}

/// Both talk on networks that behave like `faults`; everything arrives exactly once.
async fn talk(faults: &Faults, seed: u64, messages: usize) -> Result<(Proxy, Proxy)> {
    let server = Server::start().await?;
    let (hers, alice, his, bob) = two_networks(&server, seed).await?;
    hers.behaves(faults.clone());
    his.behaves(faults.clone());
    let mut told = [alice.client().events(), bob.client().events()];
    let (from_alice, from_bob) = (numbered("Alice", messages), numbered("Bob", messages));
    for (a, b) in from_alice.iter().zip(&from_bob) {
        alice.says(&bob, a).await?;
        bob.says(&alice, b).await?;
    }
    let all: Vec<String> = from_alice.into_iter().chain(from_bob).collect();
    // The bad time ends some day, if everything has not arrived before: clients wait longer from cut to cut.
    let early = until("everything in spite of the network", BAD_TIME, || async {
        let (hers, his) = (alice.texts(&bob).await?.len(), bob.texts(&alice).await?.len());
        Ok((hers >= all.len() && his >= all.len()).then_some(()))
    });
    let in_spite = early.await.is_ok();
    println!("everything arrived in spite of the network: {in_spite}");
    hers.behaves(Faults::default());
    his.behaves(Faults::default());
    both_have(&alice, &bob, &all).await?;
    // An answer that got lost is no sign of a profile that was set back: it is asked for again.
    for events in &mut told {
        while let Ok(event) = events.try_recv() {
            ensure!(!matches!(event, Event::SetBack), "told to have been set back");
        }
    }
    Ok((hers, his))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_and_double_nothing() -> Result<()> {
    let faults = Faults { cut_permille: 20, refuse_permille: 100, ..Faults::default() };
    let (hers, his) = talk(&faults, 11, 100).await?;
    assert!(hers.done().cuts + his.done().cuts > 0, "the network was bad");
    Ok(())
}

/// The tree that an invitation is read with has to be asked for, and the group goes on meanwhile.
#[tokio::test]
async fn an_invitation_is_good_also_on_a_slow_line_and_after_others_have_come() -> Result<()> {
    let server = Server::start().await?;
    let (_hers, alice, his, mut bob) = two_networks(&server, 31).await?;
    bob.goes_offline().await?;
    let first = alice.says(&bob, "Hi").await?;
    alice.delivered(&first).await?;
    // By an external commit: the invitation is into an epoch that is over.
    let tablet = alice.takes_another_device(&server.url()).await?;
    let second = tablet.says(&bob, "from the tablet").await?;
    tablet.delivered(&second).await?;
    his.behaves(Faults { delay: Duration::from_millis(100)..Duration::from_millis(200), ..Faults::default() });
    bob.goes_online().await?;
    bob.hears(&alice, "Hi").await?;
    bob.hears(&alice, "from the tablet").await?;
    ensure!(bob.missing(&alice).await? == 0);
    let answer = bob.says(&alice, "here I am").await?;
    bob.delivered(&answer).await?;
    alice.hears(&bob, "here I am").await.map(drop)
}

/// The first message of a chat comes with a welcome, which opens only once.
#[tokio::test]
async fn a_repeated_welcome_does_no_harm() -> Result<()> {
    let server = Server::start().await?;
    let (hers, alice, his, bob) = two_networks(&server, 15).await?;
    let faults = Faults { repeat_permille: 1000, ..Faults::default() };
    hers.behaves(faults.clone());
    his.behaves(faults);
    for n in 0..5 {
        alice.says(&bob, &format!("Alice {n}")).await?;
        bob.hears(&alice, &format!("Alice {n}")).await?;
        bob.says(&alice, &format!("Bob {n}")).await?;
        alice.hears(&bob, &format!("Bob {n}")).await?;
    }
    assert_eq!(alice.texts(&bob).await?.len(), 10);
    assert_eq!(bob.texts(&alice).await?.len(), 10);
    assert!(hers.done().repeats > 0 && his.done().repeats > 0, "every frame came twice");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_frames_double_nothing() -> Result<()> {
    let faults = Faults { repeat_permille: 500, ..Faults::default() };
    let (hers, his) = talk(&faults, 12, 100).await?;
    assert!(hers.done().repeats + his.done().repeats > 0, "the network was bad");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delays_lose_and_double_nothing() -> Result<()> {
    let delay = Duration::ZERO..Duration::from_millis(40);
    let faults = Faults { delay, cut_permille: 40, repeat_permille: 100, ..Faults::default() };
    let (hers, his) = talk(&faults, 13, 40).await?;
    let (hers, his) = (hers.done(), his.done());
    assert!(hers.cuts + his.cuts > 0 && hers.repeats + his.repeats > 0, "the network was bad");
    Ok(())
}

/// The connection stays open, but nothing comes through any more. Tokio's time is moved on instead of waiting.
#[tokio::test]
async fn a_half_open_connection_is_noticed() -> Result<()> {
    let server = Server::start().await?;
    let (hers, mut alice, _his, bob) = two_networks(&server, 14).await?;
    alice.says(&bob, "can you hear me?").await?;
    bob.hears(&alice, "can you hear me?").await?;

    hers.goes_silent();
    let into_the_void = alice.says(&bob, "and now?").await?;
    bob.says(&alice, "hello?").await?;
    let mut passed = 0;
    while !matches!(alice.client().message(into_the_void.id).await?, Some(m) if m.state == MessageState::Sent) {
        assert!(passed < 180, "three minutes are too long");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(10)).await;
        tokio::time::resume();
        passed += 10;
        // Real time, for the sockets.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    alice.sees("the dead connection", |event| matches!(event, Event::Disconnected { .. })).await?;
    println!("noticed and repaired after {passed} s");
    bob.hears(&alice, "and now?").await?;
    alice.hears(&bob, "hello?").await?;
    let all = ["can you hear me?", "and now?", "hello?"].map(str::to_owned);
    both_have(&alice, &bob, &all).await
}

/// What a device dates by a fast clock would be refused by all others, until their clocks had caught up.
#[tokio::test]
async fn a_fast_clock_keeps_nobody_away() -> Result<()> {
    let server = Server::start().await?;
    let fast = Clock::right();
    fast.advance(20 * 24 * 3600);
    let account = server.admin().creates("alice").await?;
    let mut alice = Person::signs_in_by(&server.url(), &account, Arc::new(fast)).await?;
    let bob = server.person("bob").await?;
    let sent = bob.says(&alice, "are you there?").await?;
    bob.delivered(&sent).await?;
    alice.starts().await?;
    let told = alice.sees("that her clock is off", |event| matches!(event, Event::ClockIsOff { .. })).await?;
    let Event::ClockIsOff { ahead_ms } = told else { anyhow::bail!("{told:?}") };
    ensure!((-21..=-19).contains(&(ahead_ms / (24 * 3600 * 1000))), "{ahead_ms}");
    alice.hears(&bob, "are you there?").await?;
    alice.says(&bob, "since when?").await?;
    bob.hears(&alice, "since when?").await.map(drop)
}

/// A server that is restarted says to each client when to come back, and the client keeps to it: half a second at least,
/// which its own first pause would hardly ever be.
#[tokio::test]
async fn a_restarted_server_is_left_alone_for_as_long_as_it_asks() -> Result<()> {
    let (mut server, mut alice, bob) = alice_and_bob().await?;
    for round in 0..3 {
        // Whoever is still busy with signing in meets a fault sooner than the farewell.
        alice.says(&bob, &format!("Hi {round}")).await?;
        bob.hears(&alice, &format!("Hi {round}")).await?;
        let stopped = Instant::now();
        server.restart_with(&[]).await?;
        alice.sees("the end of the connection", |event| matches!(event, Event::Disconnected { .. })).await?;
        alice.sees("that she is back", |event| matches!(event, Event::Connected)).await?;
        // From before the farewell: when the end is seen depends on how busy the machine is.
        let away = stopped.elapsed();
        ensure!(away >= Duration::from_millis(500), "round {round}: {away:?}");
    }
    alice.says(&bob, "Hi again").await?;
    bob.hears(&alice, "Hi again").await.map(drop)
}

/// Bob fetches a file and joins a chat, and no request of his is answered. What Alice writes meanwhile comes as fast as
/// ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_hang_hold_up_no_message() -> Result<()> {
    const MESSAGES: usize = 300;
    let server = Server::start().await?;
    let (_hers, alice, his, bob) = two_networks(&server, 16).await?;
    let carol = server.person("carol").await?;
    let path = alice.file("photo.jpg");
    std::fs::write(&path, [7; 100_000])?;
    alice.shows(&bob, "a photo", &[&path]).await?;
    let photo = bob.hears(&alice, "a photo").await?;
    let mut expected = vec!["a photo".to_owned()];
    let mut times = Vec::new();
    for round in ["before", "meanwhile"] {
        if round == "meanwhile" {
            his.behaves(Faults { holds_rest: true, ..Faults::default() });
            bob.client().want_files(photo.id).await?;
            carol.says(&bob, "let me in").await?;
        }
        let texts = numbered(round, MESSAGES);
        let start = Instant::now();
        for text in &texts {
            alice.says(&bob, text).await?;
        }
        expected.extend(texts);
        bob.has_exactly(&alice, &expected, Duration::from_secs(30)).await?;
        times.push(start.elapsed());
    }
    println!("{MESSAGES} messages in {times:?}");
    ensure!(bob.client().downloads(photo.id).await? == [privmsg_client::DownloadState::Wanted], "REST was to hang");
    ensure!(bob.texts(&carol).await?.is_empty(), "REST was to hang");
    // Other tests share the machine; a request may hang for a minute.
    ensure!(times[1] < (times[0] * 10).max(Duration::from_secs(10)), "{times:?}");
    his.behaves(Faults::default());
    bob.client().wait_files(photo.id).await?;
    bob.hears(&carol, "let me in").await.map(drop)
}
