//! What nobody stores: presence, typing, call signals.

use privmsg_protocol::frames::{PresenceStatus, ServerFrame};
use serde_json::json;

use crate::support::{Chat, Line, Person, TestServer, create, new_id};

/// Both have written to each other.
async fn acquaint(alice: &Person, bob: &Person) {
    for (from, to) in [(alice, bob), (bob, alice)] {
        let mut line = from.connect().await;
        line.send(from.message(&to.name, new_id(), "eA==")).await;
        line.ping_through().await;
        let pending = from.get("/api/v1/messages/pending").await.ok();
        let ids: Vec<_> =
            pending["messages"].as_array().unwrap().iter().map(|message| message["message_id"].clone()).collect();
        from.post("/api/v1/messages/ack", json!({"message_ids": ids})).await.ok();
    }
    let pending = alice.get("/api/v1/messages/pending").await.ok();
    let id = pending["messages"][0]["message_id"].clone();
    alice.post("/api/v1/messages/ack", json!({"message_ids": [id]})).await.ok();
}

async fn presence(line: &mut Line) -> (String, PresenceStatus) {
    match line.next_of_any_kind().await {
        ServerFrame::Presence(presence) => (presence.user_id.to_string(), presence.status),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn acquaintances_see_each_other_come_and_go() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    acquaint(&alice, &bob).await;
    let mut a = alice.online().await;
    let mut b = bob.online().await;
    assert_eq!(presence(&mut a).await, ("bob".to_owned(), PresenceStatus::Online));
    assert_eq!(presence(&mut b).await, ("alice".to_owned(), PresenceStatus::Online));
    b.send(json!({"type": "presence", "payload": {"status": "away"}})).await;
    assert_eq!(presence(&mut a).await, ("bob".to_owned(), PresenceStatus::Away));
    drop(b);
    assert_eq!(presence(&mut a).await, ("bob".to_owned(), PresenceStatus::Offline));
}

#[tokio::test]
async fn a_stranger_who_writes_learns_nothing() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let mut m = mallory.online().await;
    m.deliver(mallory.message("alice", new_id(), "eA==")).await;
    let mut a = alice.connect().await;
    a.message().await;
    assert_eq!(a.next().await, ServerFrame::CaughtUp);
    m.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(m.next_of_any_kind().await, ServerFrame::Pong);
    // Alice does see mallory, who has written to her.
    assert_eq!(presence(&mut a).await, ("mallory".to_owned(), PresenceStatus::Online));
}

#[tokio::test]
async fn typing_and_call_signals_are_passed_on_and_not_stored() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let typing = json!({"type": "typing", "payload": {"recipient_id": "bob", "is_typing": true}});
    let call = json!({"type": "call_signal", "payload": {
        "recipient_id": "bob", "encrypted_content": "b2ZmZXI=", "sender_id": "mallory"}});
    acquaint(&alice, &bob).await;
    let mut a = alice.online().await;
    a.send(typing.clone()).await;
    a.send(call.clone()).await;
    a.ping().await;
    let mut b = bob.online().await;
    b.is_quiet().await;
    a.send(typing).await;
    match b.next().await {
        ServerFrame::Typing(typing) => {
            assert_eq!((typing.user_id.as_str(), typing.is_typing), ("alice", true));
        }
        other => panic!("{other:?}"),
    }
    a.send(call).await;
    match b.next().await {
        ServerFrame::CallSignal(signal) => {
            assert_eq!(signal.sender_id.unwrap().as_str(), "alice", "by the server's word");
            assert_eq!(signal.sender_device_id.unwrap().as_str(), alice.device);
            assert_eq!(signal.encrypted_content.as_str(), "b2ZmZXI=");
        }
        other => panic!("{other:?}"),
    }
    a.send(json!({"type": "call_signal", "payload": {
        "recipient_id": "nobody", "encrypted_content": "eA=="}}))
        .await;
    assert_eq!(a.error().await.code.as_str(), "unknown_recipient");
}

/// Neither whoever one has never written to can show one anything, nor can a client by mistake tell a stranger who is there.
#[tokio::test]
async fn that_one_writes_is_told_among_acquaintances_only() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let typing = |to: &str| json!({"type": "typing", "payload": {"recipient_id": to, "is_typing": true}});
    let mut m = mallory.online().await;
    let mut a = alice.online().await;
    m.send(typing("alice")).await;
    m.ping().await;
    a.is_quiet().await;

    m.deliver(mallory.message("alice", new_id(), "eA==")).await;
    a.message().await;
    m.send(typing("alice")).await;
    m.ping().await;
    a.is_quiet().await;
    a.send(typing("mallory")).await;
    a.ping().await;
    m.is_quiet().await;

    a.deliver(alice.message("mallory", new_id(), "eA==")).await;
    m.message().await;
    m.send(typing("alice")).await;
    assert!(matches!(a.next().await, ServerFrame::Typing(_)));
    a.send(typing("mallory")).await;
    assert!(matches!(m.next().await, ServerFrame::Typing(_)));
}

