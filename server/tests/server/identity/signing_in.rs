//! Signing in by the key of a device.

use serde_json::{Value, json};

use super::{
    Keyed, Owner, by_access_key, by_device_key, challenge, device, device_sign_in, keys, person, recovery_sign_in,
};
use crate::support::{Person, TestServer};

const PATH: &str = "/api/v1/auth/device";

/// What the server names of an answer: the proof that it was this key.
fn answered(device: &Keyed, challenge: [u8; 32]) -> String {
    let signature = keys::unbase64(device_sign_in("alice", device, challenge)["signature"].as_str().unwrap());
    keys::base64(&[challenge.as_slice(), &signature].concat())
}

#[tokio::test]
async fn a_device_comes_back_by_its_key_and_hears_what_it_answered_last() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let mut line = alice.person.online().await;
    let first = challenge(server.api, "alice", json!({"device": alice.key.device_id})).await;
    let answer = server.api.json("POST", PATH, None, &device_sign_in("alice", &alice.key, first)).await.ok();
    assert_eq!(answer["device_id"], alice.person.device);
    assert_eq!((&answer["answered"], &answer["waiting"]), (&Value::Null, &Value::Null));
    assert_eq!(answer["user"]["public_key"], alice.identity.public());
    assert_eq!(line.closed().await, 4001, "the session before has ended");
    alice.person.get("/api/v1/users/me").await.is("unauthorized");
    let second = challenge(server.api, "alice", json!({"device": alice.key.device_id})).await;
    assert_ne!(first, second);
    let answer = server.api.json("POST", PATH, None, &device_sign_in("alice", &alice.key, second)).await.ok();
    assert_eq!(answer["answered"], json!([answered(&alice.key, first)]));
    // A copy of the device signs in; the device itself then sees a challenge that it did not answer.
    let copy = by_device_key(server.api, "alice", &alice.key).await.ok();
    assert_eq!(copy["answered"][1], answered(&alice.key, second));
    let original = by_device_key(server.api, "alice", &alice.key).await.ok();
    let named = original["answered"].as_array().unwrap();
    assert_eq!((named.len(), &named[1]), (3, &json!(answered(&alice.key, second))));
    // An answer that was lost takes nothing away.
    let again = by_device_key(server.api, "alice", &alice.key).await.ok();
    assert_eq!(again["answered"][2], named[2]);
    for _ in 0..16 {
        by_device_key(server.api, "alice", &alice.key).await.ok();
    }
    let last = by_device_key(server.api, "alice", &alice.key).await.ok();
    assert_eq!(last["answered"].as_array().unwrap().len(), 16);
}

/// Contacts see the public key in every leaf, and the administrator knows the access key.
#[tokio::test]
async fn who_has_shown_their_key_is_not_taken_over_by_the_access_key() {
    let server = TestServer::start().await;
    let (key, alice) = device(&server, "alice", 11).await;
    let body = json!({"user_id": "alice", "access_key": alice.access_key, "device_public_key": key.public()});
    let take_over = || server.api.json("POST", "/api/v1/auth/login", None, &body);
    assert_eq!(take_over().await.ok()["device_id"], alice.device, "the answer to the first login may have been lost");
    by_device_key(server.api, "alice", &key).await.ok();
    take_over().await.is("signature_required");
}

#[tokio::test]
async fn an_answer_is_good_once_for_one_device_and_a_minute() {
    let server = TestServer::with(|config| config.limits.max_wrong_keys = 0).await;
    let alice = Owner::new(&server, "alice").await;
    let bob = Owner::new(&server, "bob").await;
    let (device_id, api) = (&alice.key.device_id, server.api);
    let post = async |body: &Value| api.json("POST", PATH, None, body).await;

    let mine = challenge(api, "alice", json!({"device": device_id})).await;
    let signed = device_sign_in("alice", &alice.key, mine);
    post(&signed).await.ok();
    post(&signed).await.is("stale_challenge");

    // Made for another user, another device, another purpose.
    for (user, purpose) in [
        ("bob", json!({"device": bob.key.device_id})),
        ("bob", json!({"device": device_id})),
        ("alice", json!({"device": bob.key.device_id})),
        ("alice", json!({"recovery": device_id})),
        ("alice", json!({"identity": "set_access_key"})),
    ] {
        let others = challenge(api, user, purpose.clone()).await;
        let body = device_sign_in("alice", &alice.key, others);
        assert_eq!(post(&body).await.is("stale_challenge")["status"], 409, "{user} {purpose}");
    }
    // Made by nobody.
    post(&device_sign_in("alice", &alice.key, [7; 32])).await.is("stale_challenge");

    let late = challenge(api, "alice", json!({"device": device_id})).await;
    server.clock.advance(59);
    post(&device_sign_in("alice", &alice.key, late)).await.ok();
    let too_late = challenge(api, "alice", json!({"device": device_id})).await;
    server.clock.advance(60);
    post(&device_sign_in("alice", &alice.key, too_late)).await.is("stale_challenge");

    // Signed by another key, for the recovery words, for another user; too short.
    let fresh = challenge(api, "alice", json!({"device": device_id})).await;
    let thief = Keyed::new(device_id.as_str(), 99);
    post(&device_sign_in("alice", &thief, fresh)).await.is("invalid_credentials");
    let mut for_another = device_sign_in("bob", &alice.key, fresh);
    for_another["user_id"] = json!("alice");
    post(&for_another).await.is("invalid_credentials");
    let mut for_words = device_sign_in("alice", &alice.key, fresh);
    for_words["signature"] = recovery_sign_in(&alice.identity, &alice.key, fresh)["signature"].clone();
    post(&for_words).await.is("invalid_credentials");
    for (field, value) in [("challenge", "AAAA"), ("signature", "AAAA"), ("signature", "%")] {
        let mut body = device_sign_in("alice", &alice.key, fresh);
        body[field] = json!(value);
        post(&body).await.is("invalid_request");
    }
    // What was tried in vain has not used it up.
    post(&device_sign_in("alice", &alice.key, fresh)).await.ok();
}

