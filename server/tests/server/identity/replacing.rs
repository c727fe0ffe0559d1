//! Another identity in place of the present one (N7).

use privmsg_mls_public::{DeviceList, IdentityAction};
use serde_json::{Value, json};

use super::{
    Identity, Keyed, Owner, account_notices, by_access_key, by_device_key, by_words, challenge, delete, keys, person,
};
use crate::support::{Api, Person, TestServer, until};

const PATH: &str = "/api/v1/users/me/identity/replacement";

const DAY: i64 = 86_400;

/// The body of a replacement, with the access key that the person has signed in with.
fn replacing(who: &Person, new: &Identity, list: &DeviceList) -> Value {
    let mut body = new.beginning(list);
    body["access_key"] = json!(who.access_key);
    body
}

async fn ended(api: Api, signer: &Identity) -> Value {
    let challenge = challenge(api, signer.user_id.as_str(), json!({"identity": "end_replacement"})).await;
    let signature = signer.asks(IdentityAction::EndReplacement, challenge, b"");
    json!({"challenge": keys::base64(&challenge), "signature": signature})
}

/// The words are lost, and so are the devices; the access key is there.
#[tokio::test]
async fn it_takes_effect_after_three_days_in_which_everybody_knows() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (key, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let new = Identity::new("alice", 2);
    let list = new.list(1, &[&key]);
    let begun = waiting.post(PATH, replacing(&waiting, &new, &list)).await.ok();
    let expected = json!({
        "public_key": new.public(), "device_id": waiting.device, "takes_effect_at": server.clock.now() + 3 * DAY,
    });
    assert_eq!(begun, expected);
    for who in [&waiting, &alice.person] {
        assert_eq!(who.get("/api/v1/users/me").await.ok()["identity_replacement"], expected);
    }
    assert_eq!(account_notices(&alice.person).await, 1);
    // The same again is a lost answer, and does not put it off; another one has to wait.
    server.clock.advance(DAY);
    assert_eq!(waiting.post(PATH, replacing(&waiting, &new, &list)).await.ok(), expected);
    let third = Identity::new("alice", 3);
    waiting.post(PATH, replacing(&waiting, &third, &third.list(1, &[&key]))).await.is("replacement_pending");
    // Until then everything is as it was.
    waiting.get("/api/v1/groups").await.is("device_not_listed");
    server.clock.advance(2 * DAY - 60);
    server.upkeep_looks().await;
    let mut line = alice.person.connect().await;
    assert_eq!(line.message().await.message_type.as_str(), "account_sync");
    server.clock.advance(60);
    until("the replacement takes effect", async || waiting.get("/api/v1/groups").await.status == 200).await;
    assert_eq!(line.closed().await, 4001);
    alice.person.get("/api/v1/users/me").await.is("unauthorized");
    let told = by_device_key(server.api, "alice", &alice.key).await.is("device_removed");
    assert_eq!(told["reason"], "identity_replaced");
    let own = waiting.get("/api/v1/users/me").await.ok();
    assert_eq!((&own["public_key"], &own["identity_replacement"]), (&json!(new.public()), &Value::Null));
    assert_eq!(waiting.get("/api/v1/users/me/backup").await.ok(), json!({"backup": keys::base64(b"sealed")}));
    // Old words, old lists and the old identity are worth nothing.
    by_words(server.api, &alice.identity, &Keyed::new("found01234567890", 13)).await.is("invalid_credentials");
    by_words(server.api, &new, &Keyed::new("found01234567890", 13)).await.ok();
    let old = alice.identity.in_generation(5).list(1, &[&key]);
    super::put_list(&waiting, &old, Some(&super::etag(&list)), json!([])).await.is("other_identity");
    delete(&waiting, PATH, &ended(server.api, &alice.identity).await).await.is("invalid_signature");
}

