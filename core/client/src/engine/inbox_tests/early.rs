//! What comes before what it needs.

use super::super::tasks::groups::last_look;
use super::*;

#[tokio::test]
async fn a_message_before_its_commit_is_parked_and_healed() {
    let (alice, bob) = alice_and_bob().await;
    let before = alice.encrypt("before", 2).await;
    let commit = alice.rotate(3).await;
    let after = alice.encrypt("after", 4).await;

    bob.hears(&[&before, &after]).await;
    assert_eq!(bob.texts().await, ["before"]);
    assert_eq!(bob.parked().await, 1);
    bob.hears(&[&commit]).await;
    assert_eq!(bob.texts().await, ["before", "after"]);
    assert_eq!(bob.parked().await, 0);
}

/// Also if everything comes the wrong way round: each commit is followed by what waits for its epoch.
#[tokio::test]
async fn what_waits_for_several_commits_is_read_behind_each() {
    let (alice, bob) = alice_and_bob().await;
    let mut said = Vec::new();
    for n in 0..4 {
        said.push(alice.rotate(2 + 2 * n).await);
        said.push(alice.encrypt("text", 3 + 2 * n).await);
    }
    let first = said.remove(0);
    said.reverse();
    bob.hears(&said.iter().collect::<Vec<_>>()).await;
    assert_eq!((bob.texts().await.len(), bob.parked().await), (0, 7));
    bob.hears(&[&first]).await;
    assert_eq!((bob.texts().await.len(), bob.parked().await), (4, 0));
    assert_eq!(bob.epoch().await, alice.epoch().await);
}

/// A commit that only a newer version can read is kept, and so is what comes after it. The version that can reads it when
/// it has to catch up, before it would join anew and pass it over.
#[tokio::test]
async fn what_waited_for_an_update_is_read_before_joining_anew() {
    let (alice, bob) = alice_and_bob().await;
    let commit = alice.rotate(2).await;
    let after = alice.encrypt("after", 3).await;
    bob.step(move |step| {
        for message in [&commit, &after] {
            let frame = serde_json::to_string(message).unwrap();
            parked::insert(step.tx, &GROUP, (&message.message_id, message.seq), message.epoch.unwrap(), &frame)
                .unwrap();
        }
        lags::put(step.tx, &GROUP, after.epoch, step.now_ms).unwrap();
    })
    .await;
    let (standing, _) = bob.try_step(|step| last_look(step, GROUP)).await.unwrap();
    assert_eq!(bob.texts().await, ["after"]);
    assert_eq!(standing, None, "nothing is to be caught up with any more");
}

/// The answer to the invitation needs a request to the server, and others do not wait for it.
#[tokio::test]
async fn what_is_said_behind_an_invitation_is_read_once_it_is_answered() {
    let (alice, bob, bundle) = alice_invites_bob().await;
    let first = alice.encrypt("one", 2).await;
    let commit = alice.rotate(3).await;
    let second = alice.encrypt("two", 4).await;
    bob.hears(&[&welcome(&bundle), &first, &commit]).await;
    bob.hears(&[&second]).await;
    assert!(bob.texts().await.is_empty());
    assert_eq!(bob.parked().await, 3);
    bob.joins(&alice, bundle.ratchet_tree).await;
    assert_eq!(bob.texts().await, ["one", "two"]);
    assert_eq!(bob.parked().await, 0);
    assert_eq!(bob.step(|step| groups::load(step.tx, &GROUP).unwrap().unwrap().epoch).await, alice.epoch().await);
}

/// Without an invitation it cannot be for this device: nobody may fill its disk with it.
#[tokio::test]
async fn what_is_said_in_an_unknown_group_is_not_kept() {
    let (alice, bob, _) = alice_invites_bob().await;
    bob.hears(&[&alice.encrypt("one", 2).await]).await;
    assert_eq!(bob.parked().await, 0);
}

/// What the bytes say of their epoch is their author's word, and would be kept for good.
#[tokio::test]
async fn what_claims_to_be_of_a_later_epoch_than_the_server_says_is_not_kept() {
    let (alice, bob) = alice_and_bob().await;
    let epoch = bob.epoch().await;
    alice.rotate(2).await;
    let later = alice.encrypt("later", 3).await;
    bob.hears(&[&DeliveredMessage { epoch: Some(epoch), ..later.clone() }]).await;
    assert_eq!(bob.parked().await, 0);
    bob.hears(&[&DeliveredMessage { seq: Some(Seq(4)), ..later }]).await;
    assert_eq!(bob.parked().await, 1);
}

/// Somebody is invited twice. Only the last invitation is of use; the one before would wait in the mailbox until it is too old, and a
/// server sends no more than so many that are not acknowledged.
#[tokio::test]
async fn an_invitation_that_another_one_follows_is_not_kept() {
    let (_alice, bob, bundle) = alice_invites_bob().await;
    let (first, again) = (welcome(&bundle), DeliveredMessage { message_id: message_id(9), ..welcome(&bundle) });
    let (first_id, page) = (first.message_id, [first, again]);
    let outcome = bob.try_step(move |step| inbox::process(step, &page)).await.unwrap();
    assert_eq!((outcome.acks, outcome.kept), (vec![first_id], vec![first_id, message_id(9)]));
}
