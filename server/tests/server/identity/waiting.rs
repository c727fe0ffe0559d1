//! Sessions that wait to be let in (N5).

use privmsg_protocol::frames::ServerFrame;
use privmsg_protocol::rest::ENDPOINTS;
use serde_json::{Value, json};

use super::{Owner, by_access_key, by_words, put_list};
use crate::support::{Chat, Line, TestServer, create};

/// What a session that waits may ask. Whatever is not here is refused, a new endpoint too.
const ALLOWED: &[(&str, &str)] = &[
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/users/me"),
    ("GET", "/api/v1/users/me/backup"),
    ("GET", "/api/v1/users/me/link-reply"),
    // Of itself only.
    ("GET", "/api/v1/users/{user_id}/device-list"),
    // A higher generation only.
    ("PUT", "/api/v1/users/me/device-list"),
    // Answers that there is one.
    ("POST", "/api/v1/users/me/identity"),
    ("POST", "/api/v1/users/me/identity/replacement"),
    ("DELETE", "/api/v1/users/me/identity/replacement"),
];

/// What needs no session at all.
fn is_public(method: &str, path: &str) -> bool {
    let no_session = ["/health", "/health/ready", "/ws", "/api/v1/openapi.json"].contains(&path);
    let signing_in = ["login", "redeem", "challenge", "device", "recovery"];
    no_session
        || method == "OPTIONS"
        || path.starts_with("/api/v1/admin/")
        || path.strip_prefix("/api/v1/auth/").is_some_and(|rest| signing_in.contains(&rest))
}

#[tokio::test]
async fn a_session_that_waits_is_refused_everything_but_what_lets_it_in() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let mut refused = 0;
    for (method, path) in ENDPOINTS {
        if is_public(method, path) || ALLOWED.contains(&(*method, *path)) {
            continue;
        }
        let path = path
            .replace("{user_id}", "alice")
            .replace("{device_id}", &alice.person.device)
            .replace("{group_id}", "AAAAAAAAAAAAAAAAAAAAAA")
            .replace("{file_id}", &"A".repeat(43))
            .replace("{upload_id}", &"A".repeat(43));
        let answer = waiting.api.json(method, &path, Some(&waiting.token), &json!({})).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        if *method != "HEAD" {
            answer.is("device_not_listed");
        }
        refused += 1;
    }
    assert!(refused > 20, "{refused}");
    assert!(ALLOWED.iter().all(|endpoint| ENDPOINTS.contains(endpoint)), "a name in the list above is wrong");
    alice.person.connect().await;
}

#[tokio::test]
async fn a_session_that_waits_has_its_own_profile_list_and_sealed_identity() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let bob = Owner::new(&server, "bob").await;
    let (key, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    assert_eq!(waiting.get("/api/v1/users/me").await.ok()["waiting"], true);
    waiting.get("/api/v1/users/me/backup").await.ok();
    waiting.get("/api/v1/users/alice/device-list").await.ok();
    waiting.get("/api/v1/users/bob/device-list").await.is("device_not_listed");
    waiting.get("/api/v1/users/me/link-reply").await.is("no_link_reply");
    let token = waiting.post("/api/v1/auth/refresh", Value::Null).await.ok()["token"].as_str().unwrap().to_owned();
    let waiting = crate::support::Person { token, ..waiting };
    // It does not let itself in: with the signing key that a thief has, but not as a device in the list.
    let list = alice.identity.list(2, &[&alice.key, &key]);
    put_list(&waiting, &list, Some(&super::etag(&alice.list)), json!([])).await.is("device_not_listed");
    waiting.post("/api/v1/auth/logout", Value::Null).await.ok();
    waiting.get("/api/v1/users/me").await.is("unauthorized");
    bob.person.online().await;
}

