//! Bad input: each kind gets its named error, and nothing is lost or half-done.

use privmsg_protocol::GroupId;
use privmsg_protocol::frames::ServerFrame;
use privmsg_server::Clock;
use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Chat, Line, TestServer, create, new_id, until};

#[tokio::test]
async fn requests_that_make_no_sense() {
    let server = TestServer::start().await;
    let api = server.api;
    api.json("GET", "/nowhere", None, &Value::Null).await.is("not_found");
    api.json("GET", "/api/v1/nowhere", None, &Value::Null).await.is("not_found");
    api.json("PUT", "/health", None, &Value::Null).await.is("method_not_allowed");
    api.json("DELETE", "/api/v1/users/me", None, &Value::Null).await.is("method_not_allowed");
    api.json("GET", "/ws", None, &Value::Null).await.is("malformed_request");
    let login = "/api/v1/auth/login";
    for body in ["", "{", "[]", "{\"user_id\": 5}", "{\"user_id\": \"a/b\", \"access_key\": \"k\"}"] {
        let answer = api.call("POST", login, None, "application/json", body.as_bytes()).await;
        answer.is("malformed_request");
    }
    // Whoever writes a client is told which field it is.
    let answer = api.json("POST", login, None, &json!({"user_id": "a/b", "access_key": "k"})).await;
    assert!(answer.json()["detail"].as_str().unwrap().contains("`user_id` has a wrong value"), "{}", answer.json());
    let answer = api.json("POST", login, None, &json!({"user_id": "alice"})).await;
    assert!(answer.json()["detail"].as_str().unwrap().contains("`access_key` is missing"), "{}", answer.json());
    let secret = "{\"user_id\": \"alice\", \"access_key\": \"very-secret\" \"x\"";
    let answer = api.call("POST", login, None, "application/json", secret.as_bytes()).await;
    assert!(!answer.is("malformed_request").to_string().contains("very-secret"));
    let large = vec![b' '; 17 * 1024];
    for path in [login, "/api/v1/admin/users"] {
        api.call("POST", path, None, "application/json", &large).await.is("body_too_large");
    }
    let alice = server.user("alice").await;
    api.json("GET", "/api/v1/users/me", None, &Value::Null).await.is("unauthorized");
    api.json("GET", "/api/v1/users/me", Some("wrong"), &Value::Null).await.is("unauthorized");
    alice.get("/api/v1/messages/pending?limit=many").await.is("malformed_request");
    let ids: Vec<_> = (0..1025).map(|_| new_id()).collect();
    let body = json!({"message_ids": ids});
    alice.post("/api/v1/messages/ack", body).await.is("invalid_request");
    alice.get("/api/v1/turn/credentials").await.is("turn_disabled");
}

