//! Who may do what: nobody without a session, and nobody to anybody else.

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::raw::{self, Answer};
use privmsg_blackbox::{Device, Running};
use privmsg_harness::e2ee::ConversationInfo;
use privmsg_protocol::rest::ENDPOINTS;
use privmsg_protocol::{Incarnation, Opaque};
use serde_json::{Value, json};

use crate::line::Line;

/// Groups are named by 16 bytes in base64url.
/// The id of the notes of `alice`.
const GROUP: &str = "7iDTZ6lcb4Hj0Fs8uscv2A";

/// What strangers may ask: whether the server is there, and to be let in.
fn is_public(path: &str) -> bool {
    path.starts_with("/health")
        || path == "/ws"
        || path == "/api/v1/auth/login"
        || path == "/api/v1/auth/redeem"
        || path == "/api/v1/auth/challenge"
        || path == "/api/v1/auth/device"
        || path == "/api/v1/auth/recovery"
        || path == "/api/v1/openapi.json"
        || path == "/admin"
        || path.starts_with("/admin/")
}

async fn call(server: &Running, token: Option<&str>, method: &str, path: &str, body: &Value) -> Result<Answer> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = format!("Bearer {}", token.unwrap_or_default());
    let mut headers = vec![("Content-Type", "application/json"), ("Tus-Resumable", "1.0.0")];
    if token.is_some() {
        headers.push(("Authorization", authorization.as_str()));
    }
    raw::request(server.address(), method, path, &headers, text.as_bytes()).await
}

/// No wrong key of these tests shall be answered with a wait.
async fn server() -> Result<Running> {
    Running::start(&[("PRIVMSG_LIMITS_MAX_WRONG_KEYS", "0".to_owned())]).await
}

fn filled(path: &str, user: &str, device: &str, file: &str) -> String {
    let path = path.replace("{user_id}", user).replace("{device_id}", device).replace("{file_id}", file);
    path.replace("{group_id}", GROUP).replace("{upload_id}", file)
}

#[tokio::test]
async fn nothing_is_answered_without_a_session() -> Result<()> {
    let server = server().await?;
    let alice = server.user("alice").await?;
    let foreign = "A".repeat(43);
    for (method, path) in ENDPOINTS.iter().filter(|(method, path)| !is_public(path) && *method != "OPTIONS") {
        let path = filled(path, "alice", &alice.device_id, &foreign);
        let is_administration = path.starts_with("/api/v1/admin");
        let expected = if is_administration { "admin_key_invalid" } else { "unauthorized" };
        // Without a token, with one that never was; and administration with that of a user.
        let tokens = [None, Some(foreign.as_str()), is_administration.then_some(alice.token.as_str())];
        for token in tokens.into_iter().enumerate().filter(|(n, token)| *n == 0 || token.is_some()).map(|(_, t)| t) {
            let answer = call(&server, token, method, &path, &json!({})).await?;
            // The answer to HEAD has no body.
            let said = answer.code();
            ensure!(
                answer.status == 401 && (*method == "HEAD" || said.as_deref() == Some(expected)),
                "{method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    Ok(())
}

/// Everything of a device that can be seen over REST, but times.
async fn state(server: &Running, who: &Device, file: &str) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for path in [
        "/api/v1/messages/pending",
        "/api/v1/users/me/devices",
        "/api/v1/key-packages",
        "/api/v1/groups",
        "/api/v1/users/me",
        &format!("/api/v1/groups/{GROUP}/state"),
        &format!("/api/v1/files/{file}"),
    ] {
        let answer = call(server, Some(&who.token), "GET", path, &Value::Null).await?;
        ensure!(answer.status == 200, "{path}: {}", answer.text());
        let text = answer.text();
        seen.push(text.split("\"last_seen_at\"").next().unwrap_or_default().to_owned());
    }
    Ok(seen)
}

/// Alice with something of every kind: a waiting message, key packages, a group, a file.
async fn alice_and_all_that_is_hers(server: &Running) -> Result<(Device, String, String)> {
    let alice = server.user("alice").await?;
    let put = async |method: &str, path: &str, body: Value| {
        let answer = call(server, Some(&alice.token), method, path, &body).await?;
        ensure!(answer.status < 300, "{path}: {}", answer.text());
        anyhow::Ok(answer)
    };
    put("POST", "/api/v1/users/me/profile", json!({"display_name": "Alice", "public_key": "a2V5"})).await?;
    put("POST", "/api/v1/key-packages", json!({"key_packages": ["cGFja2FnZQ=="], "last_resort": "bGFzdA=="})).await?;
    let (_, made) = alice.mls.founds(ConversationInfo::notes(alice.mls.person(), Incarnation::FIRST), &[])?;
    let state = json!({
        "group_info": Opaque::encode(&made.group_info), "ratchet_tree": Opaque::encode(&made.ratchet_tree),
    });
    let group = json!({"kind": "self", "participants": ["alice"], "incarnation": 1, "welcomes": [], "state": state});
    put("POST", "/api/v1/groups", group).await?;
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nciphertext\r\n--B--\r\n";
    let authorization = format!("Bearer {}", alice.token);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "multipart/form-data; boundary=B")];
    let uploaded = raw::request(server.address(), "POST", "/api/v1/files/upload", &headers, form.as_bytes()).await?;
    let uploaded: Value = serde_json::from_slice(&uploaded.body).context("a file")?;
    let file = uploaded["file_id"].as_str().context("a file id")?.to_owned();
    let bob = server.user("bob").await?;
    let mut line = Line::signed_in(server.address(), &bob.token).await?;
    let message = line.says("bob", "alice", "Y2lwaGVy").await?;
    line.until("ack").await?;
    Ok((alice, file, message))
}

