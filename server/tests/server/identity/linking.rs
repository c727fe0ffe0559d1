//! A present device lets a new one in (N4b).

use privmsg_mls_public::{LinkReply, NewDevice};
use serde_json::{Value, json};

use super::{Keyed, Owner, by_access_key, by_device_key, enrolment, keys, person};
use crate::support::TestServer;

#[tokio::test]
async fn a_new_device_comes_in_without_an_access_key_and_knows_its_account() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let (laptop, secret) = (Keyed::new("laptop0123456789", 12), [5; 32]);
    let shown = NewDevice {
        user_id: "alice".parse().unwrap(),
        device_id: laptop.device_id.clone(),
        device_key: laptop.public().parse().unwrap(),
    };
    let list = alice.identity.list(2, &[&alice.key, &laptop]);
    let reply =
        LinkReply::new(&secret, &shown, alice.identity.certifies(&laptop), list.clone(), b"sealed".to_vec()).unwrap();
    let mut enrolment = enrolment(&laptop);
    enrolment["link_reply"] = json!(keys::base64(&reply.encode()));
    alice.publishes(list, json!([enrolment])).await;
    let new = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let answer = new.get("/api/v1/users/me/link-reply").await.ok();
    let bytes = keys::unbase64(answer["link_reply"].as_str().unwrap());
    assert_eq!(LinkReply::decode(&bytes, &secret, &shown).unwrap(), reply);
    new.online().await;
    alice.person.get("/api/v1/users/me/link-reply").await.is("no_link_reply");
}

/// It asks every few seconds whether it has been let in: that kept everybody at its address from being heard.
#[tokio::test]
async fn a_device_that_is_not_known_yet_has_no_wrong_key() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    for _ in 0..30 {
        by_device_key(server.api, "alice", &laptop).await.is("invalid_credentials");
        by_device_key(server.api, "nobody", &laptop).await.is("invalid_credentials");
    }
    let wrong = json!({"user_id": "alice", "access_key": "wrong"});
    server.api.json("POST", "/api/v1/auth/login", None, &wrong).await.is("invalid_credentials");
    alice.lets_in(&laptop).await;
    by_device_key(server.api, "alice", &laptop).await.ok();
    // Nor is one of a device that is known, or strangers would learn which are.
    for _ in 0..30 {
        by_device_key(server.api, "alice", &Keyed::new("laptop0123456789", 13)).await.is("invalid_credentials");
    }
}

/// The device has signed in by the access key and waits; it is let in as it is.
#[tokio::test]
async fn a_device_that_waits_is_let_in() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let (key, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    waiting.get("/api/v1/groups").await.is("device_not_listed");
    let shown = alice.person.get("/api/v1/users/me/devices").await.ok();
    assert_eq!((&shown["devices"][0]["waiting"], &shown["devices"][1]["waiting"]), (&Value::Null, &json!(true)));
    alice.lets_in(&key).await;
    waiting.get("/api/v1/groups").await.ok();
    assert_eq!(waiting.get("/api/v1/users/me").await.ok()["waiting"], Value::Null);
    assert_eq!(waiting.get("/api/v1/users/me/link-reply").await.ok(), json!({"link_reply": "cmVwbHk="}));
    waiting.online().await;
}

/// A device with the listed name and another key is not the one that was let in.
#[tokio::test]
async fn the_server_lets_in_by_name_and_key() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 12).await;
    let imposter = Keyed::new(&waiting.device, 13);
    let list = alice.identity.list(2, &[&alice.key, &imposter]);
    let answer = super::put_list(&alice.person, &list, Some(&super::etag(&alice.list)), json!([])).await;
    answer.is("device_exists");
    waiting.get("/api/v1/groups").await.is("device_not_listed");
    alice.lets_in(&Keyed::new("laptop0123456789", 14)).await;
}
