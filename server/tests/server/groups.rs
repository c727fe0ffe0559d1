//! MLS groups: one conversation per pair, one commit per epoch, numbers without holes.

use privmsg_protocol::GroupId;
use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestServer, new_id};

fn group_id(byte: u8) -> GroupId {
    GroupId::from_bytes([byte; 16])
}

fn state(epoch: u64) -> Value {
    json!({"group_info": format!("info{epoch}"), "ratchet_tree": format!("tree{epoch}")})
}

fn welcomes(devices: &[&Person]) -> Vec<Value> {
    let welcome = |person: &&Person| json!({"device_id": person.device, "welcome": "d2VsY29tZQ=="});
    devices.iter().map(welcome).collect()
}

async fn create(by: &Person, id: GroupId, kind: &str, users: &[&str], joiners: &[&Person]) -> Answer {
    let body = json!({
        "group_id": id, "kind": kind, "participants": users, "epoch": 1,
        "welcomes": welcomes(joiners), "state": state(1),
    });
    by.post("/api/v1/groups", body).await
}

fn commit(epoch: u64, joiners: &[&Person], removed: &[&Person]) -> Value {
    let removed: Vec<_> = removed.iter().map(|person| &person.device).collect();
    json!({
        "message_id": new_id(), "epoch": epoch, "commit": "Y29tbWl0",
        "welcomes": welcomes(joiners), "removed": removed, "state": state(epoch + 1),
    })
}

async fn submit(by: &Person, id: GroupId, body: &Value) -> Answer {
    by.post(&format!("/api/v1/groups/{id}/commits"), body.clone()).await
}

/// Alice and bob in a direct conversation, bob's welcome still in his mailbox.
async fn direct() -> (TestServer, Person, Person, GroupId) {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let id = group_id(1);
    create(&alice, id, "direct", &["alice", "bob"], &[&bob]).await.ok();
    (server, alice, bob, id)
}

#[tokio::test]
async fn a_direct_conversation_begins_with_a_welcome() {
    let (_server, alice, bob, id) = direct().await;
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!(group["kind"], "direct");
    assert_eq!((&group["epoch"], &group["seq"]), (&json!(1), &json!(1)));
    assert_eq!(group["participants"], json!(["alice", "bob"]));
    assert!(group["devices"].as_array().unwrap().iter().all(|d| d["leaf"] == true && d["active"] == true));

    let mut b = bob.connect().await;
    let welcome = b.message().await;
    assert_eq!(welcome.message_type, MessageType::KeyExchange);
    assert_eq!(welcome.group_id, Some(id));
    assert_eq!((welcome.epoch.unwrap().0, welcome.seq.unwrap().0), (1, 1));
    assert_eq!(welcome.sender_device_id.unwrap().as_str(), alice.device);
    assert_eq!(b.next().await, ServerFrame::CaughtUp);

    let mut a = alice.online().await;
    let message = new_id();
    a.send(alice.group_message(id, 1, message)).await;
    match a.next().await {
        ServerFrame::Ack(ack) => {
            assert_eq!(ack.message_ids, [message]);
            assert_eq!((ack.accepted[0].group_id, ack.accepted[0].seq.0), (id, 2));
        }
        other => panic!("{other:?}"),
    }
    let received = b.message().await;
    assert_eq!((received.seq.unwrap().0, received.epoch.unwrap().0), (2, 1));
    a.is_quiet().await;
    // A repeat gets the same place.
    a.send(alice.group_message(id, 1, message)).await;
    match a.next().await {
        ServerFrame::Ack(ack) => assert_eq!(ack.accepted[0].seq.0, 2),
        other => panic!("{other:?}"),
    }
    b.is_quiet().await;
}

