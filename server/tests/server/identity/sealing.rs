//! The sealed identity (N2).

use privmsg_mls_public::IdentityAction;
use serde_json::{Value, json};

use super::{Identity, Keyed, Owner, by_access_key, by_words, challenge, keys, put};
use crate::support::{Api, TestServer};

const PATH: &str = "/api/v1/users/me/backup";

async fn sealed(api: Api, signer: &Identity, named: &Identity, bytes: &[u8]) -> Value {
    let challenge = challenge(api, signer.user_id.as_str(), json!({"identity": "seal_identity"})).await;
    let body = [bytes, &keys::unbase64(&named.recovery_key())].concat();
    json!({
        "backup": keys::base64(bytes), "recovery_key": named.recovery_key(), "challenge": keys::base64(&challenge),
        "signature": signer.asks(IdentityAction::SealIdentity, challenge, &body),
    })
}

#[tokio::test]
async fn only_the_identity_in_it_puts_another_in_its_place_and_the_last_are_kept() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (mut words, api) = (alice.identity.clone(), server.api);
    for n in 2..=5_u8 {
        words = alice.identity.under_words(n);
        let body = sealed(api, &alice.identity, &words, &[n]).await;
        put(&alice.person, PATH, &body).await.ok();
        put(&alice.person, PATH, &body).await.is("stale_challenge");
    }
    let kept = json!({"backup": keys::base64(&[5]), "earlier": [keys::base64(&[4]), keys::base64(&[3])]});
    assert_eq!(alice.person.get(PATH).await.ok(), kept);
    // The words that were are no words any more.
    let found = Keyed::new("found01234567890", 12);
    by_words(api, &alice.identity, &found).await.is("invalid_credentials");
    by_words(api, &words, &found).await.ok();
}

#[tokio::test]
async fn nothing_less_than_a_signature_over_both_parts_destroys_it() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (api, eve) = (server.api, Identity::new("alice", 9));
    let before = alice.person.get(PATH).await.ok();
    put(&alice.person, PATH, &json!({"backup": keys::base64(b"evil")})).await.is("malformed_request");
    let good = sealed(api, &alice.identity, &alice.identity, b"next").await;
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    for (body, code) in [
        (with("backup", json!(keys::base64(b"evil"))), "invalid_signature"),
        (with("recovery_key", json!(eve.recovery_key())), "invalid_signature"),
        (with("challenge", json!(keys::base64(&[0; 32]))), "stale_challenge"),
        (with("signature", Value::Null), "malformed_request"),
        (with("recovery_key", Value::Null), "malformed_request"),
        (with("backup", json!("")), "invalid_request"),
        (with("backup", json!("A".repeat(64 * 1024 + 4))), "invalid_request"),
    ] {
        put(&alice.person, PATH, &body).await.is(code);
    }
    let eves = sealed(api, &eve, &eve, b"evil").await;
    put(&alice.person, PATH, &eves).await.is("invalid_signature");
    let (_, waiting) = by_access_key(api, "alice", &alice.person.access_key, 12).await;
    put(&waiting, PATH, &good).await.is("device_not_listed");
    assert_eq!(alice.person.get(PATH).await.ok(), before);
    put(&alice.person, PATH, &good).await.ok();
}

/// An account without a device list has no identity that could sign.
#[tokio::test]
async fn nothing_is_sealed_before_there_is_an_identity() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    put(&alice, PATH, &json!({"backup": "b25l"})).await.is("malformed_request");
    let identity = Identity::new("alice", 1);
    put(&alice, PATH, &sealed(server.api, &identity, &identity, b"x").await).await.is("no_device_list");
    alice.get(PATH).await.is("no_backup");
}
