//! One commit for each epoch.

use privmsg_protocol::frames::ServerFrame;
use serde_json::json;

use super::{Chat, commit, create, direct, state, submit};
use crate::support::{Person, TestServer, new_id};

#[tokio::test]
async fn one_commit_is_taken_for_each_epoch() {
    let (_server, alice, bob, id) = direct().await;
    let (first, second) = (commit(1, &[], &[]), commit(1, &[], &[]));
    let (a, b) = tokio::join!(submit(&alice, id, &first), submit(&bob, id, &second));
    let (winner, loser, body, by) = if a.status == 200 { (a, b, first, &alice) } else { (b, a, second, &bob) };
    assert_eq!(winner.ok(), json!({"epoch": 2, "seq": 2}));
    assert_eq!(loser.is("stale_epoch")["epoch"], 2);
    // The winner asks again, having missed the answer.
    assert_eq!(submit(by, id, &body).await.ok(), json!({"epoch": 2, "seq": 2}));
    // The same id for another epoch is another commit.
    let mut other = body.clone();
    other["epoch"] = json!(2);
    submit(by, id, &other).await.is("message_id_conflict");
}

#[tokio::test]
async fn many_concurrent_commits_leave_one_per_epoch() {
    let (_server, alice, bob, id) = direct().await;
    let race = async |who: &Person| {
        let mut won = 0;
        for epoch in 1..=20 {
            let answer = submit(who, id, &commit(epoch, &[], &[])).await;
            if answer.status == 200 {
                won += 1;
            } else {
                answer.is("stale_epoch");
            }
        }
        won
    };
    let (a, b) = tokio::join!(race(&alice), race(&bob));
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!(group["epoch"], 1 + a + b);
    assert_eq!(group["seq"], 1 + a + b);
}

#[tokio::test]
async fn a_further_device_is_added_or_adds_itself() {
    let (server, alice, bob, id) = direct().await;
    let tablet = server.device("alice", &alice.access_key).await;
    let mut t = tablet.online().await;
    t.send(tablet.group_message(id, 1, new_id())).await;
    assert_eq!(t.error().await.code.as_str(), "not_a_member");
    submit(&tablet, id, &commit(1, &[], &[])).await.is("not_a_member");
    submit(&bob, id, &commit(1, &[&bob], &[])).await.is("invalid_request");
    submit(&bob, id, &commit(1, &[&alice], &[])).await.is("invalid_request");

    submit(&bob, id, &commit(1, &[&tablet], &[])).await.ok();
    let welcome = t.message().await;
    assert_eq!((welcome.epoch.unwrap().0, welcome.seq.unwrap().0), (2, 2));
    t.deliver(tablet.group_message(id, 2, new_id())).await;

    let phone = server.device("alice", &alice.access_key).await;
    let mut external = commit(2, &[], &[]);
    external["external"] = json!(true);
    submit(&phone, id, &external).await.ok();
    assert_eq!(t.message().await.message_id, serde_json::from_value(external["message_id"].clone()).unwrap());
    phone.online().await.deliver(phone.group_message(id, 3, new_id())).await;
}

#[tokio::test]
async fn the_state_of_an_epoch_is_kept_while_its_welcome_waits() {
    let (_server, alice, bob, id) = direct().await;
    submit(&alice, id, &commit(1, &[], &[])).await.ok();
    let at = async |who: &Person, query: &str| who.get(&format!("/api/v1/groups/{id}/state{query}")).await;
    let current = at(&bob, "").await.ok();
    assert_eq!((&current["epoch"], &current["seq"]), (&json!(2), &json!(2)));
    assert_eq!(current["state"], state(2));
    let earlier = at(&bob, "?epoch=1").await.ok();
    assert_eq!((&earlier["seq"], &earlier["state"]), (&json!(1), &state(1)));
    at(&alice, "?epoch=1").await.is("stale_epoch");
    let mut b = bob.connect().await;
    let welcome = b.message().await.message_id;
    b.ack(&[welcome]).await;
    b.ping_through().await;
    // The acknowledgement is in effect when the next connection stands.
    bob.connect().await;
    at(&bob, "?epoch=1").await.is("stale_epoch");
    assert_eq!(at(&bob, "").await.ok()["state"], state(2));
}

#[tokio::test]
async fn a_device_removed_by_a_commit_learns_it_and_may_come_back() {
    let (_server, alice, bob, id) = direct().await;
    submit(&alice, id, &commit(1, &[], &[&bob])).await.ok();
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.seq.unwrap().0, 1, "the welcome");
    assert_eq!(b.message().await.seq.unwrap().0, 2, "the commit that removes it");
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.send(bob.group_message(id, 2, new_id())).await;
    assert_eq!(b.error().await.code.as_str(), "not_a_member");
    let mut external = commit(2, &[], &[]);
    external["external"] = json!(true);
    submit(&bob, id, &external).await.ok();
    b.deliver(bob.group_message(id, 3, new_id())).await;
    // Removed and added in one commit: a leaf that starts anew.
    submit(&alice, id, &commit(3, &[&bob], &[&bob])).await.ok();
    assert_eq!(b.message().await.seq.unwrap().0, 5);
    assert_eq!(b.message().await.epoch.unwrap().0, 4);
}

#[tokio::test]
async fn a_full_mailbox_does_not_block_the_commit_that_removes_it() {
    let server = TestServer::with(|config| config.limits.max_pending_messages = 3).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let chat = Chat::direct("alice", "bob");
    let id = chat.id();
    create(&alice, &chat, &[&bob]).await.ok();
    let mut a = alice.online().await;
    a.deliver(alice.group_message(id, 1, new_id())).await;
    a.deliver(alice.group_message(id, 1, new_id())).await;
    a.send(alice.group_message(id, 1, new_id())).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "mailbox_full");
    assert!(error.message.contains("bob") && error.message.contains(&bob.device), "{}", error.message);
    let problem = submit(&alice, id, &commit(1, &[], &[])).await.is("mailbox_full");
    assert!(problem["detail"].as_str().unwrap().contains(&bob.device), "{problem}");
    submit(&alice, id, &commit(1, &[&bob], &[&bob])).await.is("mailbox_full");
    assert_eq!(submit(&alice, id, &commit(1, &[], &[&bob])).await.ok()["epoch"], 2);
    a.send(alice.message("bob", new_id(), "eA==")).await;
    let error = a.error().await;
    assert!(!error.message.contains(&bob.device), "only participants of a group are told the device");
}

#[tokio::test]
async fn handshakes_have_a_limit_of_their_own() {
    let server = TestServer::with(|config| {
        config.limits.max_message_size_kb = 1;
        config.limits.max_handshake_size_kb = 4;
    })
    .await;
    let alice = server.user("alice").await;
    let chat = Chat::notes("alice");
    let id = chat.id();
    create(&alice, &chat, &[]).await.ok();
    let mut large = commit(1, &[], &[]);
    large["commit"] = json!("x".repeat(4 * 1024));
    submit(&alice, id, &large).await.ok();
    let mut larger = commit(2, &[], &[]);
    larger["state"]["ratchet_tree"] = json!("x".repeat(4 * 1024 + 1));
    submit(&alice, id, &larger).await.is("handshake_too_large");
}