#[tokio::test]
async fn creating_is_idempotent_and_unique() {
    let (server, alice, bob, id) = direct().await;
    let pair = ["alice", "bob"];
    create(&alice, id, "direct", &pair, &[&bob]).await.ok();
    create(&bob, id, "direct", &pair, &[&alice]).await.is("group_id_taken");
    let problem = create(&bob, group_id(2), "direct", &pair, &[&alice]).await.is("conversation_exists");
    assert_eq!(problem["group_id"], json!(id));
    create(&alice, group_id(3), "self", &["alice"], &[]).await.ok();
    create(&alice, group_id(4), "self", &["alice"], &[]).await.is("conversation_exists");
    create(&alice, group_id(5), "direct", &["alice"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "direct", &["alice", "alice"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "self", &["bob"], &[]).await.is("invalid_request");
    create(&alice, group_id(5), "direct", &["alice", "nobody"], &[]).await.is("unknown_recipient");
    let carol = server.user("carol").await;
    create(&alice, group_id(5), "group", &["alice", "bob"], &[&carol]).await.is("unknown_device");
    create(&alice, group_id(5), "group", &["alice", "carol"], &[&carol, &carol]).await.is("invalid_request");
    create(&alice, group_id(5), "group", &["alice", "carol"], &[&carol]).await.ok();
    let groups = alice.get("/api/v1/groups").await.ok();
    let ids: Vec<_> = groups["groups"].as_array().unwrap().iter().map(|g| g["group_id"].clone()).collect();
    assert_eq!(json!(ids), json!([id, group_id(3), group_id(5)]));
}

#[tokio::test]
async fn of_two_who_begin_at_the_same_moment_one_wins() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let pair = ["alice", "bob"];
    let (to_alice, to_bob) = ([&alice], [&bob]);
    let (a, b) = tokio::join!(
        create(&alice, group_id(1), "direct", &pair, &to_bob),
        create(&bob, group_id(2), "direct", &pair, &to_alice),
    );
    let (winner, loser) = if a.status == 200 { (a, b) } else { (b, a) };
    let problem = loser.is("conversation_exists");
    assert_eq!(problem["group_id"], winner.ok()["group_id"]);
}

#[tokio::test]
async fn one_commit_is_taken_for_each_epoch() {
    let (_server, alice, bob, id) = direct().await;
    let (first, second) = (commit(1, &[], &[]), commit(1, &[], &[]));
    let (a, b) = tokio::join!(submit(&alice, id, &first), submit(&bob, id, &second));
    let (winner, loser, body, by) = if a.status == 200 { (a, b, first, &alice) } else { (b, a, second, &bob) };
    assert_eq!(winner.ok(), json!({"epoch": 2, "seq": 2}));
    assert_eq!(loser.is("stale_epoch")["epoch"], 2);
    // The winner asks again, having missed the answer.
    assert_eq!(submit(by, id, &body).await.ok(), json!({"epoch": 2, "seq": 2}));
    // The same id for another epoch is another commit.
    let mut other = body.clone();
    other["epoch"] = json!(2);
    submit(by, id, &other).await.is("message_id_conflict");
}

#[tokio::test]
async fn many_concurrent_commits_leave_one_per_epoch() {
    let (_server, alice, bob, id) = direct().await;
    let race = async |who: &Person| {
        let mut won = 0;
        for epoch in 1..=20 {
            let answer = submit(who, id, &commit(epoch, &[], &[])).await;
            if answer.status == 200 {
                won += 1;
            } else {
                answer.is("stale_epoch");
            }
        }
        won
    };
    let (a, b) = tokio::join!(race(&alice), race(&bob));
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!(group["epoch"], 1 + a + b);
    assert_eq!(group["seq"], 1 + a + b);
}

#[tokio::test]
async fn a_stale_message_is_told_the_epoch() {
    let (server, alice, bob, id) = direct().await;
    submit(&bob, id, &commit(1, &[], &[])).await.ok();
    let mut a = alice.connect().await;
    let commit_frame = a.message().await;
    assert_eq!(commit_frame.message_type, MessageType::KeyExchange);
    assert_eq!((commit_frame.epoch.unwrap().0, commit_frame.seq.unwrap().0), (1, 2));
    assert_eq!(commit_frame.encrypted_content.as_str(), "Y29tbWl0");
    assert_eq!(a.next().await, ServerFrame::CaughtUp);
    let message = new_id();
    a.send(alice.group_message(id, 1, message)).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "stale_epoch");
    assert_eq!((error.message_id, error.epoch.unwrap().0), (Some(message), 2));
    a.deliver(alice.group_message(id, 2, message)).await;

    let carol = server.user("carol").await;
    let mut c = carol.online().await;
    c.send(carol.group_message(id, 2, new_id())).await;
    assert_eq!(c.error().await.code.as_str(), "unknown_group");
    submit(&carol, id, &commit(2, &[], &[])).await.is("unknown_group");
    carol.get(&format!("/api/v1/groups/{id}")).await.is("unknown_group");
    carol.get("/api/v1/groups/nonsense").await.is("malformed_request");
}

