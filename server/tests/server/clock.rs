//! The clock is set wrong and right again while messages wait.

use privmsg_protocol::MessageId;
use privmsg_protocol::frames::ServerFrame;

use crate::support::{Person, TestServer, new_id};

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

/// More than the minute between two cleanups.
const MEANWHILE: i64 = 61;

const MESSAGES: usize = 20;

async fn sends(alice: &Person, sent: &mut Vec<MessageId>) {
    let mut line = alice.online().await;
    for _ in 0..MESSAGES {
        sent.push(new_id());
        line.deliver(alice.message("bob", sent[sent.len() - 1], "eA==")).await;
    }
}

/// Everything that waits, acknowledged.
async fn receives(bob: &Person) -> Vec<MessageId> {
    let mut line = bob.connect().await;
    let mut received = Vec::new();
    loop {
        match line.next().await {
            ServerFrame::Message(message) => {
                received.push(message.message_id);
                line.ack(&[message.message_id]).await;
            }
            ServerFrame::CaughtUp => break,
            other => panic!("{other:?}"),
        }
    }
    line.ping().await;
    received
}

#[tokio::test]
async fn a_clock_that_was_set_wrong_for_a_while_loses_and_doubles_nothing() {
    let server = TestServer::with(|config| config.storage.cleanup_interval_minutes = 1).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    for (name, jump) in [("day-ahead", DAY), ("day-behind", -DAY), ("year-ahead", YEAR), ("year-behind", -YEAR)] {
        let mut sent = Vec::new();
        sends(&alice, &mut sent).await;
        server.clock.jump(jump);
        server.clock.advance(MEANWHILE);
        server.upkeep_looks().await;
        // A session lasts 30 days: a year ahead nobody is signed in, but everybody can sign in.
        if jump < YEAR {
            sends(&alice, &mut sent).await;
        }
        server.user(name).await;
        server.clock.jump(-jump);
        server.clock.advance(MEANWHILE);
        server.upkeep_looks().await;
        sends(&alice, &mut sent).await;
        assert_eq!(receives(&bob).await, sent, "{name}");
        assert_eq!(receives(&bob).await, [], "{name}");
    }
}

/// A clock that stays ahead is believed in the end.
#[tokio::test]
async fn after_an_hour_the_clock_is_believed() {
    let server = TestServer::with(|config| config.storage.cleanup_interval_minutes = 1).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut sent = Vec::new();
    sends(&alice, &mut sent).await;
    server.upkeep_looks().await;
    server.clock.jump(8 * DAY);
    server.clock.advance(MEANWHILE);
    server.upkeep_looks().await;
    assert_eq!(receives(&bob).await, sent, "in doubt");
    sent.clear();
    server.clock.jump(-8 * DAY);
    server.upkeep_looks().await;
    sends(&alice, &mut sent).await;
    server.clock.jump(8 * DAY);
    server.upkeep_looks().await;
    server.clock.advance(3600);
    server.upkeep_looks().await;
    assert_eq!(receives(&bob).await, []);
}