#[tokio::test]
async fn a_foreign_token_reads_acknowledges_and_deletes_nothing() -> Result<()> {
    let server = server().await?;
    let (alice, file, message) = alice_and_all_that_is_hers(&server).await?;
    let eve = server.user("eve").await?;
    let before = state(&server, &alice, &file).await?;
    ensure!(before[0].contains(&message), "{before:?}");
    let body = json!({
        "message_ids": [message], "user_id": "alice", "device_id": alice.device_id, "group_id": GROUP,
        "device_ids": ["nobody's"], "message_id": message, "epoch": 1, "commit": "Y29tbWl0",
        "kind": "self", "participants": ["alice"], "incarnation": 1, "group_info": "ZXZpbA==", "key_packages": [],
        "welcomes": [], "state": {"group_info": "ZXZpbA==", "ratchet_tree": "ZXZpbA=="}, "backup": "ZXZpbA==",
        "display_name": "Mallory", "public_key": "ZXZpbA==", "sender_id": "alice",
    });
    let mut walked = 0;
    for (method, path) in ENDPOINTS {
        // What ends eve's own session comes last.
        if is_public(path) || path.starts_with("/api/v1/auth/") || *method == "OPTIONS" {
            continue;
        }
        let path = filled(path, "alice", &alice.device_id, &file);
        let answer = call(&server, Some(&eve.token), method, &path, &body).await?;
        ensure!(answer.status < 500, "{method} {path}: {}", answer.text());
        let names_alices = path.contains(GROUP)
            || path.contains(alice.device_id.as_str())
            || (*method == "DELETE" && path.contains(file.as_str()))
            || path.starts_with("/api/v1/admin");
        ensure!(!names_alices || answer.status >= 400, "{method} {path}: {}", answer.text());
        let text = answer.text();
        for secret in [&message, "YmFja3Vw", &alice.token, &alice.access_key] {
            ensure!(!text.contains(secret), "{method} {path} shows {secret}: {text}");
        }
        walked += 1;
    }
    ensure!(walked > 20, "{walked} endpoints");
    // And over the WebSocket.
    let mut line = Line::signed_in(server.address(), &eve.token).await?;
    line.until("caught_up").await?;
    line.sends(&json!({"type": "ack", "payload": {"message_ids": [message]}})).await?;
    line.says("alice", "bob", "Zm9yZ2Vk").await?;
    let refused = line.until("error").await?;
    assert_eq!(refused["payload"]["code"], "sender_mismatch");
    for path in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
        let session = server.device("eve", &eve.access_key).await?;
        call(&server, Some(&session.token), "POST", path, &body).await?;
    }
    assert_eq!(before, state(&server, &alice, &file).await?);
    Ok(())
}

