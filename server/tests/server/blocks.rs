//! Blocking: nothing that the blocked send arrives, and nothing tells them so.

mod list;

use privmsg_protocol::frames::{MessageType, PresenceStatus, ServerFrame};
use privmsg_protocol::{GroupId, MessageId, Seq};
use serde_json::{Value, json};

use crate::support::{Answer, Chat, Line, Person, TestServer, create, devices, new_id, submission, submit};

fn path(user: &str) -> String {
    format!("/api/v1/users/me/blocks/{user}")
}

async fn blocks(who: &Person, user: &str) {
    assert_eq!(puts(who, user).await.status, 204);
}

async fn puts(who: &Person, user: &str) -> Answer {
    who.api.json("PUT", &path(user), Some(&who.token), &Value::Null).await
}

async fn unblocks(who: &Person, user: &str) {
    assert_eq!(who.delete(&path(user)).await.status, 204);
}

async fn blocked(who: &Person) -> Vec<String> {
    let list = who.get("/api/v1/users/me/blocks").await.ok();
    list["blocked"].as_array().unwrap().iter().map(|one| one["user_id"].as_str().unwrap().to_owned()).collect()
}

async fn last_seen(by: &Person, whom: &str) -> Value {
    by.get(&format!("/api/v1/users/{whom}")).await.ok()["last_seen_at"].clone()
}

/// What waits in a mailbox, without what is said about the own account.
async fn waiting(who: &Person) -> Vec<Value> {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let mut messages = pending["messages"].as_array().unwrap().clone();
    messages.retain(|message| message["message_type"] != "account_sync");
    messages
}

async fn empties(who: &Person) {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let messages = pending["messages"].as_array().unwrap();
    let ids: Vec<_> = messages.iter().map(|message| message["message_id"].clone()).collect();
    who.post("/api/v1/messages/ack", json!({"message_ids": ids})).await.ok();
}

/// Alice and mallory, who have written to each other in their conversation.
async fn acquainted() -> (TestServer, Person, Person, GroupId) {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let chat = Chat::direct("alice", "mallory");
    create(&alice, &chat, &[&mallory]).await.ok();
    for person in [&alice, &mallory] {
        let mut line = person.connect().await;
        line.send(person.group_message(chat.id(), 1, new_id())).await;
        // Taken in is not yet durable, and what is not is not there to be acknowledged.
        while !matches!(line.next().await, ServerFrame::Ack(_)) {}
    }
    for person in [&alice, &mallory] {
        empties(person).await;
    }
    (server, alice, mallory, chat.id())
}

/// Sends what must be acknowledged like anything else, and returns the number that it got in its group.
async fn sends(line: &mut Line, frame: Value) -> Option<u64> {
    let id: MessageId = serde_json::from_value(frame["payload"]["message_id"].clone()).unwrap();
    line.send(frame).await;
    match line.next().await {
        ServerFrame::Ack(ack) => {
            assert_eq!(ack.message_ids, [id]);
            ack.accepted.first().map(|accepted| accepted.seq.0)
        }
        other => panic!("{other:?}"),
    }
}

fn withheld(first: u64, last: u64) -> (Value, Value, Value, Value) {
    (json!("withheld"), json!(first), json!(last), json!(""))
}

fn notice(message: &Value) -> (Value, Value, Value, Value) {
    let field = |name: &str| message[name].clone();
    (field("message_type"), field("first_seq"), field("seq"), field("encrypted_content"))
}