/// A stranger pushed as much as they liked to devices that were there, past everything that bounds requests, and whoever was declined
/// went on ringing.
#[tokio::test]
async fn only_who_has_been_answered_calls() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let call = |to: &str, len: usize| json!({"type": "call_signal", "payload": {"recipient_id": to, "encrypted_content": "A".repeat(len)}});
    let chat = Chat::direct("alice", "mallory");
    create(&mallory, &chat, &[&alice]).await.ok();
    let mut m = mallory.online().await;
    m.deliver(mallory.group_message(chat.id(), 1, new_id())).await;
    let mut a = alice.connect().await;
    while a.next().await != ServerFrame::CaughtUp {}
    let rings = async |m: &mut Line, a: &mut Line| {
        m.send(call("alice", 4)).await;
        m.ping_through().await;
        a.send(json!({"type": "ping", "payload": {}})).await;
        match a.next().await {
            ServerFrame::CallSignal(_) => {
                assert_eq!(a.next().await, ServerFrame::Pong);
                true
            }
            ServerFrame::Pong => false,
            other => panic!("{other:?}"),
        }
    };
    assert!(!rings(&mut m, &mut a).await, "she has not answered");
    let says = async |what: &str| {
        let path = format!("/api/v1/groups/{}/{what}", chat.id());
        assert_eq!(alice.post(&path, serde_json::Value::Null).await.status, 204);
    };
    says("accept").await;
    assert!(rings(&mut m, &mut a).await);
    says("decline").await;
    assert!(!rings(&mut m, &mut a).await, "she has declined");
    says("accept").await;
    m.send(call("alice", 16 * 1024 + 4)).await;
    assert_eq!(m.error().await.code.as_str(), "message_too_large");
    assert!(rings(&mut m, &mut a).await);
}

#[tokio::test]
async fn a_message_that_was_refused_shows_nothing() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let mut c = carol.online().await;
    c.deliver(carol.message("bob", new_id(), "eA==")).await;
    let mut a = alice.online().await;
    let id = new_id();
    a.deliver(alice.message("carol", id, "eA==")).await;
    a.send(alice.message("bob", id, "eA==")).await;
    assert_eq!(a.error().await.code.as_str(), "message_id_conflict");
    let seen = async |who: &str| bob.get(&format!("/api/v1/users/{who}")).await.ok()["last_seen_at"].is_string();
    assert!(seen("carol").await);
    assert!(!seen("alice").await);
}

/// Being put into a conversation is nothing that one has done.
#[tokio::test]
async fn a_stranger_who_creates_a_group_sees_nothing() {
    let server = TestServer::start().await;
    let (mallory, bob) = (server.user("mallory").await, server.user("bob").await);
    let chat = Chat::direct("bob", "mallory");
    create(&mallory, &chat, &[&bob]).await.ok();
    let id = chat.id();
    let seen =
        async |by: &Person, who: &str| by.get(&format!("/api/v1/users/{who}")).await.ok()["last_seen_at"].is_string();
    let mut m = mallory.online().await;
    m.deliver(mallory.group_message(id, 1, new_id())).await;
    let mut b = bob.connect().await;
    let waiting = [b.message().await.message_id, b.message().await.message_id];
    assert_eq!(b.next_of_any_kind().await, ServerFrame::CaughtUp);
    assert_eq!(presence(&mut b).await, ("mallory".to_owned(), PresenceStatus::Online));
    b.ack(&waiting).await;
    b.ping().await;
    assert!(!seen(&mallory, "bob").await);
    assert!(seen(&bob, "mallory").await);
    // Neither that bob came nor that he goes away is told.
    b.send(json!({"type": "presence", "payload": {"status": "away"}})).await;
    b.ping().await;
    m.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(m.next_of_any_kind().await, ServerFrame::Pong);

    b.deliver(bob.group_message(id, 1, new_id())).await;
    assert!(seen(&mallory, "bob").await);
    m.message().await;
    b.send(json!({"type": "presence", "payload": {"status": "busy"}})).await;
    assert_eq!(presence(&mut m).await, ("bob".to_owned(), PresenceStatus::Busy));
}