#[tokio::test]
async fn every_answer_carries_protective_headers() {
    let server = TestServer::start().await;
    for path in ["/health", "/nowhere"] {
        let answer = server.api.json("GET", path, None, &Value::Null).await;
        for header in ["x-content-type-options: nosniff", "cache-control: no-store"] {
            assert!(answer.head.contains(header), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn frames_that_make_no_sense_leave_the_connection_alive() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut a = alice.online().await;
    let id = new_id();
    for (text, code, about) in [
        (String::new(), "malformed_frame", None),
        ("{}".to_owned(), "malformed_frame", None),
        (r#"{"type":"message","payload":{}}"#.to_owned(), "malformed_frame", None),
        (json!({"type": "message", "payload": {"message_id": id}}).to_string(), "malformed_frame", Some(id)),
        (r#"{"type":"dance","payload":{}}"#.to_owned(), "unknown_frame_type", None),
        (json!({"type": "authenticate", "payload": {"token": "x"}}).to_string(), "invalid_request", None),
    ] {
        a.send_text(text).await;
        let error = a.error().await;
        assert_eq!(error.code.as_str(), code);
        assert_eq!(error.message_id, about);
    }
    let ids: Vec<_> = (0..1025).map(|_| new_id()).collect();
    a.ack(&ids).await;
    assert_eq!(a.error().await.code.as_str(), "invalid_request");
    a.ping().await;
}

#[tokio::test]
async fn nothing_but_authentication_comes_first() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut line = Line::open(server.api.address).await;
    line.ping().await;
    line.send(alice.message("alice", new_id(), "eA==")).await;
    assert_eq!(line.error().await.code.as_str(), "not_authenticated");
    line.send_text("nonsense".to_owned()).await;
    assert_eq!(line.error().await.code.as_str(), "malformed_frame");
    line.send(json!({"type": "authenticate", "payload": {"token": "wrong"}})).await;
    assert_eq!(line.error().await.code.as_str(), "unauthorized");
    assert_eq!(line.closed().await, 4001);
}

#[tokio::test]
async fn messages_that_break_a_rule() {
    let server = TestServer::with(|config| config.limits.max_message_size_kb = 1).await;
    let (alice, _bob) = (server.user("alice").await, server.user("bob").await);
    server.api.create_user("carol").await;
    let mut a = alice.online().await;
    let good = alice.message("bob", new_id(), "eA==");
    let change = |field: &str, value: Value| {
        let mut message = good.clone();
        message["payload"][field] = value;
        message["payload"]["message_id"] = json!(new_id());
        message
    };
    for (message, code) in [
        (change("sender_id", json!("bob")), "sender_mismatch"),
        (change("recipient_id", json!("nobody")), "unknown_recipient"),
        (change("recipient_id", json!("carol")), "recipient_has_no_devices"),
        (change("recipient_id", Value::Null), "invalid_request"),
        (change("group_id", json!(GroupId::from_bytes([1; 16]))), "invalid_request"),
        (change("encrypted_content", json!("x".repeat(1025))), "message_too_large"),
    ] {
        a.send(message.clone()).await;
        let error = a.error().await;
        assert_eq!(error.code.as_str(), code);
        assert_eq!(json!(error.message_id), message["payload"]["message_id"]);
    }
    a.deliver(change("encrypted_content", json!("x".repeat(1024)))).await;
}

#[tokio::test]
async fn a_frame_that_is_too_large_ends_the_connection() {
    let server = TestServer::with(|config| config.limits.max_message_size_kb = 1).await;
    let alice = server.user("alice").await;
    let mut a = alice.online().await;
    a.send(alice.message("alice", new_id(), &"x".repeat(70 * 1024))).await;
    assert_eq!(a.error().await.code.as_str(), "frame_too_large");
    assert_eq!(a.closed().await, 1009);
}

#[tokio::test]
async fn an_id_is_used_once() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    server.user("carol").await;
    let mut a = alice.online().await;
    let id = new_id();
    a.deliver(alice.message("bob", id, "eA==")).await;
    a.send(alice.message("carol", id, "eA==")).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "message_id_conflict");
    assert_eq!(error.message_id, Some(id));
    // Another device may have hit upon the same id.
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.message_id, id);
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.deliver(bob.message("carol", id, "eA==")).await;
}

/// Each looked through a whole mailbox, on the one thread that writes: fifty in a second of each device stopped everybody.
#[tokio::test]
async fn acknowledgements_of_what_is_not_there_are_few() {
    let server = TestServer::with(|config| config.limits.rate_limit_acks_per_minute = 3).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (mut b, id) = (bob.online().await, new_id());
    b.deliver(bob.message("alice", id, "eA==")).await;
    let acks = async |id| alice.post("/api/v1/messages/ack", json!({"message_ids": [id]})).await;
    for _ in 0..3 {
        acks(new_id()).await.ok();
    }
    acks(id).await.is("rate_limited");
    // What a socket has delivered itself is not looked for. Of the rest, what is over it comes once more.
    let mut a = alice.connect().await;
    a.ack(&[new_id(), new_id()]).await;
    assert_eq!(a.message().await.message_id, id);
    a.ack(&[id]).await;
    let pending = async || alice.get("/api/v1/messages/pending").await.ok()["messages"].clone();
    until("it is out of the mailbox", async || pending().await == json!([])).await;
}

/// Whoever sends more than is fetched is stopped, before it is anybody else who has no room.
#[tokio::test]
async fn so_much_of_what_one_user_sends_waits_and_repeats_are_still_known() {
    let server = TestServer::with(|config| config.limits.max_waiting_mb_per_user = 1).await;
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let mut a = alice.online().await;
    let content = "A".repeat(60 * 1024);
    let mut sent = Vec::new();
    let refused = loop {
        let id = new_id();
        a.send(alice.message("bob", id, &content)).await;
        match a.next().await {
            ServerFrame::Ack(_) => sent.push(id),
            ServerFrame::Error(error) => break error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((refused.code.as_str(), sent.len()), ("mailbox_full", 17));
    a.deliver(alice.message("bob", sent[0], &content)).await;
    create(&alice, &Chat::direct("alice", "carol"), &[&carol]).await.is("mailbox_full");
    carol.online().await.deliver(carol.message("bob", new_id(), &content)).await;
    bob.post("/api/v1/messages/ack", json!({"message_ids": [sent[0]]})).await.ok();
    a.deliver(alice.message("bob", refused.message_id.unwrap(), &content)).await;
}

#[tokio::test]
async fn too_many_messages_in_a_minute() {
    let server = TestServer::with(|config| config.limits.rate_limit_messages_per_minute = 3).await;
    let (alice, _bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    for _ in 0..3 {
        a.deliver(alice.message("bob", new_id(), "eA==")).await;
    }
    let id = new_id();
    a.send(alice.message("bob", id, "eA==")).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "rate_limited");
    assert_eq!(error.message_id, Some(id));
    assert_eq!(error.retry_after_ms, Some(20_000));
    server.clock.advance(20);
    a.deliver(alice.message("bob", id, "eA==")).await;
}

#[tokio::test]
async fn a_revoked_user_is_told_so_only_with_the_right_key() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let bob = server.user("bob").await;
    revoke(&server, "alice").await;
    let login = async |key: &str| {
        let body = json!({"user_id": "alice", "access_key": key});
        server.api.json("POST", "/api/v1/auth/login", None, &body).await
    };
    login(&alice.access_key).await.is("account_revoked");
    login("wrong").await.is("invalid_credentials");
    alice.get("/api/v1/users/me").await.is("unauthorized");
    let mut b = bob.online().await;
    b.send(bob.message("alice", new_id(), "eA==")).await;
    assert_eq!(b.error().await.code.as_str(), "unknown_recipient");
    let key = json!({"admin_key": ADMIN_KEY});
    let stats = server.api.json("GET", "/api/v1/admin/stats", None, &key).await.ok();
    assert_eq!((&stats["total_users"], &stats["active_users"]), (&json!(2), &json!(1)));
}

/// By the command line, on the running server's database.
async fn revoke(server: &TestServer, user_id: &str) {
    let database = server.config.storage.database_path.clone();
    // The two processes have to agree on the time, as on one machine.
    server.clock.advance(Clock::system().now() - server.clock.now());
    let user_id = user_id.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        std::process::Command::new(env!("CARGO_BIN_EXE_privmsg-server"))
            .args(["revoke-key", "--user-id", &user_id, "--admin-key", ADMIN_KEY])
            .env("PRIVMSG_STORAGE_DATABASE_PATH", database)
            .env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY)
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    // It ends when the server has done it.
    assert!(output.status.success(), "{output:?}");
}

/// What cannot be a name is nobody's: clients know 404 for somebody who is not there, and nothing else.
#[tokio::test]
async fn what_has_an_impossible_name_is_not_there() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let long = "a".repeat(65);
    for name in ["a%2Fb", "a%20b", ".hidden", "%D0%B1%D0%BE%D0%B1", &long] {
        let answer = alice.get(&format!("/api/v1/users/{name}")).await;
        assert_eq!(answer.status, 404, "{name}");
        answer.is("unknown_user");
        alice.get(&format!("/api/v1/files/{name}")).await.is("unknown_file");
        alice.delete(&format!("/api/v1/users/me/devices/{name}")).await.is("unknown_device");
        alice.get(&format!("/api/v1/groups/{name}/state")).await.is("unknown_group");
        alice.delete(&format!("/api/v1/files/uploads/{name}")).await.is("unknown_upload");
        let claim = format!("/api/v1/users/{name}/key-packages/claim");
        alice.post(&claim, json!({})).await.is("unknown_recipient");
    }
    let name = "x".repeat(300);
    let answer = alice.post("/api/v1/users/me/profile", json!({"display_name": name})).await;
    assert!(answer.json()["detail"].as_str().unwrap().contains("256 bytes"), "{}", answer.json());
}
