//! Device lists: who may publish them, and what they do.

use serde_json::{Value, json};

use super::{Identity, Keyed, Owner, account_notices, by_access_key, by_device_key, devices, enrolment, etag, person};
use super::{device, put_bytes, put_list};
use crate::support::{ADMIN_KEY, TestServer};

#[tokio::test]
async fn a_list_is_taken_in_place_of_the_one_that_it_names() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let second = alice.identity.list(2, &[&alice.key]);
    let tag = etag(&alice.list);
    put_list(&alice.person, &second, None, json!([])).await.is("precondition_required");
    put_list(&alice.person, &second, Some("\"0\""), json!([])).await.is("malformed_request");
    put_list(&alice.person, &second, Some("*"), json!([])).await.is("malformed_request");
    put_list(&alice.person, &second, Some(&etag(&second)), json!([])).await.is("list_changed");
    let answer = put_list(&alice.person, &second, Some(&tag), json!([])).await;
    assert_eq!((answer.status, answer.header("etag")), (204, Some(etag(&second))));
    // The answer was lost.
    put_list(&alice.person, &second, Some(&tag), json!([])).await.ok();
    // Another device was faster.
    let third = alice.identity.list(3, &[&alice.key]);
    put_list(&alice.person, &third, Some(&tag), json!([])).await.is("list_changed");
    alice.list = second;
    alice.publishes(third, json!([])).await;
    let lower = alice.identity.list(2, &[&alice.key]);
    put_list(&alice.person, &lower, Some(&etag(&alice.list)), json!([])).await.is("list_not_newer");
    let now = server.clock.now().unsigned_abs();
    let ahead = alice.identity.list(now + 86_401, &[&alice.key]);
    put_list(&alice.person, &ahead, Some(&etag(&alice.list)), json!([])).await.is("list_ahead");
    let as_late_as_can_be = alice.identity.list(now + 86_400, &[&alice.key]);
    alice.publishes(as_late_as_can_be, json!([])).await;
}

#[tokio::test]
async fn nobody_else_publishes_a_list_for_an_account() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let bob = Owner::new(&server, "bob").await;
    let next = alice.identity.list(2, &[&alice.key]);
    put_list(&bob.person, &next, Some(&etag(&bob.list)), json!([])).await.is("invalid_statement");
    let without_list = server.user("carol").await;
    put_list(&without_list, &next, Some(&etag(&alice.list)), json!([])).await.is("invalid_statement");
    let carols = Identity::new("carol", 3);
    let hers = carols.list(1, &[&Keyed::new(&without_list.device, 12)]);
    put_list(&without_list, &hers, Some(&etag(&hers)), json!([])).await.is("no_device_list");
    // By another identity, in whichever generation.
    let other = Identity::new("alice", 2).in_generation(2);
    let others = other.list(2, &[&alice.key]);
    put_list(&alice.person, &others, Some(&etag(&alice.list)), json!([])).await.is("other_identity");
}