#[tokio::test]
async fn a_further_device_is_added_or_adds_itself() {
    let (server, alice, bob, id) = direct().await;
    let tablet = server.device("alice", &alice.access_key).await;
    let mut t = tablet.online().await;
    t.send(tablet.group_message(id, 1, new_id())).await;
    assert_eq!(t.error().await.code.as_str(), "not_a_member");
    submit(&tablet, id, &commit(1, &[], &[])).await.is("not_a_member");
    submit(&bob, id, &commit(1, &[&bob], &[])).await.is("invalid_request");
    submit(&bob, id, &commit(1, &[&alice], &[])).await.is("invalid_request");

    submit(&bob, id, &commit(1, &[&tablet], &[])).await.ok();
    let welcome = t.message().await;
    assert_eq!((welcome.epoch.unwrap().0, welcome.seq.unwrap().0), (2, 2));
    t.deliver(tablet.group_message(id, 2, new_id())).await;

    let phone = server.device("alice", &alice.access_key).await;
    let mut external = commit(2, &[], &[]);
    external["external"] = json!(true);
    submit(&phone, id, &external).await.ok();
    assert_eq!(t.message().await.message_id, serde_json::from_value(external["message_id"].clone()).unwrap());
    phone.online().await.deliver(phone.group_message(id, 3, new_id())).await;
}

#[tokio::test]
async fn the_state_of_an_epoch_is_kept_while_its_welcome_waits() {
    let (_server, alice, bob, id) = direct().await;
    submit(&alice, id, &commit(1, &[], &[])).await.ok();
    let at = async |who: &Person, query: &str| who.get(&format!("/api/v1/groups/{id}/state{query}")).await;
    let current = at(&bob, "").await.ok();
    assert_eq!((&current["epoch"], &current["seq"]), (&json!(2), &json!(2)));
    assert_eq!(current["state"], state(2));
    let earlier = at(&bob, "?epoch=1").await.ok();
    assert_eq!((&earlier["seq"], &earlier["state"]), (&json!(1), &state(1)));
    at(&alice, "?epoch=1").await.is("stale_epoch");
    let mut b = bob.connect().await;
    let welcome = b.message().await.message_id;
    b.ack(&[welcome]).await;
    b.ping_through().await;
    // The acknowledgement is in effect when the next connection stands.
    bob.connect().await;
    at(&bob, "?epoch=1").await.is("stale_epoch");
    assert_eq!(at(&bob, "").await.ok()["state"], state(2));
}

/// As after a restored backup, which has taken all leaves out: in the tree it may still be one.
#[tokio::test]
async fn a_device_that_is_no_leaf_here_is_told_about_too_when_it_goes() {
    let (server, alice, bob, _id) = direct().await;
    let tablet = server.device("alice", &alice.access_key).await;
    let mut b = bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    assert_eq!(b.message().await.message_type, MessageType::DeviceSync);
}

#[tokio::test]
async fn a_removed_device_is_noticed_once_and_then_committed_out() {
    let (server, alice, bob, id) = direct().await;
    let tablet = server.device("alice", &alice.access_key).await;
    submit(&alice, id, &commit(1, &[&tablet], &[])).await.ok();
    let mut b = bob.connect().await;
    b.message().await;
    b.message().await;
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    let notice = b.message().await;
    assert_eq!(notice.message_type, MessageType::DeviceSync);
    assert_eq!(notice.sender_id.as_str(), "alice");
    assert_eq!((notice.group_id, notice.seq, notice.epoch), (Some(id), None, None));
    assert!(notice.encrypted_content.is_empty());
    b.is_quiet().await;

    let device = async || {
        let group = bob.get(&format!("/api/v1/groups/{id}")).await.ok();
        let devices = group["devices"].as_array().unwrap().clone();
        devices.into_iter().find(|d| d["device_id"] == tablet.device)
    };
    let seen = device().await.unwrap();
    assert_eq!((&seen["leaf"], &seen["active"]), (&json!(true), &json!(false)));
    let mut self_removal = commit(2, &[], &[&bob]);
    submit(&bob, id, &self_removal).await.is("invalid_request");
    submit(&bob, id, &commit(2, &[], &[&tablet, &tablet])).await.is("invalid_request");
    self_removal["removed"] = (0..1001).map(|number| json!(format!("device{number}"))).collect();
    submit(&bob, id, &self_removal).await.is("invalid_request");
    let mut removal = commit(2, &[], &[&tablet]);
    removal["removed"].as_array_mut().unwrap().push(json!("a-leaf-that-the-server-has-forgotten"));
    submit(&bob, id, &removal).await.ok();
    assert_eq!(device().await, None);
}