/// A thief of the access key has begun it.
#[tokio::test]
async fn who_has_the_present_identity_ends_it() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (key, thief) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let evil = Identity::new("alice", 2);
    delete(&alice.person, PATH, &ended(server.api, &alice.identity).await).await.is("no_replacement");
    thief.post(PATH, replacing(&thief, &evil, &evil.list(1, &[&key]))).await.ok();
    delete(&alice.person, PATH, &json!({})).await.is("malformed_request");
    delete(&thief, PATH, &ended(server.api, &evil).await).await.is("invalid_signature");
    let of_another = {
        let challenge = challenge(server.api, "alice", json!({"identity": "end_replacement"})).await;
        let signature = alice.identity.asks(IdentityAction::SealIdentity, challenge, b"");
        json!({"challenge": keys::base64(&challenge), "signature": signature})
    };
    delete(&alice.person, PATH, &of_another).await.is("invalid_signature");
    let body = ended(server.api, &alice.identity).await;
    delete(&alice.person, PATH, &body).await.ok();
    delete(&alice.person, PATH, &body).await.is("stale_challenge");
    server.clock.advance(4 * DAY);
    server.upkeep_looks().await;
    let own = alice.person.get("/api/v1/users/me").await.ok();
    assert_eq!((&own["public_key"], &own["identity_replacement"]), (&json!(alice.identity.public()), &Value::Null));
    alice.person.connect().await;
}

/// Who sets another access key by the identity has noticed the thief of the one before, and need not know what else there is.
#[tokio::test]
async fn another_access_key_by_the_identity_ends_it() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (key, thief) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let evil = Identity::new("alice", 2);
    thief.post(PATH, replacing(&thief, &evil, &evil.list(1, &[&key]))).await.ok();
    let new = format!("{}A", "B".repeat(42));
    let challenge = challenge(server.api, "alice", json!({"identity": "set_access_key"})).await;
    let signature = alice.identity.asks(IdentityAction::SetAccessKey, challenge, new.as_bytes());
    let body = json!({"access_key": new, "challenge": keys::base64(&challenge), "signature": signature});
    super::put(&alice.person, "/api/v1/users/me/access-key", &body).await.ok();
    assert_eq!(alice.person.get("/api/v1/users/me").await.ok()["identity_replacement"], Value::Null);
    server.clock.advance(4 * DAY);
    server.upkeep_looks().await;
    alice.person.connect().await;
    thief.get("/api/v1/groups").await.is("device_not_listed");
}

/// The server was off when the three days were over: nobody could have ended it.
#[tokio::test]
async fn an_outage_gives_another_day() {
    let mut server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let (key, thief) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let evil = Identity::new("alice", 2);
    thief.post(PATH, replacing(&thief, &evil, &evil.list(1, &[&key]))).await.ok();
    let now = server.clock.now();
    server.stop().await;
    server.clock.advance(5 * DAY);
    server.restart().await;
    alice.person.api = server.api;
    server.upkeep_looks().await;
    server.upkeep_looks().await;
    let own = alice.person.get("/api/v1/users/me").await.ok();
    assert_eq!(own["identity_replacement"]["takes_effect_at"], now + 6 * DAY);
    // One that falls due while the server runs waits for nothing more.
    server.restart().await;
    alice.person.api = server.api;
    server.upkeep_looks().await;
    server.clock.advance(DAY);
    until("it takes effect", async || alice.person.get("/api/v1/users/me").await.status == 401).await;
}

/// A thief's device, which stands in the list, cannot end the owner's replacement by signing the device out that began
/// it.
#[tokio::test]
async fn signing_out_who_has_begun_it_does_not_end_it() {
    let server = TestServer::start().await;
    let stolen = Owner::new(&server, "alice").await;
    let (key, owner) = by_access_key(server.api, "alice", &stolen.person.access_key, 12).await;
    let new = Identity::new("alice", 2);
    owner.post(PATH, replacing(&owner, &new, &new.list(1, &[&key]))).await.ok();
    stolen.person.delete(&format!("/api/v1/users/me/devices/{}", owner.device)).await.ok();
    assert_eq!(stolen.person.get("/api/v1/users/me").await.ok()["identity_replacement"]["device_id"], owner.device);
    server.clock.advance(3 * DAY);
    until("the stolen device is out", async || stolen.person.get("/api/v1/users/me").await.status == 401).await;
    let found = Keyed::new("found01234567890", 13);
    let again = person(server.api, &by_words(server.api, &new, &found).await);
    let later = new.in_generation(2).list(1, &[&found]);
    let present = new.list(1, &[&key]);
    super::put_list(&again, &later, Some(&super::etag(&present)), json!([])).await.ok();
    again.online().await;
}