#[tokio::test]
async fn nothing_that_the_blocked_send_arrives() {
    let (_server, alice, mallory, id) = acquainted().await;
    let tablet = mallory.api.login("mallory", &mallory.access_key, None).await;
    let (mut a, mut m) = (alice.online().await, mallory.online().await);
    blocks(&alice, "mallory").await;
    assert_eq!(a.message().await.message_type, MessageType::AccountSync);

    assert_eq!(sends(&mut m, mallory.message("alice", new_id(), "eA==")).await, None);
    assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, Some(4));
    m.send(json!({"type": "typing", "payload": {"recipient_id": "alice", "is_typing": true}})).await;
    m.send(json!({"type": "call_signal", "payload": {"recipient_id": "alice", "encrypted_content": "eA=="}})).await;
    m.ping().await;
    let notice = a.message().await;
    assert_eq!((notice.message_type, notice.seq, notice.sender_device_id), (MessageType::Withheld, Some(Seq(4)), None));
    assert!(notice.encrypted_content.as_str().is_empty());
    a.is_quiet().await;
    // The sender's own other devices have all of it.
    assert_eq!(waiting(&tablet).await.len(), 1);

    unblocks(&alice, "mallory").await;
    assert_eq!(a.message().await.message_type, MessageType::AccountSync);
    a.is_quiet().await;
    let ids = [new_id(), new_id()];
    sends(&mut m, mallory.message("alice", ids[0], "eA==")).await;
    assert_eq!(sends(&mut m, mallory.group_message(id, 1, ids[1])).await, Some(5));
    assert_eq!([a.message().await.message_id, a.message().await.message_id], ids);
}

/// A mailbox has one notice for all that is kept back in a row, and it names nothing but that.
#[tokio::test]
async fn what_is_kept_back_fills_no_mailbox() {
    let (_server, alice, mallory, id) = acquainted().await;
    let phone = alice.api.login("alice", &alice.access_key, None).await;
    blocks(&alice, "mallory").await;
    let mut m = mallory.online().await;
    for seq in 4..=100 {
        assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, Some(seq));
        sends(&mut m, mallory.message("alice", new_id(), "eA==")).await;
    }
    let found = waiting(&alice).await;
    assert_eq!(found.iter().map(notice).collect::<Vec<_>>(), [withheld(4, 100)]);
    assert_eq!(waiting(&phone).await.len(), 0, "it is no leaf, and nothing else was on its way");

    // What stands between is in nobody's notice: a device must be able to miss it.
    let mut a = alice.connect().await;
    a.send(alice.group_message(id, 1, new_id())).await;
    a.ping_through().await;
    m.message().await;
    for seq in 102..=103 {
        assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, Some(seq));
    }
    let found = waiting(&alice).await;
    assert_eq!(found.iter().map(notice).collect::<Vec<_>>(), [withheld(4, 100), withheld(102, 103)]);
    empties(&alice).await;
    sends(&mut m, mallory.group_message(id, 1, new_id())).await;
    assert_eq!(waiting(&alice).await.iter().map(notice).collect::<Vec<_>>(), [withheld(102, 104)]);
}

/// A notice takes the place of the one before, by where that was. Once, the places of what was gone were given out again after
/// a restart, and whatever somebody else had sent there was taken away.
#[tokio::test]
async fn what_is_kept_back_takes_nothing_else_away() {
    const SENT: usize = 40;
    let (mut server, alice, mallory, id) = acquainted().await;
    let carol = server.user("carol").await;
    blocks(&alice, "mallory").await;
    let mut m = mallory.online().await;
    sends(&mut m, mallory.group_message(id, 1, new_id())).await;
    for person in [&alice, &mallory, &carol] {
        empties(person).await;
    }
    server.restart().await;
    let [alice, mallory, carol] = [alice, mallory, carol].map(|person| Person { api: server.api, ..person });
    let (mut m, mut c) = (mallory.online().await, carol.online().await);
    let mut ids = Vec::new();
    for _ in 0..SENT {
        ids.push(new_id());
        sends(&mut c, carol.message("alice", ids[ids.len() - 1], "eA==")).await;
    }
    assert_eq!(sends(&mut m, mallory.group_message(id, 1, new_id())).await, Some(5));
    let found = waiting(&alice).await;
    let (notices, messages): (Vec<_>, Vec<_>) = found.iter().partition(|message| message["message_type"] == "withheld");
    let arrived: Vec<_> = messages.iter().map(|message| message["message_id"].clone()).collect();
    assert_eq!(arrived, ids.iter().map(|id| json!(id)).collect::<Vec<_>>());
    assert_eq!(notices.into_iter().map(notice).collect::<Vec<_>>(), [withheld(4, 5)]);
}

