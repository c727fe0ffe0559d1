//! Signing in by the recovery words alone.

use serde_json::{Value, json};

use super::{
    Keyed, Owner, by_access_key, by_device_key, by_words, challenge, device, etag, person, put_list, recovery_sign_in,
};
use crate::support::TestServer;

const PATH: &str = "/api/v1/auth/recovery";

/// All devices are lost, and nobody knows the access key.
#[tokio::test]
async fn who_has_the_words_gets_the_account_back() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let mut line = alice.person.online().await;
    let found = Keyed::new("found01234567890", 12);
    let answer = by_words(server.api, &alice.identity, &found).await;
    assert_eq!((&answer.ok()["waiting"], &answer.ok()["device_id"]), (&json!(true), &json!("found01234567890")));
    let again = person(server.api, &answer);
    again.get("/api/v1/users/me/backup").await.ok();
    // A list of the present generation does not let it in: that is for the devices in it.
    let same = alice.identity.list(2, &[&alice.key, &found]);
    put_list(&again, &same, Some(&etag(&alice.list)), json!([])).await.is("device_not_listed");
    let later = alice.identity.in_generation(2);
    let without = later.list(1, &[&alice.key]);
    put_list(&again, &without, Some(&etag(&alice.list)), json!([])).await.is("invalid_request");
    let list = later.list(1, &[&found]);
    put_list(&again, &list, Some(&etag(&alice.list)), json!([])).await.ok();
    alice.list = list;
    assert_eq!(line.closed().await, 4005);
    again.online().await;
    by_device_key(server.api, "alice", &found).await.ok();
    assert_eq!(again.get("/api/v1/users/me").await.is("unauthorized")["status"], 401, "another session has begun");
}

#[tokio::test]
async fn an_answer_is_good_once_for_one_device() {
    let server = TestServer::with(|config| config.limits.max_wrong_keys = 0).await;
    let alice = Owner::new(&server, "alice").await;
    let bob = Owner::new(&server, "bob").await;
    let api = server.api;
    let post = async |body: &Value| api.json("POST", PATH, None, body).await;
    let found = Keyed::new("found01234567890", 12);
    let purpose = json!({"recovery": found.device_id});
    let mine = challenge(api, "alice", purpose.clone()).await;
    let signed = recovery_sign_in(&alice.identity, &found, mine);
    post(&signed).await.ok();
    post(&signed).await.is("stale_challenge");
    // A lost answer: the same device with another challenge.
    by_words(api, &alice.identity, &found).await.ok();
    for (user, purpose) in [
        ("bob", purpose.clone()),
        ("alice", json!({"device": found.device_id})),
        ("alice", json!({"recovery": "other01234567890"})),
        ("alice", json!({"identity": "seal_identity"})),
    ] {
        let others = challenge(api, user, purpose).await;
        post(&recovery_sign_in(&alice.identity, &found, others)).await.is("stale_challenge");
    }
    let fresh = challenge(api, "alice", purpose).await;
    // With the words of somebody else, or with words that were.
    let mut body = recovery_sign_in(&bob.identity, &found, fresh);
    body["user_id"] = json!("alice");
    post(&body).await.is("invalid_credentials");
    post(&recovery_sign_in(&alice.identity.under_words(9), &found, fresh)).await.is("invalid_credentials");
    for (field, value) in [("device_public_key", "AAAA"), ("device_id", "short"), ("signature", "")] {
        let mut body = recovery_sign_in(&alice.identity, &found, fresh);
        body[field] = json!(value);
        post(&body).await.is("invalid_request");
    }
    post(&recovery_sign_in(&alice.identity, &found, fresh)).await.ok();
}

/// The words do not make anybody an existing device, with its mailbox.
#[tokio::test]
async fn the_words_take_no_device_over() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    by_words(server.api, &alice.identity, &laptop).await.is("device_exists");
    let other_name = Keyed::new("other01234567890", 12);
    by_words(server.api, &alice.identity, &other_name).await.is("device_exists");
    let bob = server.user("bob").await;
    let bobs = Keyed::new(&bob.device, 13);
    by_words(server.api, &alice.identity, &bobs).await.is("device_exists");
    let list = alice.identity.list(3, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    by_words(server.api, &alice.identity, &other_name).await.is("device_removed");
}

#[tokio::test]
async fn there_are_no_words_before_there_is_an_identity() {
    let server = TestServer::start().await;
    let alice = super::Identity::new("alice", 1);
    let found = Keyed::new("found01234567890", 12);
    let unknown = by_words(server.api, &alice, &found).await.is("invalid_credentials");
    let (_, without) = device(&server, "alice", 11).await;
    assert_eq!(by_words(server.api, &alice, &found).await.is("invalid_credentials"), unknown);
    without.online().await;
}

/// Who has the access key can fill the places of devices that wait, but not push out who has the words.
#[tokio::test]
async fn whoever_has_but_the_access_key_pushes_nobody_out_who_has_the_words() {
    let server = TestServer::with(|config| config.limits.rate_limit_new_devices_per_minute = 0).await;
    let alice = Owner::new(&server, "alice").await;
    let found = person(server.api, &by_words(server.api, &alice.identity, &Keyed::new("found01234567890", 12)).await);
    let mut waiting = Vec::new();
    for seed in 20..40 {
        waiting.push(by_access_key(server.api, "alice", &alice.person.access_key, seed).await.1);
    }
    found.get("/api/v1/users/me").await.ok();
    waiting[0].get("/api/v1/users/me").await.is("unauthorized");
    let last = waiting.last().unwrap();
    last.get("/api/v1/users/me").await.ok();
    assert_eq!(super::devices(&alice.person).await.len(), 1 + 8);
    // There is always room for the words.
    for number in 0..10 {
        let device = Keyed::new(&format!("again0123456789{number}"), 50 + number);
        by_words(server.api, &alice.identity, &device).await.ok();
    }
    last.get("/api/v1/users/me").await.is("unauthorized");
    alice.person.connect().await;
}