#[tokio::test]
async fn devices_are_let_in_and_signed_out_by_lists() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    by_device_key(server.api, "alice", &laptop).await.is("invalid_credentials");
    alice.lets_in(&laptop).await;
    assert_eq!(account_notices(&alice.person).await, 0, "who did it knows");
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let mut line = second.online().await;
    assert_eq!(devices(&second).await, [alice.person.device.as_str(), "laptop0123456789"]);
    let shown = alice.person.get("/api/v1/users/me/devices").await.ok()["devices"][1].clone();
    assert_eq!((&shown["device_name"], &shown["device_type"]), (&json!("a new one"), &json!("cli")));

    // A third one: the second is told, also who did it is not.
    let tablet = Keyed::new("tablet0123456789", 13);
    let three = alice.identity.list(3, &[&alice.key, &laptop, &tablet]);
    alice.publishes(three, json!([enrolment(&tablet)])).await;
    assert_eq!(line.message().await.message_type.as_str(), "account_sync");

    // Signed out by the next list: its sockets, its token, its mailbox, its key.
    let two = alice.identity.list(4, &[&alice.key, &tablet]);
    alice.publishes(two, json!([])).await;
    assert_eq!(line.closed().await, 4001);
    second.get("/api/v1/users/me").await.is("unauthorized");
    let told = by_device_key(server.api, "alice", &laptop).await.is("device_removed");
    assert_eq!(told["device_id"], alice.person.device.as_str(), "by whom");
    // Nobody but who has its key is told that.
    let guess = Keyed::new("laptop0123456789", 99);
    by_device_key(server.api, "alice", &guess).await.is("invalid_credentials");
    // Nor as a new device, nor by another list, nor under another name.
    let renamed = Keyed::new("renamed012345678", 12);
    for (counter, again) in [(5, &laptop), (6, &renamed)] {
        let list = alice.identity.list(counter, &[&alice.key, &tablet, again]);
        put_list(&alice.person, &list, Some(&etag(&alice.list)), json!([])).await.is("device_removed");
    }
    let login =
        json!({"user_id": "alice", "access_key": alice.person.access_key, "device_public_key": laptop.public()});
    server.api.json("POST", "/api/v1/auth/login", None, &login).await.is("device_removed");
    // But with another key.
    let fresh = Keyed::new("fresh01234567890", 14);
    let list = alice.identity.list(7, &[&alice.key, &tablet, &fresh]);
    alice.publishes(list, json!([enrolment(&fresh)])).await;
    by_device_key(server.api, "alice", &fresh).await.ok();
}

#[tokio::test]
async fn a_device_signs_itself_out_by_a_list_and_no_generation_begins_without_its_device() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let later = alice.identity.in_generation(2).list(1, &[&alice.key]);
    put_list(&second, &later, Some(&etag(&alice.list)), json!([])).await.is("invalid_request");
    let without = alice.identity.list(3, &[&alice.key]);
    put_list(&second, &without, Some(&etag(&alice.list)), json!([])).await.ok();
    second.get("/api/v1/users/me").await.is("unauthorized");
    alice.person.get("/api/v1/users/me").await.ok();
}