/// A device that is in both lists goes on.
#[tokio::test]
async fn an_orderly_replacement_keeps_devices() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let new = Identity::new("alice", 2);
    alice.person.post(PATH, replacing(&alice.person, &new, &new.list(1, &[&alice.key]))).await.ok();
    server.clock.advance(3 * DAY);
    let is_new = async || alice.person.get("/api/v1/users/me").await.ok()["public_key"] == new.public();
    until("it is another identity", is_new).await;
    alice.person.connect().await;
}

/// A device, listed or left out, is not an access key.
#[tokio::test]
async fn nobody_begins_it_without_the_access_key() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let stolen = Keyed::new("stolen0123456789", 12);
    alice.lets_in(&stolen).await;
    let thief = person(server.api, &by_device_key(server.api, "alice", &stolen).await);
    let evil = Identity::new("alice", 2);
    let list = evil.list(1, &[&stolen]);
    let mut body = evil.beginning(&list);
    thief.post(PATH, body.clone()).await.is("malformed_request");
    body["access_key"] = json!("a guess");
    thief.post(PATH, body.clone()).await.is("invalid_credentials");
    // Left out by a new generation, it waits, and begins nothing either.
    let later = alice.identity.in_generation(2).list(1, &[&alice.key]);
    alice.publishes(later, json!([])).await;
    for _ in 0..9 {
        thief.post(PATH, body.clone()).await.is("invalid_credentials");
    }
    thief.post(PATH, body).await.is("too_many_wrong_keys");
    assert_eq!(alice.person.get("/api/v1/users/me").await.ok()["identity_replacement"], Value::Null);
}

/// The administrator knows whom they talk to.
#[tokio::test]
async fn the_administrator_ends_it_or_lets_it_pass() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let (key, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let (new, admin) = (Identity::new("alice", 2), json!({"admin_key": crate::support::ADMIN_KEY}));
    let path = "/api/v1/admin/users/alice/identity-replacement";
    let ask = async |method: &str, path: &str| server.api.json(method, path, None, &admin).await;
    ask("DELETE", path).await.is("no_replacement");
    ask("POST", path).await.is("no_replacement");
    ask("POST", "/api/v1/admin/users/nobody/identity-replacement").await.is("unknown_user");
    waiting.post(PATH, replacing(&waiting, &new, &new.list(1, &[&key]))).await.ok();
    let shown = ask("GET", "/api/v1/admin/users/alice").await.ok();
    assert_eq!(shown["identity_replacement"]["public_key"], new.public());
    ask("DELETE", path).await.ok();
    assert_eq!(alice.person.get("/api/v1/users/me").await.ok()["identity_replacement"], Value::Null);
    waiting.post(PATH, replacing(&waiting, &new, &new.list(1, &[&key]))).await.ok();
    let mut line = alice.person.connect().await;
    ask("POST", path).await.ok();
    assert_eq!(line.closed().await, 4001);
    alice.person.get("/api/v1/users/me").await.is("unauthorized");
    waiting.connect().await;
    let log = ask("GET", "/api/v1/admin/audit?limit=3").await.ok();
    let actions: Vec<_> = log["entries"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions, ["pass_replacement", "begin_replacement", "end_replacement"]);
}

#[tokio::test]
async fn there_must_be_something_to_replace_and_it_must_be_another() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let same = alice.identity.in_generation(2);
    alice.person.post(PATH, replacing(&alice.person, &same, &same.list(1, &[&alice.key]))).await.is("identity_exists");
    let new = Identity::new("alice", 2);
    alice.person.post(PATH, replacing(&alice.person, &new, &new.list(1, &[]))).await.is("invalid_request");
    let ahead = new.in_generation(server.clock.now().unsigned_abs() + 86_401);
    alice.person.post(PATH, replacing(&alice.person, &ahead, &ahead.list(1, &[&alice.key]))).await.is("list_ahead");
    let (key, bob) = super::device(&server, "bob", 11).await;
    let bobs = Identity::new("bob", 2);
    bob.post(PATH, replacing(&bob, &bobs, &bobs.list(1, &[&key]))).await.is("no_device_list");
    delete(&bob, PATH, &ended(server.api, &bobs).await).await.is("no_device_list");
}