#[tokio::test]
async fn a_device_removed_by_a_commit_learns_it_and_may_come_back() {
    let (_server, alice, bob, id) = direct().await;
    submit(&alice, id, &commit(1, &[], &[&bob])).await.ok();
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.seq.unwrap().0, 1, "the welcome");
    assert_eq!(b.message().await.seq.unwrap().0, 2, "the commit that removes it");
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.send(bob.group_message(id, 2, new_id())).await;
    assert_eq!(b.error().await.code.as_str(), "not_a_member");
    let mut external = commit(2, &[], &[]);
    external["external"] = json!(true);
    submit(&bob, id, &external).await.ok();
    b.deliver(bob.group_message(id, 3, new_id())).await;
    // Removed and added in one commit: a leaf that starts anew.
    submit(&alice, id, &commit(3, &[&bob], &[&bob])).await.ok();
    assert_eq!(b.message().await.seq.unwrap().0, 5);
    assert_eq!(b.message().await.epoch.unwrap().0, 4);
}

#[tokio::test]
async fn a_full_mailbox_does_not_block_the_commit_that_removes_it() {
    let server = TestServer::with(|config| config.limits.max_pending_messages = 3).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let id = group_id(1);
    create(&alice, id, "direct", &["alice", "bob"], &[&bob]).await.ok();
    let mut a = alice.online().await;
    a.deliver(alice.group_message(id, 1, new_id())).await;
    a.deliver(alice.group_message(id, 1, new_id())).await;
    a.send(alice.group_message(id, 1, new_id())).await;
    let error = a.error().await;
    assert_eq!(error.code.as_str(), "mailbox_full");
    assert!(error.message.contains("bob") && error.message.contains(&bob.device), "{}", error.message);
    let problem = submit(&alice, id, &commit(1, &[], &[])).await.is("mailbox_full");
    assert!(problem["detail"].as_str().unwrap().contains(&bob.device), "{problem}");
    submit(&alice, id, &commit(1, &[&bob], &[&bob])).await.is("mailbox_full");
    assert_eq!(submit(&alice, id, &commit(1, &[], &[&bob])).await.ok()["epoch"], 2);
    a.send(alice.message("bob", new_id(), "eA==")).await;
    let error = a.error().await;
    assert!(!error.message.contains(&bob.device), "only participants of a group are told the device");
}

#[tokio::test]
async fn a_member_cannot_pass_a_message_off_as_the_servers() {
    let (_server, alice, bob, id) = direct().await;
    let mut a = alice.online().await;
    for kind in ["key_exchange", "device_sync"] {
        let mut frame = alice.group_message(id, 1, new_id());
        frame["payload"]["message_type"] = json!(kind);
        a.send(frame).await;
        assert_eq!(a.error().await.code.as_str(), "invalid_request", "{kind}");
        // Outside of groups it is a name like any other.
        let mut frame = alice.message("bob", new_id(), "eA==");
        frame["payload"]["message_type"] = json!(kind);
        a.deliver(frame).await;
    }
    assert_eq!(bob.get(&format!("/api/v1/groups/{id}")).await.ok()["seq"], 1);
}

