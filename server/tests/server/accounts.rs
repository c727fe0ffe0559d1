//! Signing in and out, devices, profiles, the administrator.

use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Person, TestServer, begun, new_id};

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn a_wrong_key_and_an_unknown_user_get_the_same_answer() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let login = async |user: &str, key: &str| {
        let body = json!({"user_id": user, "access_key": key});
        server.api.json("POST", "/api/v1/auth/login", None, &body).await
    };
    let wrong = login("alice", "nonsense").await.is("invalid_credentials");
    let unknown = login("nobody", "nonsense").await.is("invalid_credentials");
    assert_eq!(wrong, unknown);
}

#[tokio::test]
async fn wrong_keys_are_slowed_down() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let guess = async |user: &str| {
        let body = json!({"user_id": user, "access_key": "guess"});
        server.api.json("POST", "/api/v1/auth/login", None, &body).await
    };
    for _ in 0..10 {
        guess("alice").await.is("invalid_credentials");
    }
    let answer = guess("alice").await;
    assert_eq!(answer.is("too_many_wrong_keys")["retry_after_ms"], 2000);
    assert!(answer.head.contains("retry-after: 2"), "{}", answer.head);
    assert_eq!(guess("alice").await.is("too_many_wrong_keys")["retry_after_ms"], 4000);
    assert_eq!(guess("nobody").await.is("too_many_wrong_keys")["retry_after_ms"], 8000, "by address");
    for _ in 0..20 {
        guess("alice").await.is("too_many_wrong_keys");
    }
    assert_eq!(guess("alice").await.is("too_many_wrong_keys")["retry_after_ms"], 900_000);
    let wrong = json!({"admin_key": "guess"});
    server.api.json("POST", "/api/v1/admin/users", None, &wrong).await.is("too_many_wrong_keys");
    // The right keys pass all the same.
    server.device("alice", &alice.access_key).await;
    server.user("bob").await;
    server.clock.advance(900);
    guess("alice").await.is("invalid_credentials");
}

#[tokio::test]
async fn an_attack_looks_the_same_whether_there_is_such_a_user_or_not() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut seen: Vec<Vec<(u16, Value)>> = Vec::new();
    for user in ["alice", "nobody"] {
        let mut answers = Vec::new();
        for round in 0..30 {
            let body = json!({"user_id": user, "access_key": "guess"});
            let answer = server.api.json("POST", "/api/v1/auth/login", None, &body).await;
            answers.push((answer.status, answer.json()));
            if round == 12 {
                // Somebody else signs in meanwhile.
                server.clock.advance(1);
            }
        }
        seen.push(answers);
        // The address is as good as new, and so is the user.
        server.clock.advance(24 * 3600);
    }
    assert_eq!(seen[0], seen[1]);
    server.device("alice", &alice.access_key).await;
}

#[tokio::test]
async fn the_same_device_key_is_the_same_device() {
    let server = TestServer::start().await;
    let key = server.api.create_user("alice").await;
    let first = server.api.login("alice", &key, Some("device key")).await;
    let mut line = first.online().await;
    let again = server.api.login("alice", &key, Some("device key")).await;
    assert_eq!(first.device, again.device);
    assert_eq!(line.closed().await, 4001);
    first.get("/api/v1/users/me").await.is("unauthorized");
    let other = server.api.login("alice", &key, Some("other key")).await;
    assert_ne!(first.device, other.device);
    let devices = again.get("/api/v1/users/me/devices").await.ok();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    assert_eq!(devices["devices"][0]["device_id"], again.device);
    assert_eq!(devices["devices"][0]["current"], true);
    assert_eq!(devices["devices"][1]["current"], false);
    assert_eq!(devices["devices"][0]["device_public_key"], "device key");
}

#[tokio::test]
async fn a_user_has_so_many_devices_and_adds_so_many_at_once() {
    let server = TestServer::start().await;
    let key = server.api.create_user("alice").await;
    let login = async |device: &str| {
        let body = json!({"user_id": "alice", "access_key": key, "device_public_key": device});
        server.api.json("POST", "/api/v1/auth/login", None, &body).await
    };
    for number in 0..20 {
        login(&number.to_string()).await.ok();
    }
    let refused = login("20").await.is("rate_limited");
    assert_eq!(refused["retry_after_ms"], 3000);
    login("7").await.ok();
    server.clock.advance(60);
    for number in 20..32 {
        login(&number.to_string()).await.ok();
    }
    let refused = login("32").await.is("invalid_request");
    assert!(refused["detail"].as_str().unwrap().contains("32 devices"), "{refused}");
    let last = login("31").await.ok();
    let token = last["token"].as_str();
    server.api.json("POST", "/api/v1/auth/logout", token, &Value::Null).await.ok();
    login("32").await.ok();
}

