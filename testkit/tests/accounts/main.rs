//! Several accounts in one process, each with its engine, as a front-end has them. A program of its own: what a process
//! logs can be caught only once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod logged;

use privmsg_client::{Event, HistoryItem, Recipient};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

async fn are_heard(from: &Person, to: &Person, text: &str) {
    from.says(&to.account().user_id, text).await.unwrap();
    to.hears(&from.account().user_id, text).await.unwrap();
}

#[tokio::test]
async fn accounts_of_one_process_do_not_know_each_other() {
    let log = logged::start();
    let mut server = Server::start().await.unwrap();
    let mut alice = server.person("alice").await.unwrap();
    let mut bob = server.person("bob").await.unwrap();
    let mut carol = server.person("carol").await.unwrap();
    let with_alice = Recipient::User(alice.account().user_id.clone());
    let mut shown_to_carol = carol.client().watch_conversation(&with_alice, 10).await.unwrap();

    are_heard(&alice, &bob, "Hi Bob").await;
    are_heard(&bob, &carol, "Hi Carol").await;
    are_heard(&carol, &alice, "Hi Alice").await;
    for (person, chats) in [(&alice, 2), (&bob, 2), (&carol, 2)] {
        assert_eq!(person.client().chats().await.unwrap().len(), chats);
    }
    while shown_to_carol.items().is_empty() {
        shown_to_carol.next().await.unwrap().unwrap();
    }
    assert!(matches!(shown_to_carol.items(), [HistoryItem::Message(message)] if message.text == "Hi Alice"));

    // One signs out; the others go on, and only he is told.
    bob.client().logout().await.unwrap();
    assert!(bob.is_stopped().await.unwrap().contains("signed"), "his engine says why");
    are_heard(&alice, &carol, "Bob is gone").await;
    are_heard(&carol, &alice, "And we are here").await;
    assert_eq!(bob.texts(&alice.account().user_id).await.unwrap(), ["Hi Bob"], "what he has stays readable");

    // The server is away for a moment: each engine says so for itself, and comes back by itself.
    server.restart_with(&[]).await.unwrap();
    for person in [&mut alice, &mut carol] {
        person.sees("the connection again", |event| matches!(event, Event::Connected)).await.unwrap();
    }
    are_heard(&alice, &carol, "Back again").await;

    for name in ["alice", "carol"] {
        let wanted = format!("account{{user={name}}}");
        let says_so = || async {
            Ok(log.lines().iter().any(|line| line.contains(&wanted) && line.contains("disconnected")).then_some(()))
        };
        until("what an engine logs", PATIENCE, says_so).await.unwrap();
    }
    for person in [&mut alice, &mut bob, &mut carol] {
        person.goes_offline().await.unwrap_or_default();
    }
    let of_nobody: Vec<_> = log.lines().into_iter().filter(|line| !line.contains("account{user=")).collect();
    assert!(of_nobody.is_empty(), "whose is this: {of_nobody:#?}");
}