#[tokio::test]
async fn key_packages_are_handed_out_once() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let claim = async |who: &str| alice.post(&format!("/api/v1/users/{who}/key-packages/claim"), Value::Null).await;
    assert_eq!(claim("bob").await.ok()["key_packages"], json!([]));
    claim("nobody").await.is("unknown_recipient");
    server.api.create_user("carol").await;
    claim("carol").await.is("recipient_has_no_devices");
    let body = json!({"key_packages": ["a1", "a2"], "last_resort": "last"});
    let stock = bob.post("/api/v1/key-packages", body).await.ok();
    assert_eq!(stock, json!({"count": 2, "last_resort": true}));
    for expected in ["a1", "a2", "last", "last"] {
        let claimed = claim("bob").await.ok();
        assert_eq!(claimed["key_packages"], json!([{"device_id": bob.device, "key_package": expected}]));
    }
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 0, "last_resort": true}));
    let many: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    bob.post("/api/v1/key-packages", json!({"key_packages": many})).await.is("invalid_request");
    let body = json!({"device_ids": ["other"]});
    let path = "/api/v1/users/bob/key-packages/claim";
    assert_eq!(alice.post(path, body).await.ok()["key_packages"], json!([]));
    assert_eq!(bob.post(path, Value::Null).await.ok()["key_packages"], json!([]), "not one's own");
}

#[tokio::test]
async fn a_new_device_with_key_packages_is_announced() {
    let (server, alice, bob, id) = direct().await;
    let mut a = alice.online().await;
    let tablet = server.device("bob", &bob.access_key).await;
    let body = json!({"key_packages": ["k"]});
    tablet.post("/api/v1/key-packages", body).await.ok();
    let notice = a.message().await;
    assert_eq!(notice.message_type, MessageType::DeviceSync);
    assert_eq!((notice.group_id, notice.sender_id.as_str()), (Some(id), "bob"));
}

#[tokio::test]
async fn of_notices_about_a_group_only_the_newest_waits() {
    let (server, alice, bob, id) = direct().await;
    let mut last = None;
    for _ in 0..3 {
        let tablet = server.device("bob", &bob.access_key).await;
        tablet.post("/api/v1/key-packages", json!({"key_packages": ["k"]})).await.ok();
        let waiting = alice.get("/api/v1/messages/pending").await.ok()["messages"].clone();
        assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
        assert_eq!(waiting[0]["message_type"], "device_sync");
        assert_ne!(last, Some(waiting[0]["message_id"].clone()));
        last = Some(waiting[0]["message_id"].clone());
    }
    // Bob's own device holds his welcome and one notice.
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.message_type, MessageType::KeyExchange);
    let notice = b.message().await;
    assert_eq!((notice.message_type, notice.group_id), (MessageType::DeviceSync, Some(id)));
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.ack(&[notice.message_id]).await;
    alice.post("/api/v1/messages/ack", json!({"message_ids": [last]})).await.ok();
    b.ping().await;
    // Acknowledged, so the next one is simply the next.
    let tablet = server.device("alice", &alice.access_key).await;
    tablet.post("/api/v1/key-packages", json!({"key_packages": ["k"]})).await.ok();
    assert_eq!(b.message().await.message_type, MessageType::DeviceSync);
    b.is_quiet().await;
}

#[tokio::test]
async fn a_user_creates_so_many_groups_in_an_hour() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    for number in 0..60 {
        create(&alice, group_id(100), "group", &["bob"], &[]).await.is("invalid_request");
        create(&alice, group_id(number), "group", &["alice"], &[]).await.ok();
    }
    let refused = create(&alice, group_id(60), "group", &["alice"], &[]).await.is("rate_limited");
    assert_eq!(refused["retry_after_ms"], 60_000);
    server.clock.advance(60);
    create(&alice, group_id(60), "group", &["alice"], &[]).await.ok();
}

#[tokio::test]
async fn handshakes_have_a_limit_of_their_own() {
    let server = TestServer::with(|config| {
        config.limits.max_message_size_kb = 1;
        config.limits.max_handshake_size_kb = 4;
    })
    .await;
    let alice = server.user("alice").await;
    let id = group_id(1);
    create(&alice, id, "self", &["alice"], &[]).await.ok();
    let mut large = commit(1, &[], &[]);
    large["commit"] = json!("x".repeat(4 * 1024));
    submit(&alice, id, &large).await.ok();
    let mut larger = commit(2, &[], &[]);
    larger["state"]["ratchet_tree"] = json!("x".repeat(4 * 1024 + 1));
    submit(&alice, id, &larger).await.is("handshake_too_large");
}