#[tokio::test]
async fn one_device_takes_nothing_from_another_of_the_same_user() -> Result<()> {
    let server = server().await?;
    let first = server.user("alice").await?;
    let second = server.device("alice", &first.access_key).await?;
    let bob = server.user("bob").await?;
    let mut line = Line::signed_in(server.address(), &bob.token).await?;
    let message = line.says("bob", "alice", "Y2lwaGVy").await?;
    line.until("ack").await?;
    let acknowledge = json!({"message_ids": [message]});
    call(&server, Some(&second.token), "POST", "/api/v1/messages/ack", &acknowledge).await?;
    let waiting = async |device: &Device| {
        let pending = call(&server, Some(&device.token), "GET", "/api/v1/messages/pending", &Value::Null).await?;
        anyhow::Ok(pending.text().contains(&message))
    };
    assert!(!waiting(&second).await?, "its own is gone");
    assert!(waiting(&first).await?, "that of the other device is not");
    Ok(())
}

#[tokio::test]
async fn nobody_learns_which_users_exist() -> Result<()> {
    let server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    // Attacked alike, they answer alike, waits included; the clock runs on, so the last digits may differ.
    let mut seen = Vec::new();
    for user in ["alice", "nobody"] {
        let mut answers = Vec::new();
        for _ in 0..16 {
            let body = json!({"user_id": user, "access_key": "guess"});
            let answer = call(&server, None, "POST", "/api/v1/auth/login", &body).await?;
            answers.push((answer.status, answer.code()));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0][0], (401, Some("invalid_credentials".to_owned())));
    assert_eq!(seen[0][15], (429, Some("too_many_wrong_keys".to_owned())));
    // The second one is slowed down from the beginning, for it comes from the same address.
    assert!(seen[1].iter().all(|answer| answer == &seen[0][15]));
    let right = server.device("alice", &alice.access_key).await;
    assert!(right.is_ok(), "the right key passes: {right:?}");
    // Profiles and claims need a session.
    for user in ["alice", "nobody"] {
        let shown = call(&server, None, "GET", &format!("/api/v1/users/{user}"), &Value::Null).await?;
        assert_eq!((shown.status, shown.code().as_deref()), (401, Some("unauthorized")), "{user}");
    }
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_takes_as_long_for_a_user_as_for_nobody() -> Result<()> {
    use privmsg_harness::http::Http;
    use std::time::{Duration, Instant};

    let server = server().await?;
    for name in ["alice", "bob", "carol"] {
        server.user(name).await?;
    }
    let mut http = Http::connect(server.address()).await?;
    let mut times: [Vec<Duration>; 2] = Default::default();
    // Taken in turns, so that whatever else the machine does falls on both alike.
    for round in 0..1500 {
        for (which, user) in [(0, "bob"), (1, "eve")].into_iter().cycle().skip(round % 2).take(2) {
            let body = json!({"user_id": user, "access_key": "guess"});
            let start = Instant::now();
            let answer = http.send("POST", "/api/v1/auth/login", None, &body).await?;
            times[which].push(start.elapsed());
            assert_eq!(answer.status, 401);
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    let (less, more) = (known.min(unknown), known.max(unknown));
    assert!(more < less + less / 5, "a user {known:?}, nobody {unknown:?}");
    Ok(())
}
