//! Devices that come and go: key packages, and notices to the others.

use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use super::{Pair, changes, commits, pair};
use crate::support::TestServer;

/// Whoever signs in and out had all of the user's groups written to each time.
#[tokio::test]
async fn a_device_that_is_no_leaf_goes_unnoticed_unless_the_group_was_restored() {
    let Pair { server, alice, bob, .. } = pair().await;
    let mut b = bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    let tablet = server.device("alice", &alice.access_key).await;
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    b.is_quiet().await;

    // A restored backup makes all leaves former ones. In the tree any device of then may be one.
    let tablet = server.device("alice", &alice.access_key).await;
    server.database().execute("UPDATE grp_leaf SET former = 1", []).unwrap();
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    assert_eq!(b.message().await.message_type, MessageType::DeviceSync);
}

#[tokio::test]
async fn a_removed_device_is_noticed_once_and_then_committed_out() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair().await;
    let tablet = server.device("alice", &alice.access_key).await;
    changes(&alice, &hers, id, &[&his], &[&tablet], &[]).await;
    let mut b = bob.connect().await;
    b.message().await;
    b.message().await;
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    let notice = b.message().await;
    assert_eq!(notice.message_type, MessageType::DeviceSync);
    assert_eq!(notice.sender_id.as_str(), "alice");
    assert_eq!((notice.group_id, notice.seq, notice.epoch), (Some(id), None, None));
    assert!(notice.encrypted_content.is_empty());
    b.is_quiet().await;

    let device = async || {
        let group = bob.get(&format!("/api/v1/groups/{id}")).await.ok();
        let devices = group["devices"].as_array().unwrap().clone();
        devices.into_iter().find(|d| d["device_id"] == tablet.device)
    };
    let seen = device().await.unwrap();
    assert_eq!((&seen["leaf"], &seen["active"]), (&json!(true), &json!(false)));
    commits(&bob, &his, id, &[], &[&tablet]).await.0.ok();
    assert_eq!(device().await, None);
}

#[tokio::test]
async fn key_packages_are_handed_out_once() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let claim = async |who: &str| alice.post(&format!("/api/v1/users/{who}/key-packages/claim"), Value::Null).await;
    assert_eq!(claim("bob").await.ok()["key_packages"], json!([]));
    claim("nobody").await.is("unknown_recipient");
    server.api.create_user("carol").await;
    claim("carol").await.is("recipient_has_no_devices");
    let body = json!({"key_packages": ["a1", "a2"], "last_resort": "last"});
    let stock = bob.post("/api/v1/key-packages", body).await.ok();
    assert_eq!(stock, json!({"count": 2, "last_resort": true}));
    for expected in ["a1", "a2", "last", "last"] {
        let claimed = claim("bob").await.ok();
        assert_eq!(claimed["key_packages"], json!([{"device_id": bob.device, "key_package": expected}]));
    }
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 0, "last_resort": true}));
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    bob.post("/api/v1/key-packages", json!({"key_packages": many})).await.is("invalid_request");
    let body = json!({"device_ids": ["other"]});
    let path = "/api/v1/users/bob/key-packages/claim";
    assert_eq!(alice.post(path, body).await.ok()["key_packages"], json!([]));
    assert_eq!(bob.post(path, Value::Null).await.ok()["key_packages"], json!([]), "not one's own");
}

#[tokio::test]
async fn a_new_device_with_key_packages_is_announced() {
    let Pair { server, alice, bob, id, .. } = pair().await;
    let mut a = alice.online().await;
    let tablet = server.device("bob", &bob.access_key).await;
    let body = json!({"key_packages": ["k"]});
    tablet.post("/api/v1/key-packages", body).await.ok();
    let notice = a.message().await;
    assert_eq!(notice.message_type, MessageType::DeviceSync);
    assert_eq!((notice.group_id, notice.sender_id.as_str()), (Some(id), "bob"));
}

#[tokio::test]
async fn of_notices_about_a_group_only_the_newest_waits() {
    let Pair { server, alice, bob, id, .. } = pair().await;
    let mut last = None;
    for _ in 0..3 {
        let tablet = server.device("bob", &bob.access_key).await;
        tablet.post("/api/v1/key-packages", json!({"key_packages": ["k"]})).await.ok();
        let waiting = alice.get("/api/v1/messages/pending").await.ok()["messages"].clone();
        assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
        assert_eq!(waiting[0]["message_type"], "device_sync");
        assert_ne!(last, Some(waiting[0]["message_id"].clone()));
        last = Some(waiting[0]["message_id"].clone());
    }
    // Bob's own device holds his welcome and one notice.
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.message_type, MessageType::KeyExchange);
    let notice = b.message().await;
    assert_eq!((notice.message_type, notice.group_id), (MessageType::DeviceSync, Some(id)));
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.ack(&[notice.message_id]).await;
    alice.post("/api/v1/messages/ack", json!({"message_ids": [last]})).await.ok();
    b.ping().await;
    // Acknowledged, so the next one is simply the next.
    let tablet = server.device("alice", &alice.access_key).await;
    tablet.post("/api/v1/key-packages", json!({"key_packages": ["k"]})).await.ok();
    assert_eq!(b.message().await.message_type, MessageType::DeviceSync);
    b.is_quiet().await;
}