#[tokio::test]
async fn strangers_see_no_difference_between_who_exists_and_who_does_not() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let mut seen = Vec::new();
    for (user, device_id) in
        [("alice", alice.person.device.as_str()), ("alice", "nodevice"), ("nobody", "nodevice"), ("nobody", "another")]
    {
        let mut answers = Vec::new();
        for _ in 0..14 {
            let key = Keyed::new(device_id, 99);
            let challenge = challenge(server.api, user, json!({"device": device_id})).await;
            let answer = server.api.json("POST", PATH, None, &device_sign_in(user, &key, challenge)).await;
            answers.push((answer.status, answer.json()));
        }
        seen.push(answers);
        server.clock.advance(24 * 3600);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}

#[tokio::test]
async fn who_is_revoked_or_signs_in_too_often_is_told() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    for _ in 0..32 {
        by_device_key(server.api, "alice", &alice.key).await.ok();
    }
    let refused = by_device_key(server.api, "alice", &alice.key).await.is("rate_limited");
    assert_eq!(refused["retry_after_ms"], 60_000);
    server.clock.advance(60);
    by_device_key(server.api, "alice", &alice.key).await.ok();
    let body = json!({"admin_key": crate::support::ADMIN_KEY});
    server.api.json("POST", "/api/v1/admin/users/alice/deactivate", None, &body).await.ok();
    by_device_key(server.api, "alice", &alice.key).await.is("account_revoked");
    server.api.json("POST", "/api/v1/admin/users/alice/reactivate", None, &body).await.ok();
    // However many wrong keys were tried: its own is known, and a device that is told to wait would wait for ever.
    for _ in 0..12 {
        let guess = json!({"user_id": "alice", "access_key": "guess"});
        assert_ne!(server.api.json("POST", "/api/v1/auth/login", None, &guess).await.status, 200);
    }
    let told = by_device_key(server.api, "alice", &alice.key).await.is("device_removed");
    assert_eq!(told["reason"], "administrator");
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    assert_eq!(waiting.get("/api/v1/users/me").await.ok()["waiting"], true);
}

/// The access key and what every list shows are not enough to go on as a device (M11).
#[tokio::test]
async fn nobody_becomes_a_listed_device_without_its_key() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let mut line = alice.person.online().await;
    let login = |key: &Keyed| json!({"user_id": "alice", "access_key": alice.person.access_key, "device_public_key": key.public()});
    let refused = server.api.json("POST", "/api/v1/auth/login", None, &login(&alice.key)).await;
    refused.is("signature_required");
    line.is_quiet().await;
    alice.person.get("/api/v1/users/me").await.ok();
    // One that waits may ask again.
    let (key, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let again = person(server.api, &server.api.json("POST", "/api/v1/auth/login", None, &login(&key)).await);
    assert_eq!(again.device, waiting.device);
    waiting.get("/api/v1/users/me").await.is("unauthorized");
}

/// An account without a list has the old way, and this one as well.
#[tokio::test]
async fn an_account_without_a_list_signs_in_by_device_key_too() {
    let server = TestServer::start().await;
    let (key, _) = device(&server, "alice", 11).await;
    let answer = by_device_key(server.api, "alice", &key).await;
    assert_eq!(answer.ok()["waiting"], Value::Null);
    person(server.api, &answer).online().await;
    // A device key that is no Ed25519 key signs nothing.
    let access_key = server.api.create_user("bob").await;
    let bob = server.api.login("bob", &access_key, Some("some text")).await;
    let key = Keyed::new(&bob.device, 12);
    by_device_key(server.api, "bob", &key).await.is("invalid_credentials");
}

#[tokio::test]
async fn challenges_survive_no_restart() {
    let mut server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let before = challenge(server.api, "alice", json!({"device": alice.key.device_id})).await;
    server.restart().await;
    let body = device_sign_in("alice", &alice.key, before);
    server.api.json("POST", PATH, None, &body).await.is("stale_challenge");
    by_device_key(server.api, "alice", &alice.key).await.ok();
}

/// A thief of a token renewed it for ever, and nobody noticed: a device that has a key to show renews nothing by a token.
#[tokio::test]
async fn a_token_is_not_renewed_by_itself() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let refresh = async |who: &Person| who.post("/api/v1/auth/refresh", Value::Null).await;
    refresh(&alice.person).await.is("signature_required");
    let copied = alice.person.clone();
    alice.person = person(server.api, &by_device_key(server.api, "alice", &alice.key).await);
    copied.get("/api/v1/users/me").await.is("unauthorized");
    refresh(&alice.person).await.is("signature_required");
    // Without a list as well, once the key has been shown.
    let (key, bob) = device(&server, "bob", 21).await;
    let bob = Person { token: refresh(&bob).await.ok()["token"].as_str().unwrap().to_owned(), ..bob };
    bob.get("/api/v1/users/me").await.ok();
    let bob = person(server.api, &by_device_key(server.api, "bob", &key).await);
    refresh(&bob).await.is("signature_required");
}