/// A thief who has the signing key of one generation, and nothing of the identity.
#[tokio::test]
async fn a_new_generation_leaves_the_devices_out_that_are_not_in_it() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let stolen = Keyed::new("stolen0123456789", 12);
    alice.lets_in(&stolen).await;
    let thief = person(server.api, &by_device_key(server.api, "alice", &stolen).await);
    let mut line = thief.online().await;
    let old = alice.identity.clone();
    alice.identity = old.in_generation(2);
    let list = alice.identity.list(1, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    assert_eq!(line.closed().await, 4005);
    thief.get("/api/v1/messages/pending").await.is("device_not_listed");
    assert_eq!(thief.get("/api/v1/users/me").await.ok()["waiting"], true);
    // It still has its key, and waits with it.
    let answer = by_device_key(server.api, "alice", &stolen).await;
    assert_eq!(answer.ok()["waiting"], true);
    let thief = person(server.api, &answer);
    // The old signing key signs nothing any more, however high the counter.
    let counter = server.clock.now().unsigned_abs();
    let tag = etag(&alice.list);
    put_list(&thief, &old.list(counter, &[&stolen]), Some(&tag), json!([])).await.is("list_not_newer");
    // Nor does it sign for a generation that it sees.
    let (certificate, list) = (alice.identity.certificate(), old.list(counter, &[&stolen]));
    put_bytes(&thief, &certificate.encode(), &list.encode(), Some(&tag), json!([])).await.is("invalid_statement");
    let mut forged = alice.identity.list(counter, &[&stolen]).encode();
    let signature = forged.len() - 64;
    forged[signature..].copy_from_slice(&list.encode()[list.encode().len() - 64..]);
    put_bytes(&thief, &certificate.encode(), &forged, Some(&tag), json!([])).await.is("invalid_statement");
    // Let in again by the owner, it is a device again.
    let list = alice.identity.list(2, &[&alice.key, &stolen]);
    alice.publishes(list, json!([])).await;
    thief.get("/api/v1/messages/pending").await.ok();
    // And out for good.
    let list = alice.identity.list(3, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    by_device_key(server.api, "alice", &stolen).await.is("device_removed");
}

#[tokio::test]
async fn lists_of_a_generation_are_few_in_a_day_and_a_new_generation_has_its_own() {
    let server = TestServer::with(|config| config.limits.rate_limit_handshakes_per_minute = 0).await;
    let mut alice = Owner::new(&server, "alice").await;
    for counter in 2..=20 {
        let list = alice.identity.list(counter, &[&alice.key]);
        alice.publishes(list, json!([])).await;
    }
    let one_more = alice.identity.list(21, &[&alice.key]);
    put_list(&alice.person, &one_more, Some(&etag(&alice.list)), json!([])).await.is("too_many_lists");
    let generation = alice.identity.in_generation(2);
    let list = generation.list(1, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    server.clock.advance(86_400);
    let list = generation.list(2, &[&alice.key]);
    alice.publishes(list, json!([])).await;
}

#[tokio::test]
async fn an_enrolment_belongs_to_the_list_and_takes_no_name_that_somebody_has() {
    let server = TestServer::with(|config| config.limits.max_devices_per_user = 2).await;
    let alice = Owner::new(&server, "alice").await;
    let bob = server.user("bob").await;
    let tag = etag(&alice.list);
    let laptop = Keyed::new("laptop0123456789", 12);
    let without = alice.identity.list(2, &[&alice.key]);
    put_list(&alice.person, &without, Some(&tag), json!([enrolment(&laptop)])).await.is("invalid_request");
    let with = alice.identity.list(2, &[&alice.key, &laptop]);
    let other_key = Keyed::new("laptop0123456789", 13);
    put_list(&alice.person, &with, Some(&tag), json!([enrolment(&other_key)])).await.is("invalid_request");
    let bobs = Keyed::new(&bob.device, 12);
    let theft = alice.identity.list(2, &[&alice.key, &bobs]);
    put_list(&alice.person, &theft, Some(&tag), json!([enrolment(&bobs)])).await.is("device_exists");
    let rekeyed = Keyed::new(&alice.person.device, 14);
    let rekeyed = alice.identity.list(2, &[&rekeyed]);
    put_list(&alice.person, &rekeyed, Some(&tag), json!([])).await.is("device_exists");
    let mut long = enrolment(&laptop);
    long["link_reply"] = json!("A".repeat(52 * 1024 + 4));
    put_list(&alice.person, &with, Some(&tag), json!([long])).await.is("invalid_request");
    let many = alice.identity.list(2, &[&alice.key, &laptop, &Keyed::new("third01234567890", 15)]);
    let refused = put_list(&alice.person, &many, Some(&tag), json!([])).await.is("invalid_request");
    assert!(refused["detail"].as_str().unwrap().contains("2 devices"), "{refused}");
    assert_eq!(devices(&alice.person).await, [alice.person.device.as_str()]);
    put_list(&alice.person, &with, Some(&tag), json!([])).await.ok();
}

/// The administrator has signed a device out, and the account's other devices do not know it yet.
#[tokio::test]
async fn a_list_does_not_bring_back_whom_somebody_else_has_signed_out() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let path = "/api/v1/admin/users/alice/devices/laptop0123456789";
    server.api.json("DELETE", path, None, &json!({"admin_key": ADMIN_KEY})).await.ok();
    second.get("/api/v1/users/me").await.is("unauthorized");
    let list = alice.identity.list(3, &[&alice.key, &laptop]);
    alice.publishes(list, json!([])).await;
    by_device_key(server.api, "alice", &laptop).await.is("device_removed");
    let list = alice.identity.list(4, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    let list = alice.identity.list(5, &[&alice.key, &laptop]);
    put_list(&alice.person, &list, Some(&etag(&alice.list)), json!([])).await.is("device_removed");
}

#[tokio::test]
async fn who_stands_in_a_list_is_not_signed_out_without_another_one() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let path = "/api/v1/users/me/devices/laptop0123456789";
    alice.person.delete(path).await.is("signature_required");
    // One that waits stands in none.
    let (_, waiting) = by_access_key(server.api, "alice", &alice.person.access_key, 13).await;
    alice.person.delete(&format!("/api/v1/users/me/devices/{}", waiting.device)).await.ok();
    waiting.get("/api/v1/users/me").await.is("unauthorized");
    // Oneself.
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    second.post("/api/v1/auth/logout", Value::Null).await.ok();
    by_device_key(server.api, "alice", &laptop).await.is("device_removed");
}

/// After an old backup was restored a device brings the newer list back, and with it the devices that the server has
/// forgotten.
#[tokio::test]
async fn a_server_that_has_forgotten_takes_a_newer_list_back() {
    let server = TestServer::start().await;
    let alice = Owner::new(&server, "alice").await;
    let forgotten = Keyed::new("forgotten0123456", 12);
    let newer = alice.identity.list(server.clock.now().unsigned_abs() - 1, &[&alice.key, &forgotten]);
    put_list(&alice.person, &newer, Some(&etag(&alice.list)), json!([])).await.ok();
    by_device_key(server.api, "alice", &forgotten).await.ok();
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_for_who_has_its_name_next() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let list = alice.identity.list(3, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    let body = json!({"admin_key": ADMIN_KEY});
    server.api.json("DELETE", "/api/v1/admin/users/alice", None, &body).await.ok();
    let told = by_device_key(server.api, "alice", &alice.key).await.is("device_removed");
    assert_eq!(told["reason"], "account_deleted");
    let (key, next) = device(&server, "alice", 12).await;
    next.get("/api/v1/users/alice/device-list").await.is("no_device_list");
    next.get("/api/v1/users/me/backup").await.is("no_backup");
    by_device_key(server.api, "alice", &alice.key).await.is("device_removed");
    let identity = Identity::new("alice", 5);
    next.post("/api/v1/users/me/identity", identity.beginning(&identity.list(1, &[&key]))).await.ok();
}

/// Two devices make the next list at the same moment.
#[tokio::test]
async fn of_two_lists_at_once_one_is_taken_and_the_other_is_told() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let tag = etag(&alice.list);
    let (one, other) = (Keyed::new("one0123456789012", 13), Keyed::new("other01234567890", 14));
    let mine = alice.identity.list(3, &[&alice.key, &laptop, &one]);
    let theirs = alice.identity.list(4, &[&alice.key, &laptop, &other]);
    let (a, b) = tokio::join!(
        put_list(&alice.person, &mine, Some(&tag), json!([enrolment(&one)])),
        put_list(&second, &theirs, Some(&tag), json!([enrolment(&other)])),
    );
    let (lost, out, present) = if a.status == 204 { (b, &other, &mine) } else { (a, &one, &theirs) };
    lost.is("list_changed");
    by_device_key(server.api, "alice", out).await.is("invalid_credentials");
    assert_eq!(second.get("/api/v1/users/alice/device-list").await.header("etag"), Some(etag(present)));
}

/// A device that a new generation has left out is let in again by its owner, and has lost nothing.
#[tokio::test]
async fn what_waits_for_a_device_that_was_left_out_is_kept_and_not_shown() {
    let server = TestServer::start().await;
    let mut alice = Owner::new(&server, "alice").await;
    let laptop = Keyed::new("laptop0123456789", 12);
    alice.lets_in(&laptop).await;
    let second = person(server.api, &by_device_key(server.api, "alice", &laptop).await);
    let bob = server.user("bob").await;
    let mut line = bob.online().await;
    line.deliver(bob.message("alice", crate::support::new_id(), "Y2lwaGVy")).await;
    alice.identity = alice.identity.in_generation(2);
    let list = alice.identity.list(1, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    second.get("/api/v1/messages/pending").await.is("device_not_listed");
    second.post("/api/v1/messages/ack", json!({"message_ids": []})).await.is("device_not_listed");
    let list = alice.identity.list(2, &[&alice.key, &laptop]);
    alice.publishes(list, json!([])).await;
    let waiting = second.get("/api/v1/messages/pending").await.ok();
    assert_eq!(waiting["messages"].as_array().unwrap().len(), 1, "{waiting}");
}
