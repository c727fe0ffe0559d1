//! What an administrator does to users: over the API, at once, and noted.

use serde_json::{Value, json};

use crate::support::{ADMIN_KEY, Answer, Api, TestServer};

async fn admin(api: Api, method: &str, path: &str, body: Value) -> Answer {
    api.json(method, &format!("/api/v1/admin/{path}"), Some(ADMIN_KEY), &body).await
}

async fn redeem(api: Api, user: &str, key: &str, access_key: Option<&str>) -> Answer {
    let body = json!({"user_id": user, "invitation_key": key, "access_key": access_key});
    api.json("POST", "/api/v1/auth/redeem", None, &body).await
}

/// Makes an invitation; its key.
async fn invite(api: Api, user: &str) -> String {
    let invited = admin(api, "POST", &format!("users/{user}/invitation"), Value::Null).await.ok();
    let invitation: privmsg_protocol::Invitation = invited["link"].as_str().unwrap().parse().unwrap();
    invitation.key.expose().to_owned()
}

#[tokio::test]
async fn a_deactivated_user_is_out_at_once_and_may_come_back() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut line = alice.online().await;
    assert_eq!(admin(server.api, "POST", "users/alice/deactivate", Value::Null).await.status, 204);
    assert_eq!(line.closed().await, 4001);
    alice.get("/api/v1/users/me").await.is("unauthorized");
    let body = json!({"user_id": "alice", "access_key": alice.access_key});
    server.api.json("POST", "/api/v1/auth/login", None, &body).await.is("account_revoked");
    assert_eq!(admin(server.api, "GET", "users/alice", Value::Null).await.ok()["active"], false);
    admin(server.api, "POST", "users/alice/invitation", Value::Null).await.is("invalid_request");
    assert_eq!(admin(server.api, "POST", "users/alice/reactivate", Value::Null).await.status, 204);
    server.device("alice", &alice.access_key).await.online().await;
    admin(server.api, "POST", "users/nobody/deactivate", Value::Null).await.is("unknown_user");
}

#[tokio::test]
async fn a_device_is_signed_out_and_a_key_reset() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let other = server.device("alice", &alice.access_key).await;
    let (mut line, mut kept) = (alice.online().await, other.online().await);
    let shown = admin(server.api, "GET", "users/alice", Value::Null).await.ok();
    assert_eq!((&shown["online"], &shown["devices"]), (&true.into(), &2.into()));
    assert_eq!(
        (&shown["device_list"][0]["device_id"], &shown["device_list"][0]["online"]),
        (&alice.device.clone().into(), &true.into())
    );
    let path = format!("users/alice/devices/{}", alice.device);
    assert_eq!(admin(server.api, "DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(line.closed().await, 4001);
    admin(server.api, "DELETE", &path, Value::Null).await.is("unknown_device");
    let reset = admin(server.api, "POST", "users/alice/reset-key", Value::Null).await.ok();
    kept.ping().await;
    let body = json!({"user_id": "alice", "access_key": alice.access_key});
    server.api.json("POST", "/api/v1/auth/login", None, &body).await.is("invalid_credentials");
    server.device("alice", reset["access_key"].as_str().unwrap()).await;
    let all = json!({"sign_out_devices": true});
    admin(server.api, "POST", "users/alice/reset-key", all).await.ok();
    assert_eq!(kept.closed().await, 4001);
}

#[tokio::test]
async fn a_session_does_not_make_an_administrator() {
    let server = TestServer::with(|config| config.limits.max_wrong_keys = 0).await;
    let alice = server.user("alice").await;
    server.user("bob").await;
    for (method, path) in privmsg_protocol::rest::ENDPOINTS {
        if path.starts_with("/api/v1/admin/users") || *path == "/api/v1/admin/audit" {
            let path = path.replace("{user_id}", "bob").replace("{device_id}", "x");
            server.api.json(method, &path, Some(&alice.token), &Value::Null).await.is("admin_key_invalid");
            server.api.json(method, &path, None, &Value::Null).await.is("admin_key_invalid");
        }
    }
    assert_eq!(admin(server.api, "GET", "users/bob", Value::Null).await.ok()["active"], true);
}

#[tokio::test]
async fn an_invitation_is_good_once_and_a_lost_answer_is_asked_for_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let key = invite(server.api, "alice").await;
    let mine = "A".repeat(43);
    assert_eq!(redeem(server.api, "alice", &key, Some(&mine)).await.ok()["access_key"], mine);
    assert_eq!(redeem(server.api, "alice", &key, Some(&mine)).await.ok()["access_key"], mine);
    // Whoever has the right one learns that somebody was faster. Anybody else learns nothing.
    redeem(server.api, "alice", &key, None).await.is("invitation_used");
    redeem(server.api, "alice", &key, Some(&format!("{}A", "B".repeat(42)))).await.is("invitation_used");
    let spent = redeem(server.api, "alice", "wrong", None).await.is("invalid_credentials");
    assert_eq!(spent, redeem(server.api, "nobody", &key, None).await.is("invalid_credentials"));
    let ended = invite(server.api, "alice").await;
    server.clock.advance(72 * 3600);
    assert_eq!(spent, redeem(server.api, "alice", &ended, None).await.is("invalid_credentials"));
    redeem(server.api, "alice", &key, Some("short")).await.is("invalid_request");
    let body = json!({"user_id": "alice", "access_key": alice.access_key});
    server.api.json("POST", "/api/v1/auth/login", None, &body).await.is("invalid_credentials");
    server.device("alice", &mine).await;
    alice.get("/api/v1/users/me").await.ok();
    let withdrawn = invite(server.api, "alice").await;
    assert_eq!(admin(server.api, "DELETE", "users/alice/invitation", Value::Null).await.status, 204);
    redeem(server.api, "alice", &withdrawn, None).await.is("invalid_credentials");
}

#[tokio::test]
async fn of_two_that_redeem_at_once_one_wins() {
    let server = TestServer::start().await;
    server.user("alice").await;
    for _ in 0..10 {
        let key = invite(server.api, "alice").await;
        let (a, b) = tokio::join!(redeem(server.api, "alice", &key, None), redeem(server.api, "alice", &key, None));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        let winner = if a.status == 200 { a } else { b };
        server.device("alice", winner.ok()["access_key"].as_str().unwrap()).await;
        server.clock.advance(60);
    }
}

#[tokio::test]
async fn acts_are_in_the_audit_log_and_keys_are_not() {
    let server = TestServer::start().await;
    server.user("alice").await;
    let key = invite(server.api, "alice").await;
    redeem(server.api, "alice", &key, None).await.ok();
    for _ in 0..3 {
        server.api.json("GET", "/api/v1/admin/users", Some("guess"), &Value::Null).await.is("admin_key_invalid");
    }
    let log = admin(server.api, "GET", "audit?limit=3", Value::Null).await.ok();
    let actions: Vec<_> = log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(json!(actions), json!(["admin_key_refused", "redeem_invitation", "invite"]));
    assert_eq!((&log["entries"][0]["detail"], &log["has_more"]), (&"attempts=1".into(), &true.into()));
    assert!(!log.to_string().contains(&key) && !log.to_string().contains("127.0.0.1"));
    let before = log["entries"][2]["id"].as_i64().unwrap();
    let older = admin(server.api, "GET", &format!("audit?before={before}"), Value::Null).await.ok();
    assert_eq!((&older["entries"][0]["action"], &older["has_more"]), (&"create_user".into(), &false.into()));
    assert_eq!(older["entries"][0]["user_id"], "alice");
}