/// Whoever has but the access key took all that the user may do in a minute, and with it the owner's way to stop them.
#[tokio::test]
async fn what_waits_takes_nothing_from_who_is_let_in() {
    let server = TestServer::with(|config| {
        config.limits.rate_limit_requests_per_minute = 20;
        config.limits.rate_limit_new_devices_per_minute = 2;
    })
    .await;
    let alice = Owner::new(&server, "alice").await;
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let mut asked = 0;
    while waiting.get("/api/v1/users/me").await.status == 200 {
        asked += 1;
    }
    assert!(asked <= 20);
    alice.person.get("/api/v1/users/me").await.ok();
    let body = json!({"user_id": "alice", "access_key": alice.person.access_key, "device_public_key": "another"});
    server.api.json("POST", "/api/v1/auth/login", None, &body).await.is("rate_limited");
    by_words(server.api, &alice.identity, &super::Keyed::new("found01234567890", 13)).await.ok();
}

#[tokio::test]
async fn a_session_that_waits_has_no_socket_and_no_mailbox() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let mut line = Line::open(server.api.address).await;
    line.send(json!({"type": "authenticate", "payload": {"token": waiting.token}})).await;
    assert_eq!(line.error().await.code.as_str(), "device_not_listed");
    assert_eq!(line.closed().await, 4005);
    // Those who could let it in are told that it is there.
    let mut hers = alice.person.connect().await;
    assert_eq!(hers.message().await.message_type.as_str(), "account_sync");
    assert_eq!(hers.next().await, ServerFrame::CaughtUp);
    // A message to the user goes to the devices of the list, and not where nobody may read it.
    let bob = server.user("bob").await;
    let mut bobs = bob.online().await;
    bobs.deliver(bob.message("alice", crate::support::new_id(), "Y2lwaGVy")).await;
    assert!(matches!(hers.next().await, ServerFrame::Message(_)));
    let body = json!({"admin_key": crate::support::ADMIN_KEY});
    let shown = server.api.json("GET", "/api/v1/admin/users/alice", None, &body).await.ok();
    let of_waiting = |one: &&Value| one["device_id"] == waiting.device;
    let found = shown["device_list"].as_array().unwrap().iter().find(of_waiting).unwrap();
    assert_eq!(found["pending_messages"], 0);
}

/// What concerns groups: a device that waits is nobody to others.
#[tokio::test]
async fn others_do_not_see_who_waits() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    alice.person.post("/api/v1/key-packages", json!({"key_packages": ["a"], "last_resort": "b"})).await.ok();
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    create(&alice.person, &Chat::notes("alice"), &[&waiting]).await.is("unknown_device");
    let created = create(&alice.person, &Chat::notes("alice"), &[]).await.ok();
    let named: Vec<_> = created["devices"].as_array().unwrap().iter().map(|one| one["device_id"].clone()).collect();
    assert_eq!(named, [json!(alice.person.device)]);
    let bob = server.user("bob").await;
    let claimed = bob.post("/api/v1/users/alice/key-packages/claim", Value::Null).await.ok();
    assert_eq!(claimed["key_packages"].as_array().unwrap().len(), 1);
}

/// Whoever had but the access key had all of the user's groups written to with each sign-out, and the journal filled.
#[tokio::test]
async fn nobody_hears_of_a_device_that_nobody_has_let_in() {
    let server = TestServer::with(|config| config.limits.rate_limit_new_devices_per_minute = 0).await;
    let alice = Owner::new(&server, "alice").await;
    let bob = server.user("bob").await;
    create(&alice.person, &Chat::direct("alice", "bob"), &[&bob]).await.ok();
    let cursor = bob.get("/api/v1/groups").await.ok()["cursor"].as_str().unwrap().to_owned();
    let mut bobs = bob.online_past_welcome().await;
    for seed in 20..40 {
        let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, seed).await;
        // The others push each other out.
        if seed % 2 == 0 {
            waiting.post("/api/v1/auth/logout", Value::Null).await.ok();
        }
    }
    bobs.is_quiet().await;
    let since = bob.get(&format!("/api/v1/groups?since={cursor}")).await.ok();
    assert_eq!((&since["groups"], since["unchanged"].as_array().unwrap().len()), (&json!([]), 1));
    let removed = "SELECT count(*) FROM removed_key";
    assert_eq!(server.database().query_row(removed, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let mut journal = server.config.storage.database_path.clone().into_os_string();
    journal.push(".revocations");
    let journal = std::fs::read_to_string(journal).unwrap();
    assert!(!journal.contains("signed_out") && journal.contains("listed"), "{journal}");
}
