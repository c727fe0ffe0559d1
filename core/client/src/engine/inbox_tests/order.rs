//! The order of epochs is authenticated, and the server's numbers follow it.

use super::*;

fn numbered(message: &DeliveredMessage, seq: u64) -> DeliveredMessage {
    DeliveredMessage { seq: Some(Seq(seq)), ..message.clone() }
}

#[tokio::test]
async fn what_was_said_before_a_commit_is_not_moved_behind_it() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("said before", 2).await;
    let commit = alice.rotate(3).await;
    bob.hears(&[&commit]).await;
    bob.hears(&[&numbered(&said, 4)]).await;
    assert!(bob.texts().await.is_empty());
    assert_eq!(bob.missing().await, 1, "that something is not shown is shown");
    bob.hears(&[&said]).await;
    assert_eq!(bob.texts().await, ["said before"], "under its own number it is read, however late");
}

/// Nor by saying later, when the mailbox was empty.
#[tokio::test]
async fn what_was_said_before_a_commit_is_not_moved_behind_it_later() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("said before", 2).await;
    let commit = alice.rotate(3).await;
    bob.hears(&[&commit]).await;
    bob.step(|step| epoch_ends::are_over(step.tx).unwrap()).await;
    let further = alice.rotate(4).await;
    bob.hears(&[&further, &numbered(&said, 5)]).await;
    assert!(bob.texts().await.is_empty());
}

#[tokio::test]
async fn what_is_said_behind_a_commit_is_not_moved_before_it() {
    let (alice, bob) = alice_and_bob().await;
    let commit = alice.rotate(5).await;
    bob.hears(&[&commit]).await;
    let said = alice.encrypt("said behind it", 6).await;
    bob.hears(&[&numbered(&said, 3)]).await;
    assert!(bob.texts().await.is_empty());
    bob.hears(&[&said]).await;
    assert_eq!(bob.texts().await, ["said behind it"]);
}

#[tokio::test]
async fn a_commit_is_not_moved_before_what_was_said() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("said before", 4).await;
    bob.hears(&[&said]).await;
    let before = bob.epoch().await;
    let commit = alice.rotate(5).await;
    bob.hears(&[&numbered(&commit, 3)]).await;
    assert_eq!(bob.epoch().await, before);
    bob.hears(&[&commit]).await;
    assert_eq!(bob.epoch().await, before.next());
}

/// A number that is left out moves a message to where the chat is when it comes.
#[tokio::test]
async fn nothing_is_taken_without_a_number() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("at any time", 2).await;
    let commit = alice.rotate(3).await;
    let before = bob.epoch().await;
    let without = |message: &DeliveredMessage| DeliveredMessage { seq: None, ..message.clone() };
    bob.hears(&[&without(&said), &without(&commit)]).await;
    assert!(bob.texts().await.is_empty());
    assert_eq!(bob.epoch().await, before);
    bob.hears(&[&said, &commit]).await;
    assert_eq!(bob.texts().await, ["at any time"]);
}
