//! Strangers: what they may do until somebody answers, and what they learn.

use privmsg_protocol::frames::{MessageType, PresenceStatus, ServerFrame};
use privmsg_protocol::{GroupId, MessageId};
use serde_json::{Value, json};

use crate::support::{Chat, Line, Person, TestServer, create, new_id, submission, submit};

const DAY: i64 = 86_400;

/// Bob, and mallory who has begun a conversation with him.
async fn asked(server: &TestServer) -> (Person, Person, GroupId) {
    let (bob, mallory) = (server.user("bob").await, server.user("mallory").await);
    let chat = Chat::direct("bob", "mallory");
    create(&mallory, &chat, &[&bob]).await.ok();
    (bob, mallory, chat.id())
}

fn by_itself(who: &Person, id: GroupId, epoch: u64) -> Value {
    let mut message = who.group_message(id, epoch, new_id());
    message["payload"].as_object_mut().unwrap().remove("by_person");
    message
}

async fn last_seen(by: &Person, whom: &str) -> Value {
    by.get(&format!("/api/v1/users/{whom}")).await.ok()["last_seen_at"].clone()
}

async fn requests(who: &Person) -> (Vec<Value>, Vec<Value>) {
    let requests = who.get("/api/v1/users/me/requests").await.ok();
    let list = |name: &str| requests[name].as_array().unwrap().clone();
    (list("unanswered"), list("declined"))
}

async fn says(who: &Person, id: GroupId, what: &str) {
    assert_eq!(who.post(&format!("/api/v1/groups/{id}/{what}"), Value::Null).await.status, 204);
}

/// The code of the refusal, or nothing.
async fn sends(line: &mut Line, frame: Value) -> Option<String> {
    let id: MessageId = serde_json::from_value(frame["payload"]["message_id"].clone()).unwrap();
    line.send(frame).await;
    loop {
        match line.next().await {
            ServerFrame::Ack(ack) if ack.message_ids == [id] => return None,
            ServerFrame::Error(error) => {
                assert_eq!(error.message_id, Some(id));
                assert!(error.retry_after_ms.is_some_and(|wait| wait > 0));
                return Some(error.code.to_string());
            }
            ServerFrame::Message(_) | ServerFrame::CaughtUp => {}
            other => panic!("{other:?}"),
        }
    }
}

/// What waits of somebody's, as type, first number and number.
async fn waiting(who: &Person, of: &str) -> Vec<(String, Value, Value)> {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let messages = pending["messages"].as_array().unwrap().iter();
    let theirs = messages.filter(|message| message["sender_id"] == of);
    theirs
        .map(|one| (one["message_type"].as_str().unwrap().to_owned(), one["first_seq"].clone(), one["seq"].clone()))
        .collect()
}

/// Receipts and rotations, which a client sends by itself, showed a stranger when somebody was there.
#[tokio::test]
async fn what_a_client_does_by_itself_is_no_answer() {
    let server = TestServer::start().await;
    let (henry, zed) = (server.user("henry").await, server.user("zed").await);
    let chat = Chat::direct("henry", "zed");
    let (his, begun, body) = chat.begun_by(&zed, &[&henry]);
    zed.post("/api/v1/groups", body).await.ok();
    let henrys = henry.mls.joins(&begun).unwrap();
    let mut z = zed.online().await;
    z.deliver(zed.group_message(chat.id(), 1, new_id())).await;
    // His client joins, rotates its key and says that it has got the message.
    let rotated = henrys.commits(&[], &[]).unwrap();
    submit(&henry, chat.id(), &submission(&rotated)).await.ok();
    henrys.merges().unwrap();
    his.follows(&rotated.commit).unwrap();
    let mut h = henry.connect().await;
    assert_eq!(sends(&mut h, by_itself(&henry, chat.id(), 2)).await, None);
    assert_eq!(last_seen(&zed, "henry").await, Value::Null);
    h.send(json!({"type": "presence", "payload": {"status": "away"}})).await;
    h.ping_through().await;
    for expected in [MessageType::KeyExchange, MessageType::Text] {
        assert!(matches!(z.next_of_any_kind().await, ServerFrame::Message(one) if one.message_type == expected));
    }
    z.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(z.next_of_any_kind().await, ServerFrame::Pong);
    assert_eq!(requests(&henry).await.0, [json!(chat.id())]);
    // Now he writes himself.
    assert_eq!(sends(&mut h, henry.group_message(chat.id(), 2, new_id())).await, None);
    assert!(last_seen(&zed, "henry").await.is_string());
    assert!(requests(&henry).await.0.is_empty());
}