/// Whoever blocks stays in the conversation: it goes through other epochs meanwhile.
#[tokio::test]
async fn commits_arrive_all_the_same() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let chat = Chat::direct("alice", "mallory");
    let (hers, begun, body) = chat.begun_by(&alice, &[&mallory]);
    alice.post("/api/v1/groups", body).await.ok();
    let his = mallory.mls.joins(&begun).unwrap();
    blocks(&alice, "mallory").await;
    let bundle = his.commits(&devices(&[]), &devices(&[])).unwrap();
    submit(&mallory, chat.id(), &submission(&bundle)).await.ok();
    let found = waiting(&alice).await;
    assert_eq!((found.len(), &found[0]["message_type"]), (1, &json!("key_exchange")));
    hers.follows(&bundle.commit).unwrap();
}

/// What was there before stays, and a repeat of it is still a repeat.
#[tokio::test]
async fn what_came_before_stays() {
    let (_server, alice, mallory, _) = acquainted().await;
    let mut m = mallory.online().await;
    let before = mallory.message("alice", new_id(), "eA==");
    sends(&mut m, before.clone()).await;
    blocks(&alice, "mallory").await;
    let during = mallory.message("alice", new_id(), "eA==");
    sends(&mut m, during.clone()).await;
    unblocks(&alice, "mallory").await;
    // Acknowledged is acknowledged: what was kept back does not come by being sent again.
    sends(&mut m, before.clone()).await;
    sends(&mut m, during).await;
    let found = waiting(&alice).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["message_id"], before["payload"]["message_id"]);
}

/// The same requests of two who are as close to alice, one of them blocked: all answers are alike.
#[tokio::test]
async fn the_blocked_cannot_find_it_out_by_asking() {
    let server = TestServer::start().await;
    let (alice, bob, mallory) = (server.user("alice").await, server.user("bob").await, server.user("mallory").await);
    blocks(&alice, "mallory").await;
    let mut told = Vec::new();
    for person in [&bob, &mallory] {
        let mut said = Vec::new();
        let chat = Chat::direct("alice", &person.name);
        for path in ["/api/v1/users/alice", "/api/v1/users/alice/device-list"] {
            let answer = person.get(path).await;
            said.push((answer.status, answer.json()));
        }
        let claimed = person.post("/api/v1/users/alice/key-packages/claim", json!({})).await;
        said.push((claimed.status, claimed.json()));
        let made = create(person, &chat, &[&alice]).await;
        let mut group = made.ok();
        (group["group_id"], group["chat_id"]) = (Value::Null, Value::Null);
        said.push((made.status, json!(group.to_string().replace(&person.name, "X").replace(&person.device, "D"))));
        let mut line = person.online().await;
        for to in ["alice", "alice", "nobody"] {
            line.send(person.message(to, new_id(), "eA==")).await;
            said.push((0, answer_of(&mut line).await));
        }
        line.send(person.group_message(chat.id(), 1, new_id())).await;
        said.push((0, answer_of(&mut line).await));
        line.send(person.group_message(chat.id(), 7, new_id())).await;
        said.push((0, answer_of(&mut line).await));
        for to in ["alice", "nobody"] {
            line.send(json!({"type": "call_signal", "payload": {"recipient_id": to, "encrypted_content": "eA=="}}))
                .await;
            line.send(json!({"type": "ping", "payload": {}})).await;
            said.push((0, answer_of(&mut line).await));
            if to == "nobody" {
                assert_eq!(line.next().await, ServerFrame::Pong);
            }
        }
        empties(&alice).await;
        told.push(said);
    }
    assert_eq!(told[0], told[1]);
}

/// The next answer, without the ids that differ each time.
async fn answer_of(line: &mut Line) -> Value {
    match line.next().await {
        ServerFrame::Ack(ack) => json!(["ack", ack.accepted.iter().map(|one| one.seq).collect::<Vec<_>>()]),
        ServerFrame::Error(error) => json!([error.code.as_str(), error.message, error.epoch]),
        other => json!(other.to_json()),
    }
}

