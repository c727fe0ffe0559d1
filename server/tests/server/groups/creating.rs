//! Conversations that begin, and messages in them.

use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use super::{Pair, changes, commits, pair};
use crate::support::{ADMIN_KEY, Chat, TestServer, base64, create, new_id};

#[tokio::test]
async fn a_direct_conversation_begins_with_a_welcome() {
    let Pair { server: _server, alice, bob, id, .. } = pair().await;
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
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let chat = Chat::direct("alice", "bob");
    let (_, _, body) = chat.begun_by(&alice, &[&bob]);
    let made = alice.post("/api/v1/groups", body.clone()).await.ok();
    assert_eq!(alice.post("/api/v1/groups", body).await.ok(), made);
    let id = json!(chat.id());
    assert_eq!(made["group_id"], id);
    let problem = create(&bob, &chat, &[&alice]).await.is("conversation_exists");
    assert_eq!(problem["group_id"], id);
    // Another request for the same group is not the one that made it.
    let another = create(&alice, &chat, &[]).await.is("conversation_exists");
    assert_eq!(another["group_id"], id);
    let reversed = create(&bob, &Chat::direct("bob", "alice"), &[&alice]).await.is("conversation_exists");
    assert_eq!(reversed["group_id"], id, "a conversation of two has one name");
    let notes = create(&alice, &Chat::notes("alice"), &[]).await.ok();
    assert_eq!((&notes["group_id"], &notes["incarnation"]), (&json!(Chat::notes("alice").id()), &json!(1)));
    create(&alice, &Chat::direct("alice", "nobody"), &[]).await.is("unknown_recipient");
    let groups = alice.get("/api/v1/groups").await.ok();
    let ids: Vec<_> = groups["groups"].as_array().unwrap().iter().map(|g| g["group_id"].clone()).collect();
    assert_eq!(json!(ids), json!([chat.id(), Chat::notes("alice").id()]));
}

/// What a group is stands in it, and the request only repeats it.
#[tokio::test]
async fn a_request_says_what_the_group_is() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (_, _, body) = Chat::direct("alice", "bob").begun_by(&alice, &[&bob]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = body.clone();
        change(&mut changed);
        changed
    };
    let roster = || json!("eA==");
    for wrong in [
        with(&|body| body["participants"] = json!(["alice"])),
        with(&|body| body["participants"] = json!(["alice", "alice"])),
        with(&|body| body["kind"] = json!("self")),
        with(&|body| body["incarnation"] = json!(0)),
        with(&|body| body["founding_roster"] = roster()),
        with(&|body| body["kind"] = json!("group")),
    ] {
        alice.post("/api/v1/groups", wrong).await.is("invalid_request");
    }
    for no_roster in [json!("not base64"), roster()] {
        let wrong = with(&|body| (body["kind"], body["founding_roster"]) = (json!("group"), no_roster.clone()));
        alice.post("/api/v1/groups", wrong).await.is("invalid_roster");
    }
    for other in [
        with(&|body| body["incarnation"] = json!(2)),
        with(&|body| body["participants"] = json!(["alice", "carol"])),
        with(&|body| (body["kind"], body["participants"]) = (json!("self"), json!(["alice"]))),
    ] {
        alice.post("/api/v1/groups", other).await.is("invalid_handshake");
    }
    alice.post("/api/v1/groups", with(&|body| body["participants"] = json!(["bob", "alice"]))).await.ok();
}

#[tokio::test]
async fn of_two_who_begin_at_the_same_moment_one_wins() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let pair = Chat::direct("alice", "bob");
    let (to_alice, to_bob) = ([&alice], [&bob]);
    let (a, b) = tokio::join!(create(&alice, &pair, &to_bob), create(&bob, &pair, &to_alice));
    let (winner, loser) = if a.status == 200 { (a, b) } else { (b, a) };
    let problem = loser.is("conversation_exists");
    assert_eq!(problem["group_id"], winner.ok()["group_id"]);
}

