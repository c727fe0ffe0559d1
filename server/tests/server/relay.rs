//! Messages to a user: stored, delivered once, acknowledged per device.

use privmsg_protocol::frames::ServerFrame;
use serde_json::json;

use crate::support::{TestServer, new_id};

#[tokio::test]
async fn alice_writes_to_bob_who_is_there() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (mut a, mut b) = (alice.online().await, bob.online().await);
    let id = new_id();
    a.deliver(alice.message("bob", id, "aGVsbG8=")).await;
    let message = b.message().await;
    assert_eq!(message.message_id, id);
    assert_eq!(message.sender_id.as_str(), "alice");
    assert_eq!(message.sender_device_id.unwrap().as_str(), alice.device);
    assert_eq!(message.recipient_id.unwrap().as_str(), "bob");
    assert_eq!(message.encrypted_content.as_str(), "aGVsbG8=");
    assert_eq!(message.timestamp, 1);
    assert_eq!(message.seq, None);
}

#[tokio::test]
async fn what_bob_missed_comes_in_order_until_he_acknowledges_it() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    let ids = [new_id(), new_id(), new_id()];
    for id in ids {
        a.deliver(alice.message("bob", id, "eA==")).await;
    }
    for _ in 0..2 {
        let mut b = bob.connect().await;
        for id in ids {
            assert_eq!(b.message().await.message_id, id);
        }
        assert_eq!(b.next().await, ServerFrame::CaughtUp);
    }
    let mut b = bob.connect().await;
    b.ack(&ids[..2]).await;
    b.ping_through().await;
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.message_id, ids[2]);
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
}

/// What lay there when the device connected. Somebody who talks without a pause keeps nobody from the rest: once, they did.
#[tokio::test]
async fn what_comes_while_the_mailbox_is_delivered_is_not_waited_for() {
    let server = TestServer::with(|config| {
        config.limits.max_message_size_kb = 8192;
        config.limits.max_request_kb_per_day = 1 << 20;
    })
    .await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (mut a, large) = (alice.online().await, "x".repeat(4 << 20));
    // More than the system takes from the server before anybody reads.
    let (lay_there, came_since) = ([new_id(), new_id(), new_id(), new_id()], [new_id(), new_id()]);
    for id in lay_there {
        a.deliver(alice.message("bob", id, &large)).await;
    }
    let mut b = bob.connect().await;
    for id in came_since {
        a.deliver(alice.message("bob", id, "eA==")).await;
    }
    for id in lay_there {
        assert_eq!(b.message().await.message_id, id);
    }
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    for id in came_since {
        assert_eq!(b.message().await.message_id, id);
    }
}

#[tokio::test]
async fn each_device_has_a_mailbox_of_its_own() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let phone = server.user("bob").await;
    let laptop = server.device("bob", &phone.access_key).await;
    let id = new_id();
    alice.online().await.deliver(alice.message("bob", id, "eA==")).await;
    let mut p = phone.connect().await;
    assert_eq!(p.message().await.message_id, id);
    p.ack(&[id]).await;
    p.ping_through().await;
    phone.online().await;
    let mut l = laptop.connect().await;
    assert_eq!(l.message().await.message_id, id);
}

#[tokio::test]
async fn the_senders_other_devices_get_a_copy() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let tablet = server.device("alice", &alice.access_key).await;
    server.user("bob").await;
    let id = new_id();
    let mut a = alice.online().await;
    a.deliver(alice.message("bob", id, "eA==")).await;
    assert_eq!(tablet.connect().await.message().await.message_id, id);
    a.is_quiet().await;
}

#[tokio::test]
async fn a_repeat_is_acknowledged_and_not_delivered_again() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (mut a, mut b) = (alice.online().await, bob.online().await);
    let id = new_id();
    a.deliver(alice.message("bob", id, "eA==")).await;
    assert_eq!(b.message().await.message_id, id);
    a.deliver(alice.message("bob", id, "eA==")).await;
    b.is_quiet().await;
    // Also when the message has long been taken out of the mailbox.
    b.ack(&[id]).await;
    b.ping().await;
    a.deliver(alice.message("bob", id, "eA==")).await;
    bob.online().await;
}

#[tokio::test]
async fn messages_wait_over_a_restart() {
    let mut server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let ids: Vec<_> = (0..500).map(|_| new_id()).collect();
    let mut a = alice.online().await;
    for id in &ids {
        a.send(alice.message("bob", *id, "eA==")).await;
    }
    let mut acked = 0;
    while acked < ids.len() {
        acked += a.acked().await.len();
    }
    server.restart().await;
    let mut bob = bob;
    bob.api = server.api;
    let mut b = bob.connect().await;
    for id in &ids {
        assert_eq!(b.message().await.message_id, *id);
    }
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
}

#[tokio::test]
async fn the_mailbox_can_be_read_over_rest() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    let ids = [new_id(), new_id(), new_id()];
    for id in ids {
        a.deliver(alice.message("bob", id, "eA==")).await;
    }
    let pending = bob.get("/api/v1/messages/pending?limit=2").await.ok();
    assert_eq!(pending["has_more"], true);
    assert_eq!(pending["messages"][0]["message_id"], json!(ids[0]));
    assert_eq!(pending["messages"][1]["sender_id"], "alice");
    assert_eq!(pending["newest"], json!(ids[2]));
    let acked = json!({"message_ids": [ids[0], ids[2], new_id()]});
    assert_eq!(bob.post("/api/v1/messages/ack", acked).await.status, 204);
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    assert_eq!(pending["has_more"], false);
    assert_eq!(pending["messages"].as_array().unwrap().len(), 1);
    assert_eq!(pending["messages"][0]["message_id"], json!(ids[1]));
    assert_eq!(pending["newest"], json!(ids[1]));
    bob.post("/api/v1/messages/ack", json!({"message_ids": [ids[1]]})).await;
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    assert_eq!(pending, json!({"messages": [], "has_more": false}));
}

#[tokio::test]
async fn acknowledging_before_it_is_delivered_again_is_enough() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let id = new_id();
    alice.online().await.deliver(alice.message("bob", id, "eA==")).await;
    // Bob has stored it on a connection that was cut, and says so first thing on the next one.
    let mut b = crate::support::Line::open(server.api.address).await;
    b.send(json!({"type": "authenticate", "payload": {"token": bob.token}})).await;
    b.ack(&[id]).await;
    b.ping_through().await;
    bob.online().await;
}

#[tokio::test]
async fn the_newest_connection_of_a_device_wins() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut older = alice.online().await;
    let mut newer = alice.online().await;
    assert_eq!(older.closed().await, 4002);
    newer.ping().await;
}
