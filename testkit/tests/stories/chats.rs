//! Beginning to talk, and going on after a crash.

use anyhow::Result;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Random, Server};

use super::{alice_and_bob, both_have, numbered};

#[tokio::test]
async fn two_people_talk() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let sent = alice.says(&bob, "Hi Bob").await?;
    alice.delivered(&sent).await?;
    bob.hears(&alice, "Hi Bob").await?;
    bob.says(&alice, "Hi Alice").await?;
    alice.hears(&bob, "Hi Alice").await?;
    assert_eq!(alice.texts(&bob).await?, bob.texts(&alice).await?);
    Ok(())
}

#[tokio::test]
async fn both_open_the_chat_at_the_same_moment() -> Result<()> {
    for _ in 0..3 {
        let (_server, alice, bob) = alice_and_bob().await?;
        let (from_alice, from_bob) = tokio::join!(alice.says(&bob, "from Alice"), bob.says(&alice, "from Bob"));
        let (from_alice, from_bob) = (from_alice?, from_bob?);
        let both = ["from Alice".to_owned(), "from Bob".to_owned()];
        both_have(&alice, &bob, &both).await?;
        alice.delivered(&from_alice).await?;
        bob.delivered(&from_bob).await?;
        assert_eq!(alice.client().chats().await?.len(), 1);
        assert_eq!(bob.client().chats().await?.len(), 1);
        bob.says(&alice, "one chat").await?;
        alice.hears(&bob, "one chat").await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_was_said_to_somebody_offline_arrives_in_order() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let mut bob = Person::signs_in_offline(&server.url(), &server.admin().creates("bob").await?).await?;
    let texts = numbered("while you were away", 200);
    let mut last = None;
    for text in &texts {
        last = Some(alice.says(&bob, text).await?);
    }
    if let Some(last) = last {
        alice.delivered(&last).await?;
    }
    bob.goes_online().await?;
    bob.has_exactly(&alice, &texts, PATIENCE).await?;
    assert_eq!(bob.texts(&alice).await?, texts, "in the order in which they were written");
    Ok(())
}

#[tokio::test]
async fn what_is_written_offline_is_sent_later() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.goes_offline().await?;
    alice.says(&bob, "written in a tunnel").await?;
    alice.crashes().await?;
    alice.goes_online().await?;
    bob.hears(&alice, "written in a tunnel").await.map(drop)
}

#[tokio::test]
async fn notes_to_oneself() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let sent = alice.says(&alice, "buy milk").await?;
    alice.delivered(&sent).await?;
    assert_eq!(alice.texts(&alice).await?, ["buy milk"]);
    Ok(())
}

/// Both clients are dropped at random moments while they talk, and the server is restarted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_and_server_end_at_any_moment() -> Result<()> {
    let mut random = Random::new(2);
    let (mut server, mut alice, mut bob) = alice_and_bob().await?;
    let (mut from_alice, mut from_bob) = (Vec::new(), Vec::new());
    for round in 0..12 {
        for n in 0..5 {
            from_alice.push(format!("Alice {round}.{n}"));
            from_bob.push(format!("Bob {round}.{n}"));
            alice.says(&bob, &from_alice[from_alice.len() - 1]).await?;
            bob.says(&alice, &from_bob[from_bob.len() - 1]).await?;
        }
        let pause = std::time::Duration::from_millis(random.within(0..60));
        tokio::time::sleep(pause).await;
        match round % 4 {
            3 => server.restart_with(&[]).await?,
            1 => bob.crashes().await?,
            _ => alice.crashes().await?,
        }
        match round % 4 {
            3 => {}
            1 => bob.starts().await?,
            _ => alice.starts().await?,
        }
    }
    let all: Vec<String> = from_alice.into_iter().chain(from_bob).collect();
    both_have(&alice, &bob, &all).await
}

/// Bob's device looks in only for a moment; Alice sees all the same that her message has arrived.
#[tokio::test]
async fn the_writer_sees_what_has_arrived() -> Result<()> {
    let (_server, alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    bob.lets_in(&alice).await?;
    bob.goes_offline().await?;
    let sent = alice.says(&bob, "have a look").await?;
    alice.delivered(&sent).await?;
    assert_eq!(alice.has(&bob, "have a look").await?.delivered_at(), None);
    bob.goes_online().await?;
    bob.goes_offline().await?;
    until("the receipt", PATIENCE, || async { Ok(alice.has(&bob, "have a look").await?.delivered_at().map(drop)) })
        .await
}
