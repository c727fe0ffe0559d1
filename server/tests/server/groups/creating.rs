//! Conversations that begin, and messages in them.

use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::json;

use super::{commit, create, direct, group_id, submit};
use crate::support::{TestServer, new_id};

#[tokio::test]
async fn a_direct_conversation_begins_with_a_welcome() {
    let (_server, alice, bob, id) = direct().await;
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!(group["kind"], "direct");
    assert_eq!((&group["epoch"], &group["seq"]), (&json!(1), &json!(1)));
    assert_eq!(group["participants"], json!(["alice", "bob"]));
    assert!(group["devices"].as_array().unwrap().iter().all(|d| d["leaf"] == true && d["active"] == true));

    let mut b = bob.connect().await;
    let welcome = b.message().await;
    assert_eq!(welcome.message_type, MessageType::KeyExchange);
    assert_eq!(welcome.group_id, Some(id));
    assert_eq!((welcome.epoch.unwrap().0, welcome.seq.unwrap().0), (1, 1));
    assert_eq!(welcome.sender_device_id.unwrap().as_str(), alice.device);
    assert_eq!(b.next().await, ServerFrame::CaughtUp);

    let mut a = alice.online().await;
    let message = new_id();
    a.send(alice.group_message(id, 1, message)).await;
    match a.next().await {
        ServerFrame::Ack(ack) => {
            assert_eq!(ack.message_ids, [message]);
            assert_eq!((ack.accepted[0].group_id, ack.accepted[0].seq.0), (id, 2));
        }
        other => panic!("{other:?}"),
    }
    let received = b.message().await;
    assert_eq!((received.seq.unwrap().0, received.epoch.unwrap().0), (2, 1));
    a.is_quiet().await;
    // A repeat gets the same place.
    a.send(alice.group_message(id, 1, message)).await;
    match a.next().await {
        ServerFrame::Ack(ack) => assert_eq!(ack.accepted[0].seq.0, 2),
        other => panic!("{other:?}"),
    }
    b.is_quiet().await;
}

#[tokio::test]
async fn creating_is_idempotent_and_unique() {
    let (server, alice, bob, id) = direct().await;
    let pair = ["alice", "bob"];
    create(&alice, id, "direct", &pair, &[&bob]).await.ok();
    create(&bob, id, "direct", &pair, &[&alice]).await.is("group_id_taken");
    let problem = create(&bob, group_id(2), "direct", &pair, &[&alice]).await.is("conversation_exists");
    assert_eq!(problem["group_id"], json!(id));
    create(&alice, group_id(3), "self", &["alice"], &[]).await.ok();
    create(&alice, group_id(4), "self", &["alice"], &[]).await.is("conversation_exists");
    create(&alice, group_id(5), "direct", &["alice"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "direct", &["alice", "alice"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "self", &["bob"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "direct", &["alice", "nobody"], &[]).await.is("unknown_recipient");
    let carol = server.user("carol").await;
    create(&alice, group_id(5), "group", &["alice", "bob"], &[&carol]).await.is("unknown_device");
    create(&alice, group_id(5), "group", &["alice", "carol"], &[&carol, &carol]).await.is("invalid_request");
    create(&alice, group_id(5), "group", &["alice", "carol"], &[&carol]).await.ok();
    let groups = alice.get("/api/v1/groups").await.ok();
    let ids: Vec<_> = groups["groups"].as_array().unwrap().iter().map(|g| g["group_id"].clone()).collect();
    assert_eq!(json!(ids), json!([id, group_id(3), group_id(5)]));
}

#[tokio::test]
async fn of_two_who_begin_at_the_same_moment_one_wins() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let pair = ["alice", "bob"];
    let (to_alice, to_bob) = ([&alice], [&bob]);
    let (a, b) = tokio::join!(
        create(&alice, group_id(1), "direct", &pair, &to_bob),
        create(&bob, group_id(2), "direct", &pair, &to_alice),
    );
    let (winner, loser) = if a.status == 200 { (a, b) } else { (b, a) };
    let problem = loser.is("conversation_exists");
    assert_eq!(problem["group_id"], winner.ok()["group_id"]);
}

#[tokio::test]
async fn a_stale_message_is_told_the_epoch() {
    let (server, alice, bob, id) = direct().await;
    submit(&bob, id, &commit(1, &[], &[])).await.ok();
    let mut a = alice.connect().await;
    let commit_frame = a.message().await;
    assert_eq!(commit_frame.message_type, MessageType::KeyExchange);
    assert_eq!((commit_frame.epoch.unwrap().0, commit_frame.seq.unwrap().0), (1, 2));
    assert_eq!(commit_frame.encrypted_content.as_str(), "Y29tbWl0");
    assert_eq!(a.next().await, ServerFrame::CaughtUp);
    let message = new_id();
    a.send(alice.group_message(id, 1, message)).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "stale_epoch");
    assert_eq!((error.message_id, error.epoch.unwrap().0), (Some(message), 2));
    a.deliver(alice.group_message(id, 2, message)).await;

    let carol = server.user("carol").await;
    let mut c = carol.online().await;
    c.send(carol.group_message(id, 2, new_id())).await;
    assert_eq!(c.error().await.code.as_str(), "unknown_group");
    submit(&carol, id, &commit(2, &[], &[])).await.is("unknown_group");
    carol.get(&format!("/api/v1/groups/{id}")).await.is("unknown_group");
    carol.get("/api/v1/groups/nonsense").await.is("malformed_request");
}

#[tokio::test]
async fn a_member_cannot_pass_a_message_off_as_the_servers() {
    let (_server, alice, bob, id) = direct().await;
    let mut a = alice.online().await;
    for kind in ["key_exchange", "device_sync"] {
        let mut frame = alice.group_message(id, 1, new_id());
        frame["payload"]["message_type"] = json!(kind);
        a.send(frame).await;
        assert_eq!(a.error().await.code.as_str(), "invalid_request", "{kind}");
        // Outside of groups it is a name like any other.
        let mut frame = alice.message("bob", new_id(), "eA==");
        frame["payload"]["message_type"] = json!(kind);
        a.deliver(frame).await;
    }
    assert_eq!(bob.get(&format!("/api/v1/groups/{id}")).await.ok()["seq"], 1);
}

#[tokio::test]
async fn a_user_creates_so_many_groups_in_an_hour() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for number in 0..60 {
        create(&alice, group_id(100), "group", &["bob"], &[]).await.is("invalid_request");
        create(&alice, group_id(number), "group", &["alice"], &[]).await.ok();
    }
    let refused = create(&alice, group_id(60), "group", &["alice"], &[]).await.is("rate_limited");
    assert_eq!(refused["retry_after_ms"], 60_000);
    server.clock.advance(60);
    create(&alice, group_id(60), "group", &["alice"], &[]).await.ok();
}