/// Having made a group is nothing that shows the maker, and makes no request of those who have it.
#[tokio::test]
async fn to_be_asked_is_not_to_ask() {
    let server = TestServer::start().await;
    let (bob, mallory, id) = asked(&server).await;
    assert_eq!(last_seen(&bob, "mallory").await, Value::Null);
    assert_eq!((requests(&bob).await.0, requests(&mallory).await.0), (vec![json!(id)], vec![]));
    let mut m = mallory.online().await;
    m.deliver(mallory.group_message(id, 1, new_id())).await;
    assert!(last_seen(&bob, "mallory").await.is_string());
    // Known from elsewhere, it is no request.
    let mut b = bob.connect().await;
    b.send(bob.message("mallory", new_id(), "eA==")).await;
    b.ping_through().await;
    assert!(requests(&bob).await.0.is_empty());
}

/// One stranger could begin conversations with everybody.
#[tokio::test]
async fn so_many_are_asked_in_a_day() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 2).await;
    let mallory = server.user("mallory").await;
    let mut others = Vec::new();
    for name in ["alice", "bob", "carol", "dora"] {
        others.push(server.user(name).await);
    }
    let begins = async |with: &Person| create(&mallory, &Chat::direct(&with.name, "mallory"), &[with]).await;
    begins(&others[0]).await.ok();
    let mut m = mallory.online().await;
    assert_eq!(sends(&mut m, mallory.message("bob", new_id(), "eA==")).await, None);
    let refused = begins(&others[2]).await.is("too_many_requests");
    assert_eq!(refused["retry_after_ms"], 15 * 60 * 1000);
    assert_eq!(sends(&mut m, mallory.message("carol", new_id(), "eA==")).await.as_deref(), Some("too_many_requests"));
    // The same people again are nobody new, and notes are nobody.
    begins(&others[1]).await.ok();
    create(&mallory, &Chat::notes("mallory"), &[]).await.ok();
    assert_eq!(sends(&mut m, mallory.message("bob", new_id(), "eA==")).await, None);
    // An answer makes room, and so does time.
    let mut a = others[0].connect().await;
    a.send(others[0].message("mallory", new_id(), "eA==")).await;
    a.ping_through().await;
    begins(&others[2]).await.ok();
    begins(&others[3]).await.is("too_many_requests");
    server.clock.advance(DAY);
    begins(&others[3]).await.ok();
}

/// What may be said before an answer is counted by what was said: whether anybody is there, or blocks, or has declined, is not
/// in it.
#[tokio::test]
async fn so_much_is_said_before_an_answer() {
    let server = TestServer::with(|config| config.limits.max_request_messages_per_day = 3).await;
    let mallory = server.user("mallory").await;
    let mut m = mallory.online().await;
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol", "dora"] {
        let person = server.user(name).await;
        let chat = Chat::direct(name, "mallory");
        create(&mallory, &chat, &[&person]).await.ok();
        people.push((person, chat.id()));
    }
    // One is there, one blocks, one has declined, one is away.
    let _there = people[0].0.online_past_welcome().await;
    let block = "/api/v1/users/me/blocks/mallory";
    server.api.json("PUT", block, Some(&people[1].0.token), &Value::Null).await.ok();
    says(&people[2].0, people[2].1, "decline").await;
    for (person, id) in &people {
        let said = new_id();
        for message_id in [said, new_id(), said, new_id()] {
            let refused = sends(&mut m, mallory.group_message(*id, 1, message_id)).await;
            assert_eq!(refused, None, "{}", person.name);
        }
        let code = sends(&mut m, mallory.group_message(*id, 1, new_id())).await;
        assert_eq!(code.as_deref(), Some("awaits_answer"), "{}", person.name);
        let code = sends(&mut m, mallory.message(&person.name, new_id(), "eA==")).await;
        assert_eq!(code.as_deref(), Some("awaits_answer"), "another way is none: {}", person.name);
    }
    server.clock.advance(DAY);
    let id = people[3].1;
    assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, None);
    // Accepted, as much as one likes.
    says(&people[3].0, id, "accept").await;
    for _ in 0..10 {
        assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, None);
    }
}

