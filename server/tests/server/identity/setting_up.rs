//! The first identity of an account.

use serde_json::{Value, json};

use super::{Identity, Keyed, Owner, by_access_key, device, devices, etag, keys, with_headers};
use crate::support::{TestServer, begun};

const PATH: &str = "/api/v1/users/me/identity";

#[tokio::test]
async fn everything_of_an_identity_comes_at_once() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let own = alice.person.get("/api/v1/users/me").await.ok();
    assert_eq!(own["public_key"], alice.identity.public());
    assert_eq!((&own["waiting"], &own["identity_replacement"]), (&Value::Null, &Value::Null));
    assert_eq!(alice.person.get("/api/v1/users/me/backup").await.ok(), json!({"backup": keys::base64(b"sealed")}));
    let bob = server.user("bob").await;
    for reader in [&alice.person, &bob] {
        let shown = reader.get("/api/v1/users/alice/device-list").await;
        assert_eq!(shown.header("etag"), Some(etag(&alice.list)));
        let list = json!({
            "certificate": keys::base64(&alice.list.certificate().encode()), "list": keys::base64(&alice.list.encode()),
        });
        assert_eq!(shown.ok(), list);
    }
    alice.person.get("/api/v1/users/bob/device-list").await.is("no_device_list");
    alice.person.get("/api/v1/users/nobody/device-list").await.is("unknown_user");
    alice.person.online().await;
}

#[tokio::test]
async fn of_two_that_begin_one_wins_and_the_other_waits() {
    let server = TestServer::start().await;
    let (first_key, first) = device(&server, "alice", 11).await;
    let (second_key, second) = by_access_key(server.api, "alice", &first.access_key, 12).await;
    let mut line = second.online().await;
    let (one, other) = (Identity::new("alice", 1), Identity::new("alice", 2));
    let (mine, theirs) = (one.beginning(&one.list(1, &[&first_key])), other.beginning(&other.list(1, &[&second_key])));
    let (a, b) = tokio::join!(first.post(PATH, mine.clone()), second.post(PATH, theirs.clone()));
    let (winner, loser, own, body) =
        if a.status == 204 { (&first, &second, mine, theirs) } else { (&second, &first, theirs, mine) };
    let lost = if a.status == 204 { b } else { a };
    lost.is("identity_exists");
    loser.post(PATH, body.clone()).await.is("identity_exists");
    winner.post(PATH, body).await.is("identity_exists");
    assert_eq!(winner.post(PATH, own).await.status, 204, "its answer may have been lost");
    assert_eq!(loser.get("/api/v1/users/me").await.ok()["waiting"], true);
    loser.get("/api/v1/groups").await.is("device_not_listed");
    winner.get("/api/v1/groups").await.ok();
    assert_eq!(devices(winner).await.len(), 2);
    if std::ptr::eq(loser, &second) {
        assert_eq!(line.closed().await, 4005);
    }
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused_and_leaves_nothing() {
    let server = TestServer::start().await;
    let (key, alice) = device(&server, "alice", 11).await;
    let (mine, eves, bobs) = (Identity::new("alice", 1), Identity::new("alice", 2), Identity::new("bob", 1));
    let list = mine.list(1, &[&key]);
    let good = mine.beginning(&list);
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let encoded = |list: &privmsg_mls_public::DeviceList| json!(keys::base64(&list.encode()));
    let flipped = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        json!(keys::base64(&bytes))
    };
    let later = mine.in_generation(2);
    let too_late = begun().unsigned_abs() + 86_401;
    for (body, code) in [
        (with("public_key", json!(eves.public())), "invalid_statement"),
        (with("public_key", json!("")), "invalid_statement"),
        (with("certificate", json!(keys::base64(&eves.certificate().encode()))), "invalid_statement"),
        (with("certificate", json!(keys::base64(&bobs.certificate().encode()))), "invalid_statement"),
        (with("certificate", flipped(&mine.certificate().encode())), "invalid_statement"),
        (with("certificate", json!("%")), "invalid_statement"),
        (with("device_list", encoded(&later.list(1, &[&key]))), "invalid_statement"),
        (with("device_list", encoded(&mine.signing_as(&eves).list(1, &[&key]))), "invalid_statement"),
        (with("device_list", flipped(&list.encode())), "invalid_statement"),
        (with("device_list", encoded(&mine.list(1, &[]))), "invalid_request"),
        (with("device_list", encoded(&mine.list(1, &[&Keyed::new(&alice.device, 12)]))), "invalid_request"),
        (with("device_list", encoded(&mine.list(1, &[&Keyed::new("elsewhere", 11)]))), "invalid_request"),
        (with("device_list", encoded(&mine.list(too_late, &[&key]))), "list_ahead"),
        (with("backup", json!("")), "invalid_request"),
        (with("backup", json!("%")), "invalid_request"),
        (with("backup", json!("A".repeat(64 * 1024 + 4))), "invalid_request"),
        (with("recovery_key", json!("AAAA")), "invalid_request"),
    ] {
        alice.post(PATH, body).await.is(code);
    }
    let ahead = mine.in_generation(too_late);
    alice.post(PATH, ahead.beginning(&ahead.list(1, &[&key]))).await.is("list_ahead");
    let own = alice.get("/api/v1/users/me").await.ok();
    assert_eq!(own["public_key"], Value::Null);
    alice.get("/api/v1/users/me/backup").await.is("no_backup");
    alice.get("/api/v1/users/alice/device-list").await.is("no_device_list");
    alice.post(PATH, good).await.ok();
}

/// The list may name devices that do not exist yet, but no other user's.
#[tokio::test]
async fn a_first_list_takes_no_device_of_somebody_else() {
    let server = TestServer::start().await;
    let bob = server.user("bob").await;
    let (key, alice) = device(&server, "alice", 11).await;
    let identity = Identity::new("alice", 1);
    let bobs = Keyed::new(&bob.device, 12);
    alice.post(PATH, identity.beginning(&identity.list(1, &[&key, &bobs]))).await.is("device_exists");
    bob.get("/api/v1/groups").await.ok();
    alice.get("/api/v1/users/alice/device-list").await.is("no_device_list");
}

/// What stood in the profile before there were lists is taken up, and is not replaced by the way.
#[tokio::test]
async fn a_list_does_not_replace_a_key_of_the_profile_nor_the_profile_a_list() {
    let server = TestServer::start().await;
    let (key, alice) = device(&server, "alice", 11).await;
    let (mine, eves) = (Identity::new("alice", 1), Identity::new("alice", 2));
    alice.post("/api/v1/users/me/profile", json!({"public_key": mine.public()})).await.ok();
    alice.post(PATH, eves.beginning(&eves.list(1, &[&key]))).await.is("identity_exists");
    alice.post(PATH, mine.beginning(&mine.list(1, &[&key]))).await.ok();
    // Nor does what an earlier version of the API had for it.
    let body = json!({"public_key": eves.public(), "replace_public_key": true});
    alice.post("/api/v1/users/me/profile", body).await.is("identity_exists");
    let body = json!({"public_key": mine.public(), "display_name": "Alice"});
    assert_eq!(alice.post("/api/v1/users/me/profile", body).await.ok()["display_name"], "Alice");
    let unsigned = json!({"backup": keys::base64(b"evil")});
    with_headers(&alice, "PUT", "/api/v1/users/me/backup", "", &unsigned).await.is("malformed_request");
}