/// The next incarnation ends the one before; numbers only grow, and no more than three times a day.
#[tokio::test]
async fn a_conversation_goes_on_in_another_group() {
    let Pair { server, alice, bob, id: first, .. } = pair().await;
    let pair = Chat::direct("alice", "bob");
    let mut a = alice.online().await;
    create(&bob, &pair.again(3), &[&alice]).await.ok();
    let welcome = a.message().await;
    assert_eq!((welcome.group_id, welcome.seq.unwrap().0), (Some(pair.again(3).id()), 1));
    alice.get(&format!("/api/v1/groups/{first}")).await.is("unknown_group");
    a.send(alice.group_message(first, 1, new_id())).await;
    assert_eq!(a.error().await.code.as_str(), "unknown_group");
    a.deliver(alice.group_message(pair.again(3).id(), 1, new_id())).await;

    let problem = create(&alice, &pair.again(3 + 1_025), &[&bob]).await.is("incarnation_ahead");
    assert_eq!(problem["incarnation"], 3, "from where on it is taken");
    for late in [1, 2] {
        let problem = create(&alice, &pair.again(late), &[&bob]).await.is("conversation_exists");
        assert_eq!(problem["group_id"], json!(pair.again(3).id()));
    }
    for number in [4, 5, 6] {
        create(&alice, &pair.again(number), &[&bob]).await.ok();
    }
    create(&alice, &pair.again(7), &[&bob]).await.is("rate_limited");
    // Who uses up their share takes nobody else's.
    create(&bob, &pair.again(7), &[&alice]).await.ok();
    server.clock.advance(24 * 3600);
    create(&alice, &pair.again(8), &[&bob]).await.ok();
    let groups = bob.get("/api/v1/groups").await.ok();
    assert_eq!(groups["groups"].as_array().unwrap().len(), 1, "{groups}");
}

/// Who connected before it began, and is not let in, would wait in the group that is gone.
#[tokio::test]
async fn devices_that_are_left_out_are_told_where_it_goes_on() {
    let Pair { server, alice, bob, .. } = pair().await;
    let key = server.api.create_user("carol").await;
    let (phone, laptop) = (server.api.login("carol", &key, None).await, server.api.login("carol", &key, None).await);
    let pair = Chat::direct("alice", "carol");
    create(&alice, &pair, &[&phone, &laptop]).await.ok();
    let mut left_out = laptop.connect().await;
    left_out.message().await;
    assert_eq!(left_out.next().await, ServerFrame::CaughtUp);
    create(&alice, &pair.again(2), &[&phone]).await.ok();
    let told = left_out.next_of_any_kind().await;
    let ServerFrame::Message(told) = told else { panic!("{told:?}") };
    assert_eq!((told.message_type, told.group_id), (MessageType::DeviceSync, Some(pair.again(2).id())));
    drop(bob);
}

/// Somebody else under the same name does not get back into what the name had.
#[tokio::test]
async fn a_name_that_is_given_out_again_does_not_begin_anew() {
    let Pair { server, alice, bob, id: first, .. } = pair().await;
    let pair = Chat::direct("alice", "bob");
    let key = Some(ADMIN_KEY);
    server.api.json("DELETE", "/api/v1/admin/users/bob", key, &Value::Null).await.ok();
    bob.get("/api/v1/groups").await.is("unauthorized");
    let other = server.user("bob").await;
    let problem = create(&other, &pair, &[&alice]).await.is("stale_incarnation");
    assert_eq!(problem["incarnation"], 1);
    other.get(&format!("/api/v1/groups/{first}")).await.is("unknown_group");
    // Whoever knew the one before is in the same place, if they know nothing of it any more.
    create(&alice, &pair.again(1), &[&other]).await.is("stale_incarnation");
    create(&other, &pair.again(2), &[&alice]).await.ok();
    alice.get(&format!("/api/v1/groups/{first}")).await.is("unknown_group");
}

#[tokio::test]
async fn a_stale_message_is_told_the_epoch() {
    let Pair { server, alice, bob, id, his, .. } = pair().await;
    let bundle = changes(&bob, &his, id, &[], &[], &[]).await;
    let mut a = alice.connect().await;
    let commit_frame = a.message().await;
    assert_eq!(commit_frame.message_type, MessageType::KeyExchange);
    assert_eq!((commit_frame.epoch.unwrap().0, commit_frame.seq.unwrap().0), (1, 2));
    assert_eq!(json!(commit_frame.encrypted_content.as_str()), base64(&bundle.commit));
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
    commits(&carol, &his, id, &[], &[]).await.0.is("unknown_group");
    carol.get(&format!("/api/v1/groups/{id}")).await.is("unknown_group");
    carol.get("/api/v1/groups/nonsense").await.is("unknown_group");
}

#[tokio::test]
async fn a_member_cannot_pass_a_message_off_as_the_servers() {
    let Pair { server: _server, alice, bob, id, .. } = pair().await;
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
async fn a_user_creates_so_many_groups_in_an_hour() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 0).await;
    let alice = server.user("alice").await;
    for number in 0..=60 {
        server.api.create_user(&format!("user{number}")).await;
    }
    let chat = |number: usize| Chat::direct("alice", &format!("user{number}"));
    for number in 0..60 {
        create(&alice, &Chat::direct("alice", "nobody"), &[]).await.is("unknown_recipient");
        create(&alice, &chat(number), &[]).await.ok();
    }
    let refused = create(&alice, &chat(60), &[]).await.is("rate_limited");
    assert_eq!(refused["retry_after_ms"], 60_000);
    server.clock.advance(60);
    create(&alice, &chat(60), &[]).await.ok();
}