#[tokio::test]
async fn so_many_bytes_are_said_before_an_answer() {
    let server = TestServer::with(|config| config.limits.max_request_kb_per_day = 64).await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let mut m = mallory.online().await;
    let large = "A".repeat(40 * 1024);
    assert_eq!(sends(&mut m, mallory.message("alice", new_id(), &large)).await, None);
    let code = sends(&mut m, mallory.message("alice", new_id(), &large)).await;
    assert_eq!(code.as_deref(), Some("awaits_answer"));
    // She answers, and then it is not her who has to wait either.
    let mut a = alice.connect().await;
    assert_eq!(sends(&mut a, alice.message("mallory", new_id(), &large)).await, None);
    assert_eq!(sends(&mut m, mallory.message("alice", new_id(), &large)).await, None);
    assert_eq!(sends(&mut a, alice.message("mallory", new_id(), &large)).await, None);
}

#[tokio::test]
async fn what_is_declined_does_not_arrive_and_nobody_is_told() {
    let server = TestServer::start().await;
    let (bob, mallory, id) = asked(&server).await;
    let phone = server.device("bob", &bob.access_key).await;
    let mut m = mallory.online().await;
    m.deliver(mallory.group_message(id, 1, new_id())).await;
    assert_eq!(waiting(&bob, "mallory").await.len(), 2);
    says(&bob, id, "decline").await;
    assert_eq!(requests(&bob).await, (vec![], vec![json!(id)]));
    // What was there before stays, for each of his devices. His other device is told.
    let before = [("key_exchange".to_owned(), Value::Null, json!(1)), ("text".to_owned(), Value::Null, json!(2))];
    assert_eq!(waiting(&bob, "mallory").await, before);
    assert_eq!(waiting(&phone, "bob").await.last().unwrap().0, "account_sync");
    for number in [3, 4] {
        m.send(mallory.group_message(id, 1, new_id())).await;
        match m.next().await {
            ServerFrame::Ack(ack) => assert_eq!(ack.accepted[0].seq.0, number, "as otherwise"),
            other => panic!("{other:?}"),
        }
    }
    let kept_back = ("withheld".to_owned(), json!(3), json!(4));
    assert_eq!(waiting(&bob, "mallory").await.last(), Some(&kept_back));
    let group = mallory.get(&format!("/api/v1/groups/{id}")).await.ok();
    let leaves = |group: &Value| group["devices"].as_array().unwrap().iter().filter(|one| one["leaf"] == true).count();
    assert_eq!(leaves(&group), 2);
    // He writes: that is an answer, and what follows arrives.
    let mut b = bob.connect().await;
    assert_eq!(sends(&mut b, by_itself(&bob, id, 1)).await, None);
    assert_eq!(requests(&bob).await.1, [json!(id)], "a receipt changes nothing");
    assert_eq!(sends(&mut b, bob.group_message(id, 1, new_id())).await, None);
    assert_eq!(requests(&bob).await, (vec![], vec![]));
    assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, None);
    assert_eq!(waiting(&bob, "mallory").await.last().unwrap(), &("text".to_owned(), Value::Null, json!(7)));
}