/// Where a mailbox is full what is new takes the place of something else. What the blocked send takes nobody's.
#[tokio::test]
async fn the_blocked_push_nothing_out_of_a_full_mailbox() {
    let server = TestServer::with(|config| config.limits.max_pending_messages = 2).await;
    let (alice, bob, mallory) = (server.user("alice").await, server.user("bob").await, server.user("mallory").await);
    blocks(&alice, "mallory").await;
    empties(&alice).await;
    let mut m = mallory.online().await;
    sends(&mut m, mallory.message("alice", new_id(), "eA==")).await;
    let mut b = bob.online().await;
    for _ in 0..2 {
        sends(&mut b, bob.message("alice", new_id(), "eA==")).await;
    }
    let before = waiting(&alice).await;
    assert_eq!(before.len(), 2);
    for _ in 0..3 {
        sends(&mut m, mallory.message("alice", new_id(), "eA==")).await;
    }
    assert_eq!(waiting(&alice).await, before);
    sends(&mut b, bob.message("alice", new_id(), "eA==")).await;
    assert_eq!(waiting(&alice).await[0], before[1]);
}

#[tokio::test]
async fn neither_sees_the_other_come_and_go() {
    let (server, alice, mallory, _) = acquainted().await;
    let status = async |line: &mut Line| match line.next_of_any_kind().await {
        ServerFrame::Presence(presence) => (presence.user_id.to_string(), presence.status),
        other => panic!("{other:?}"),
    };
    let mut m = mallory.online().await;
    let a = alice.connect().await;
    assert_eq!(status(&mut m).await, ("alice".to_owned(), PresenceStatus::Online));
    let seen_before = last_seen(&mallory, "alice").await;
    assert!(seen_before.is_string() && last_seen(&alice, "mallory").await.is_string());
    server.clock.advance(3600);
    blocks(&alice, "mallory").await;
    // As if she had gone. Nothing of hers is seen any more, and nothing of mallory's by her.
    assert_eq!(status(&mut m).await, ("alice".to_owned(), PresenceStatus::Offline));
    drop(a);
    let mut a = alice.connect().await;
    // A time that is gone would tell that it was taken away, and one that moves that she is there.
    assert_eq!(
        (last_seen(&mallory, "alice").await, last_seen(&alice, "mallory").await),
        (seen_before.clone(), Value::Null)
    );
    a.send(json!({"type": "presence", "payload": {"status": "away"}})).await;
    m.send(json!({"type": "presence", "payload": {"status": "busy"}})).await;
    m.send(json!({"type": "typing", "payload": {"recipient_id": "alice", "is_typing": true}})).await;
    for line in [&mut m, &mut a] {
        line.ping_through().await;
        line.send(json!({"type": "ping", "payload": {}})).await;
        assert_eq!(line.next_of_any_kind().await, ServerFrame::Pong);
    }
    // Being blocked twice is nothing new.
    blocks(&alice, "mallory").await;
    unblocks(&alice, "mallory").await;
    assert_eq!(status(&mut m).await, ("alice".to_owned(), PresenceStatus::Away));
    assert_ne!(last_seen(&mallory, "alice").await, seen_before);
    unblocks(&alice, "mallory").await;
    m.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(m.next_of_any_kind().await, ServerFrame::Pong);
}

/// Who was there all the time, and was never seen, is not shown by blocking.
#[tokio::test]
async fn blocking_a_stranger_shows_them_nothing() {
    let server = TestServer::start().await;
    let (alice, mallory) = (server.user("alice").await, server.user("mallory").await);
    let (_a, mut m) = (alice.online().await, mallory.online().await);
    sends(&mut m, mallory.message("alice", new_id(), "eA==")).await;
    blocks(&alice, "mallory").await;
    unblocks(&alice, "mallory").await;
    m.send(json!({"type": "ping", "payload": {}})).await;
    assert_eq!(m.next_of_any_kind().await, ServerFrame::Pong);
}