#[tokio::test]
async fn a_login_that_says_nothing_of_its_device_changes_nothing() {
    let server = TestServer::start().await;
    let key = server.api.create_user("alice").await;
    let alice = server.api.login("alice", &key, Some("k")).await;
    let body = json!({"user_id": "alice", "access_key": key, "device_public_key": "k"});
    let again = server.api.json("POST", "/api/v1/auth/login", None, &body).await.ok();
    let devices = server.api.json("GET", "/api/v1/users/me/devices", again["token"].as_str(), &Value::Null).await.ok();
    assert_eq!(devices["devices"][0]["device_id"], alice.device);
    assert_eq!(devices["devices"][0]["device_name"], "test");
    assert_eq!(devices["devices"][0]["device_type"], "cli");
}

#[tokio::test]
async fn a_token_is_refreshed_and_grows_old() {
    let server = TestServer::start().await;
    let mut alice = server.user("alice").await;
    let refreshed = alice.post("/api/v1/auth/refresh", Value::Null).await.ok();
    alice.get("/api/v1/users/me").await.is("unauthorized");
    alice.token = refreshed["token"].as_str().unwrap().to_owned();
    alice.get("/api/v1/users/me").await.ok();
    // Clients of the first API send it in the body.
    let in_body = json!({"token": alice.token});
    let refreshed = server.api.json("POST", "/api/v1/auth/refresh", None, &in_body).await.ok();
    alice.post("/api/v1/auth/refresh", Value::Null).await.is("unauthorized");
    alice.token = refreshed["token"].as_str().unwrap().to_owned();
    alice.post("/api/v1/auth/refresh", in_body).await.is("invalid_request");
    server.api.json("POST", "/api/v1/auth/refresh", None, &json!({})).await.is("unauthorized");
    let mut line = alice.online().await;
    server.clock.advance(31 * DAY);
    alice.get("/api/v1/users/me").await.is("token_expired");
    line.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(line.error().await.code.as_str(), "token_expired");
    assert_eq!(line.closed().await, 4001);
}

#[tokio::test]
async fn signing_out_removes_the_device_at_once() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let other = server.device("alice", &alice.access_key).await;
    let mut line = alice.online().await;
    assert_eq!(alice.post("/api/v1/auth/logout", Value::Null).await.status, 204);
    assert_eq!(line.closed().await, 4001);
    alice.get("/api/v1/users/me").await.is("unauthorized");

    let mut line = other.online().await;
    let path = format!("/api/v1/users/me/devices/{}", other.device);
    assert_eq!(other.delete(&path).await.status, 204);
    assert_eq!(line.closed().await, 4001);
    let third = server.device("alice", &alice.access_key).await;
    third.delete(&path).await.is("unknown_device");
}

#[tokio::test]
async fn a_profile_is_changed_and_seen() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let update = json!({"display_name": "Алиса", "public_key": "identity"});
    let profile = alice.post("/api/v1/users/me/profile", update).await.ok();
    assert_eq!(profile["display_name"], "Алиса");
    let seen = bob.get("/api/v1/users/alice").await.ok();
    assert_eq!(seen["public_key"], "identity");
    assert_eq!(seen["last_seen_at"], Value::Null, "only for those who share a conversation");
    let own = alice.get("/api/v1/users/me").await.ok();
    assert!(own["last_seen_at"].as_str().unwrap().ends_with(" 08:00:00"), "{own}");
    bob.get("/api/v1/users/nobody").await.is("unknown_user");
    bob.get("/api/v1/users/..%2Fme").await.is("unknown_user");
    let update = json!({"display_name": "x".repeat(257)});
    alice.post("/api/v1/users/me/profile", update).await.is("invalid_request");
}

/// Not even by whoever has the access key of an account that no identity protects yet.
#[tokio::test]
async fn a_key_in_a_profile_stays_and_nothing_is_sealed_without_an_identity() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let other = server.device("alice", &alice.access_key).await;
    let set = async |update| alice.post("/api/v1/users/me/profile", update).await;
    set(json!({"public_key": "first"})).await.ok();
    set(json!({"public_key": "first"})).await.ok();
    set(json!({"public_key": "second"})).await.is("identity_exists");
    set(json!({"public_key": "second", "replace_public_key": true})).await.is("identity_exists");
    other.get("/api/v1/users/me").await.ok();
    let path = "/api/v1/users/me/backup";
    alice.api.json("PUT", path, Some(&alice.token), &json!({"backup": "c2VhbGVk"})).await.is("malformed_request");
    alice.get(path).await.is("no_backup");
}