/// Whoever has been answered once sees somebody go, as they go otherwise, and may go on writing into the void.
#[tokio::test]
async fn somebody_who_leaves_seems_to_be_away() {
    let server = TestServer::with(|config| config.limits.max_request_messages_per_day = 2).await;
    let (bob, mallory, id) = asked(&server).await;
    let mut b = bob.online_past_welcome().await;
    b.deliver(bob.group_message(id, 1, new_id())).await;
    let mut m = mallory.connect().await;
    loop {
        if let ServerFrame::Presence(presence) = m.next_of_any_kind().await {
            assert_eq!((presence.user_id.as_str(), presence.status), ("bob", PresenceStatus::Online));
            break;
        }
    }
    let seen = last_seen(&mallory, "bob").await;
    assert!(seen.is_string());
    server.clock.advance(3600);
    says(&bob, id, "decline").await;
    match m.next_of_any_kind().await {
        ServerFrame::Presence(presence) => assert_eq!(presence.status, PresenceStatus::Offline),
        other => panic!("{other:?}"),
    }
    bob.connect().await;
    assert_eq!(last_seen(&mallory, "bob").await, seen);
    for _ in 0..5 {
        assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, None);
    }
    m.send(json!({"type": "typing", "payload": {"recipient_id": "bob", "is_typing": true}})).await;
    m.ping_through().await;
    says(&bob, id, "accept").await;
    assert_ne!(last_seen(&mallory, "bob").await, seen);
}

/// Whoever was declined went on seeing somebody come, by a group that both are in or by what was once written to them.
#[tokio::test]
async fn whoever_is_declined_sees_nothing_by_another_way() {
    let server = TestServer::start().await;
    let (bob, mallory, id) = asked(&server).await;
    let mut b = bob.connect().await;
    b.deliver_through(bob.message("mallory", new_id(), "eA==")).await;
    let seen = last_seen(&mallory, "bob").await;
    assert!(seen.is_string());
    says(&bob, id, "decline").await;
    let mut m = mallory.connect().await;
    m.ping_through().await;
    server.clock.advance(3600);
    drop(b);
    bob.connect().await.ping_through().await;
    assert_eq!(last_seen(&mallory, "bob").await, seen);
    m.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(m.next_of_any_kind().await, ServerFrame::Pong, "nor is he seen to come");
    assert_eq!(mallory.get("/api/v1/users/bob").await.ok()["last_seen_at"], seen);
    says(&bob, id, "accept").await;
    assert_ne!(last_seen(&mallory, "bob").await, seen);
}

/// Another group of the conversation asks nothing anew, and undoes nothing.
#[tokio::test]
async fn the_next_group_of_a_conversation_begins_where_it_was() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 1).await;
    let (bob, mallory, _) = asked(&server).await;
    let chat = Chat::direct("bob", "mallory");
    says(&bob, chat.id(), "decline").await;
    let next = chat.again(2);
    create(&mallory, &next, &[&bob]).await.ok();
    assert_eq!(requests(&bob).await, (vec![], vec![json!(next.id())]));
    says(&bob, next.id(), "accept").await;
    let third = chat.again(3);
    create(&bob, &third, &[&mallory]).await.ok();
    assert_eq!(requests(&bob).await, (vec![], vec![]));
    assert!(last_seen(&mallory, "bob").await.is_string());
    assert_eq!(last_seen(&bob, "mallory").await, Value::Null);
}

#[tokio::test]
async fn only_participants_say_something_to_a_conversation_and_notes_are_not_declined() {
    let server = TestServer::start().await;
    let (bob, _mallory, id) = asked(&server).await;
    let carol = server.user("carol").await;
    let notes = Chat::notes("bob");
    create(&bob, &notes, &[]).await.ok();
    for what in ["accept", "decline"] {
        carol.post(&format!("/api/v1/groups/{id}/{what}"), Value::Null).await.is("unknown_group");
    }
    bob.post(&format!("/api/v1/groups/{}/decline", notes.id()), Value::Null).await.is("invalid_request");
    assert_eq!(requests(&bob).await, (vec![json!(id)], vec![]));
}
