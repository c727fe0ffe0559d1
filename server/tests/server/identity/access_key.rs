//! Changing the access key (N7).

use privmsg_mls_public::IdentityAction;
use serde_json::{Value, json};

use super::{Owner, account_notices, by_access_key, by_device_key, challenge, keys, person, put};
use crate::support::{ADMIN_KEY, Person, TestServer};

const PATH: &str = "/api/v1/users/me/access-key";

fn key(letter: &str) -> String {
    format!("{}A", letter.repeat(42))
}

async fn signed(alice: &Owner, who: &Person, action: IdentityAction, purpose: &str, key: &str) -> Value {
    let challenge = challenge(who.api, "alice", json!({"identity": purpose})).await;
    let signature = alice.identity.asks(action, challenge, key.as_bytes());
    json!({"access_key": key, "challenge": keys::base64(&challenge), "signature": signature})
}

async fn logs_in(who: &Person, access_key: &str) -> bool {
    let body = json!({"user_id": "alice", "access_key": access_key});
    who.api.json("POST", "/api/v1/auth/login", None, &body).await.status == 200
}

#[tokio::test]
async fn it_takes_the_present_one_and_leaves_sessions_alone() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (old, new) = (alice.person.access_key.clone(), key("B"));
    let invited = json!({"admin_key": ADMIN_KEY, "server_url": "https://example.org"});
    server.api.json("POST", "/api/v1/admin/users/alice/invitation", None, &invited).await.ok();
    put(&alice.person, PATH, &json!({"access_key": new, "present_access_key": new})).await.is("invalid_credentials");
    put(&alice.person, PATH, &json!({"access_key": "short", "present_access_key": old})).await.is("invalid_request");
    put(&alice.person, PATH, &json!({"access_key": new})).await.is("invalid_request");
    assert!(logs_in(&alice.person, &old).await);
    put(&alice.person, PATH, &json!({"access_key": new, "present_access_key": old})).await.ok();
    assert!(!logs_in(&alice.person, &old).await && logs_in(&alice.person, &new).await);
    alice.person.connect().await;
    let shown = server.api.json("GET", "/api/v1/admin/users/alice", None, &json!({"admin_key": ADMIN_KEY})).await.ok();
    assert_eq!(shown["invitation_expires_at"], Value::Null, "an invitation would set yet another one");
    let log = server.api.json("GET", "/api/v1/admin/audit", None, &json!({"admin_key": ADMIN_KEY})).await.ok();
    let entry = &log["entries"][0];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("set_access_key"), &json!("server")));
    assert_eq!((&entry["user_id"], &entry["detail"]), (&json!("alice"), &json!("by=access_key")));
    assert!(!log.to_string().contains(&new));
}

/// Somebody who knows the access key has changed it; who has the identity takes that back.
#[tokio::test]
async fn the_identity_undoes_what_the_access_key_did() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = super::Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let (old, thiefs, new) = (alice.person.access_key.clone(), key("C"), key("D"));
    put(&second, PATH, &json!({"access_key": thiefs, "present_access_key": old})).await.ok();
    assert_eq!(account_notices(&alice.person).await, 1, "the other devices are told");
    let body = signed(&alice, &alice.person, IdentityAction::SetAccessKey, "set_access_key", &new).await;
    put(&alice.person, PATH, &body).await.ok();
    assert!(!logs_in(&second, &thiefs).await && logs_in(&second, &new).await);
    // Once.
    put(&alice.person, PATH, &body).await.is("stale_challenge");
}

/// Each change is written down for good. A thief's device makes so many and no more, and takes none of them from the owner's.
#[tokio::test]
async fn a_device_changes_the_account_so_often() {
    let server = TestServer::with(|config| config.limits.rate_limit_account_changes_per_hour = 5).await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = super::Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let thief = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let mut present = alice.person.access_key.clone();
    for letter in ["B", "C", "D", "E"] {
        put(&thief, PATH, &json!({"access_key": key(letter), "present_access_key": present})).await.ok();
        present = key(letter);
    }
    thief
        .api
        .json("PUT", "/api/v1/users/me/blocks/alice", Some(&thief.token), &Value::Null)
        .await
        .is("invalid_request");
    let more = json!({"access_key": key("F"), "present_access_key": present});
    put(&thief, PATH, &more).await.is("rate_limited");
    let sealed = json!({
        "backup": keys::base64(b"another"), "recovery_key": alice.identity.recovery_key(),
        "challenge": keys::base64(&[0; 32]), "signature": keys::base64(&[0; 64]),
    });
    put(&thief, "/api/v1/users/me/backup", &sealed).await.is("rate_limited");
    thief.api.json("PUT", "/api/v1/users/me/blocks/alice", Some(&thief.token), &Value::Null).await.is("rate_limited");
    let list = alice.identity.list(3, &[&alice.key]);
    super::put_list(&thief, &list, Some(&super::etag(&alice.list)), json!([])).await.is("rate_limited");
    alice.publishes(list, json!([])).await;
    put(&alice.person, PATH, &more).await.ok();
}

#[tokio::test]
async fn the_signature_is_over_this_request() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let bob = Owner::new(&server, "bob").await;
    let new = key("D");
    let mut other_key = signed(&alice, &alice.person, IdentityAction::SetAccessKey, "set_access_key", &new).await;
    other_key["access_key"] = json!(key("E"));
    put(&alice.person, PATH, &other_key).await.is("invalid_signature");
    let action = signed(&alice, &alice.person, IdentityAction::SealIdentity, "set_access_key", &new).await;
    put(&alice.person, PATH, &action).await.is("invalid_signature");
    let purpose = signed(&alice, &alice.person, IdentityAction::SetAccessKey, "seal_identity", &new).await;
    put(&alice.person, PATH, &purpose).await.is("stale_challenge");
    let hers = signed(&alice, &alice.person, IdentityAction::SetAccessKey, "set_access_key", &new).await;
    put(&bob.person, PATH, &hers).await.is("stale_challenge");
    let bobs_signature = bob.identity.asks(
        IdentityAction::SetAccessKey,
        keys::unbase64(hers["challenge"].as_str().unwrap()).try_into().unwrap(),
        new.as_bytes(),
    );
    let mut forged = hers.clone();
    forged["signature"] = json!(bobs_signature);
    put(&alice.person, PATH, &forged).await.is("invalid_signature");
    let mut both = hers.clone();
    both["present_access_key"] = json!(alice.person.access_key);
    put(&alice.person, PATH, &both).await.is("invalid_request");
    put(&alice.person, PATH, &hers).await.ok();
}

/// Whoever knows the access key, and nothing else, does not lock the owner out.
#[tokio::test]
async fn a_session_that_waits_changes_no_key_and_guesses_are_slowed_down() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let body = json!({"access_key": key("E"), "present_access_key": alice.person.access_key});
    put(&waiting, PATH, &body).await.is("device_not_listed");
    let guess = json!({"access_key": key("E"), "present_access_key": key("F")});
    for _ in 0..10 {
        put(&alice.person, PATH, &guess).await.is("invalid_credentials");
    }
    put(&alice.person, PATH, &guess).await.is("too_many_wrong_keys");
    // An account without identity has no other way.
    let bob = server.user("bob").await;
    let body = json!({"access_key": key("E"), "present_access_key": bob.access_key});
    put(&bob, PATH, &body).await.ok();
    let nothing =
        json!({"access_key": key("E"), "challenge": keys::base64(&[0; 32]), "signature": keys::base64(&[0; 64])});
    put(&bob, PATH, &nothing).await.is("no_device_list");
}