#[tokio::test]
async fn the_administrator_makes_and_deletes_users() {
    let server = TestServer::start().await;
    let admin = async |method: &str, path: &str, key: Option<&str>, body: Value| {
        server.api.json(method, path, key, &body).await
    };
    let users = "/api/v1/admin/users";
    admin("POST", users, None, json!({"admin_key": "wrong"})).await.is("admin_key_invalid");
    admin("POST", users, None, Value::Null).await.is("admin_key_invalid");
    let made = admin("POST", users, Some(ADMIN_KEY), Value::Null).await.ok();
    assert_eq!(made["user_id"].as_str().unwrap().len(), 8);
    let alice = server.user("alice").await;
    let taken = json!({"admin_key": ADMIN_KEY, "user_id": "alice"});
    admin("POST", users, None, taken).await.is("user_exists");
    let nobody = json!({"admin_key": ADMIN_KEY, "user_id": "me"});
    admin("POST", users, None, nobody).await.is("invalid_request");

    let mut line = alice.online().await;
    let key = json!({"admin_key": ADMIN_KEY});
    let path = "/api/v1/admin/users/alice";
    assert_eq!(admin("DELETE", path, None, key.clone()).await.status, 204);
    assert_eq!(line.closed().await, 4001);
    alice.get("/api/v1/users/me").await.is("unauthorized");
    admin("DELETE", path, None, key.clone()).await.is("unknown_user");
    // The name is free again, and its new owner starts from nothing.
    let other = server.user("alice").await;
    assert_ne!(other.device, alice.device);

    let stats = admin("GET", "/api/v1/admin/stats", None, key).await.ok();
    assert_eq!(stats["total_users"], 2);
    assert_eq!(stats["active_users"], 2);
    assert_eq!(stats["online_users"], 0);
    assert_eq!(stats["pending_messages"], 0);
    assert_eq!(stats["stored_files"], 0);
    assert!(stats["storage_used_mb"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn messages_to_a_deleted_user_are_refused_and_waiting_ones_freed() {
    let server = TestServer::start().await;
    let (alice, _bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    a.deliver(alice.message("bob", new_id(), "eA==")).await;
    let key = json!({"admin_key": ADMIN_KEY});
    server.api.json("DELETE", "/api/v1/admin/users/bob", None, &key).await.ok();
    a.send(alice.message("bob", new_id(), "eA==")).await;
    assert_eq!(a.error().await.code.as_str(), "unknown_recipient");
    let stats = server.api.json("GET", "/api/v1/admin/stats", None, &key).await.ok();
    assert_eq!(stats["pending_messages"], 0);
}

#[tokio::test]
async fn credentials_for_calls_are_made_for_each_user() {
    let server = TestServer::with(|config| {
        config.turn.enabled = true;
        config.turn.urls = vec!["turn:localhost:3478".to_owned()];
        config.turn.credential = privmsg_protocol::Secret::new("north".to_owned());
    })
    .await;
    let alice = server.user("alice").await;
    let credentials = alice.get("/api/v1/turn/credentials").await.ok();
    assert_eq!(credentials["urls"], json!(["turn:localhost:3478"]));
    assert_eq!(credentials["username"], format!("{}:alice", begun() + 3600));
    assert_eq!(credentials["credential"].as_str().unwrap().len(), 28);
    assert_eq!(credentials["credential_type"], "password");
    assert_eq!(credentials["ttl"], 3_600);
}

#[tokio::test]
async fn nobody_empties_a_stock_of_key_packages() {
    let server = TestServer::start().await;
    let (alice, _bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let claim = async |by: &Person, of: &str| {
        let path = format!("/api/v1/users/{of}/key-packages/claim");
        by.post(&path, Value::Null).await
    };
    for _ in 0..30 {
        claim(&alice, "bob").await.ok();
    }
    assert_eq!(claim(&alice, "bob").await.is("rate_limited")["retry_after_ms"], 2000);
    claim(&carol, "bob").await.ok();
    claim(&alice, "carol").await.ok();
    // And so many of all together, whether there is such a user or not.
    for number in 32..600 {
        claim(&alice, &format!("user{number}")).await.is("unknown_recipient");
    }
    assert_eq!(claim(&alice, "user").await.is("rate_limited")["retry_after_ms"], 100);
}
