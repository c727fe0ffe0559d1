//! Mailboxes that nobody empties: one device stops nobody, and what goes first.

use privmsg_protocol::frames::{MessageType, ServerFrame};
use privmsg_protocol::{GroupId, MessageId};
use serde_json::{Value, json};

use super::people::{beginning, id_of, member};
use super::{Pair, changes, commits, enters, pair, pair_on};
use crate::support::{Chat, Line, Person, TestServer, create, new_id, submission, submit};

/// A server whose mailboxes hold so many.
async fn small(messages: u64) -> TestServer {
    TestServer::with(|config| config.limits.max_pending_messages = messages).await
}

/// The messages that wait, as (type, seq).
async fn waiting(who: &Person) -> Vec<(String, Option<u64>)> {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let of = |message: &Value| (message["message_type"].as_str().unwrap().to_owned(), message["seq"].as_u64());
    pending["messages"].as_array().unwrap().iter().map(of).collect()
}

async fn texts(who: &Person) -> Vec<u64> {
    waiting(who).await.into_iter().filter(|(kind, _)| kind == "text").filter_map(|(_, seq)| seq).collect()
}

/// Acknowledges what comes until a message of this id has.
async fn reads_up_to(line: &mut Line, id: MessageId) {
    loop {
        if let ServerFrame::Message(message) = line.next().await {
            line.ack(&[message.message_id]).await;
            if message.message_id == id {
                return;
            }
        }
    }
}

/// Connects and acknowledges all that waits.
async fn read_up(who: &Person) -> Line {
    let mut line = who.connect().await;
    while let ServerFrame::Message(message) = line.next().await {
        line.ack(&[message.message_id]).await;
    }
    line.ping().await;
    line
}

async fn writes(line: &mut Line, by: &Person, id: GroupId, epoch: u64, times: usize) -> Vec<MessageId> {
    let ids: Vec<_> = (0..times).map(|_| new_id()).collect();
    for message_id in &ids {
        line.deliver(by.group_message(id, epoch, *message_id)).await;
    }
    ids
}

/// A phone in a drawer stopped whole conversations: as soon as its mailbox was full, everybody's messages were refused.
#[tokio::test]
async fn one_full_device_stops_nobody() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair_on(small(16).await).await;
    let phone = server.device("bob", &bob.access_key).await;
    changes(&alice, &hers, id, &[&his], &[&phone], &[]).await;
    let (mut laptop, mut a) = (bob.connect().await, alice.online().await);
    phone.online_past_welcome().await;
    let mut sent = Vec::new();
    for _ in 0..40 {
        sent.extend(writes(&mut a, &alice, id, 2, 1).await);
        reads_up_to(&mut laptop, sent[sent.len() - 1]).await;
    }
    // The newest, without a hole among them; the oldest are a gap, which shows. It is a member all the same.
    let (kept, last) = (texts(&phone).await, sent.len() as u64 + 2);
    assert!((14..=16).contains(&kept.len()), "{kept:?}");
    assert!(kept.iter().copied().eq(last - kept.len() as u64 + 1..=last), "{kept:?}");
    let mut line = phone.connect().await;
    line.send(phone.group_message(id, 2, new_id())).await;
    while !matches!(line.next().await, ServerFrame::Ack(_)) {}
}

/// What follows a commit nobody can read without it. So the rest goes as well, and the device joins anew.
#[tokio::test]
async fn a_device_that_has_lost_a_commit_joins_anew() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair_on(small(8).await).await;
    let phone = server.device("bob", &bob.access_key).await;
    changes(&alice, &hers, id, &[&his], &[&phone], &[]).await;
    let (mut laptop, mut a) = (bob.connect().await, alice.online().await);
    phone.online_past_welcome().await;
    changes(&alice, &hers, id, &[&his], &[], &[]).await;
    for _ in 0..20 {
        let sent = writes(&mut a, &alice, id, 3, 1).await;
        reads_up_to(&mut laptop, sent[0]).await;
    }
    assert_eq!(waiting(&phone).await, [("device_sync".to_owned(), None)]);
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    let hers_of = group["devices"].as_array().unwrap().iter().find(|one| one["device_id"] == phone.device).unwrap();
    assert_eq!((&hers_of["leaf"], &hers_of["active"]), (&Value::Bool(false), &Value::Bool(true)));
    let mut line = phone.connect().await;
    assert_eq!(line.message().await.message_type, MessageType::DeviceSync);
    assert_eq!(line.next().await, ServerFrame::CaughtUp);
    line.send(phone.group_message(id, 3, new_id())).await;
    assert_eq!(line.error().await.code.as_str(), "not_a_member");
    let (_, entry, _) = enters(&phone, id).await;
    hers.follows(&entry.commit).unwrap();
    while !matches!(a.next().await, ServerFrame::Message(_)) {}
    let sent = writes(&mut a, &alice, id, 4, 1).await;
    assert_eq!(line.message().await.message_id, sent[0]);
}

/// Its leaf stands in the tree, and the others go on encrypting to it: they have to hear that it is signed out.
#[tokio::test]
async fn a_device_that_has_lost_a_group_is_put_out_of_it_all_the_same() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair_on(small(8).await).await;
    let phone = server.device("bob", &bob.access_key).await;
    changes(&alice, &hers, id, &[&his], &[&phone], &[]).await;
    let (mut laptop, mut a) = (bob.connect().await, alice.online().await);
    phone.online_past_welcome().await;
    changes(&alice, &hers, id, &[&his], &[], &[]).await;
    for _ in 0..20 {
        let sent = writes(&mut a, &alice, id, 3, 1).await;
        reads_up_to(&mut laptop, sent[0]).await;
    }
    let count = |sql: &str| server.database().query_row(sql, [&phone.device], |row| row.get::<_, i64>(0)).unwrap();
    let lost = "SELECT count(*) FROM lost_leaf l JOIN device d ON d.id = l.device WHERE d.device_id = ?1";
    assert_eq!(count(lost), 1);
    phone.post("/api/v1/auth/logout", Value::Null).await.ok();
    assert_eq!(a.message().await.message_type, MessageType::DeviceSync);
    // Its name is not given to anybody meanwhile.
    server.user("carol").await;
    let admin = json!({ "admin_key": crate::support::ADMIN_KEY });
    server.api.json("DELETE", "/api/v1/admin/users/carol", None, &admin).await.ok();
    assert_eq!(count("SELECT count(*) FROM device WHERE device_id = ?1"), 1);
    changes(&alice, &hers, id, &[&his], &[], &[&phone]).await;
    assert_eq!(count(lost), 0);
}

/// Between two there is nobody else. What is said meanwhile waits with its sender, as after a restore, and is not lost.
#[tokio::test]
async fn between_two_it_is_said_again_once_the_other_is_back() {
    let Pair { server: _server, alice, bob, id, hers, .. } = pair_on(small(4).await).await;
    let mut a = alice.online().await;
    writes(&mut a, &alice, id, 1, 3).await;
    // His welcome is the oldest.
    let refused = new_id();
    a.send(alice.group_message(id, 1, refused)).await;
    assert_eq!(a.error().await.code.as_str(), "recipient_not_back");
    let (_, entry, _) = enters(&bob, id).await;
    hers.follows(&entry.commit).unwrap();
    while !matches!(a.next().await, ServerFrame::Message(_)) {}
    a.deliver(alice.group_message(id, 2, refused)).await;
    let kinds = waiting(&bob).await;
    assert_eq!(kinds, [("device_sync".to_owned(), None), ("text".to_owned(), Some(6))]);
}

/// Nobody makes a mailbox full at the expense of others: of the chat that holds most the oldest goes.
#[tokio::test]
async fn the_chat_that_holds_most_gives_way() {
    let Pair { server, alice, bob, id, .. } = pair_on(small(16).await).await;
    let (carol, chat) = (server.user("carol").await, Chat::direct("bob", "carol"));
    create(&carol, &chat, &[&bob]).await.ok();
    let (mut a, mut c) = (alice.online().await, carol.online().await);
    // He has written to both.
    let mut b = bob.connect().await;
    while let Some(message) = match b.next().await {
        ServerFrame::Message(message) => Some(message.message_id),
        _ => None,
    } {
        b.ack(&[message]).await;
    }
    writes(&mut b, &bob, id, 1, 1).await;
    writes(&mut b, &bob, chat.id(), 1, 1).await;
    drop(b);
    for line in [&mut a, &mut c] {
        line.message().await;
    }
    let few = writes(&mut a, &alice, id, 1, 3).await;
    writes(&mut c, &carol, chat.id(), 1, 60).await;
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    let mut of_alice = pending["messages"].as_array().unwrap().iter().filter(|one| one["sender_id"] == "alice");
    assert!(few.iter().all(|id| of_alice.next().unwrap()["message_id"] == id.to_string()));
}

/// Strangers fill what nobody else needs, and are the first to lose it.
#[tokio::test]
async fn strangers_give_way_before_all_others() {
    let Pair { server, alice, bob, id, .. } = pair_on(small(16).await).await;
    let mut b = bob.online_past_welcome().await;
    writes(&mut b, &bob, id, 1, 1).await;
    drop(b);
    let mallory = server.user("mallory").await;
    let chat = Chat::direct("bob", "mallory");
    create(&mallory, &chat, &[&bob]).await.ok();
    let (mut a, mut m) = (alice.connect().await, mallory.online().await);
    while a.next().await != ServerFrame::CaughtUp {}
    let hers = writes(&mut a, &alice, id, 1, 12).await;
    writes(&mut m, &mallory, chat.id(), 1, 3).await;
    // Now it is full, and she writes on.
    writes(&mut a, &alice, id, 1, 1).await;
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    let kept = pending["messages"].as_array().unwrap();
    assert!(kept.iter().all(|one| one["sender_id"] != "mallory" || one["message_type"] == "device_sync"), "{kept:?}");
    assert!(hers.iter().all(|id| kept.iter().any(|one| one["message_id"] == id.to_string())));
}

/// In most groups most people only read. That is no reason for what is said there to go first.
#[tokio::test]
async fn a_group_in_which_somebody_only_reads_gives_way_to_no_flood() {
    let server = small(16).await;
    let (alice, bob, carol) =
        (member(&server, "alice").await, member(&server, "bob").await, member(&server, "carol").await);
    let (with_alice, with_carol) = (Chat::direct("alice", "bob"), Chat::direct("bob", "carol"));
    create(&alice, &with_alice, &[&bob]).await.ok();
    create(&carol, &with_carol, &[&bob]).await.ok();
    let mut b = read_up(&bob).await;
    // He has answered both.
    writes(&mut b, &bob, with_alice.id(), 1, 1).await;
    writes(&mut b, &bob, with_carol.id(), 1, 1).await;
    let founding = alice.mls.roster_with(&[&bob.mls]).unwrap();
    let (_, _, begun) = beginning(&alice, &founding, &founding, 1, &[&bob]);
    alice.post("/api/v1/groups", begun).await.ok();
    drop(b);
    drop(read_up(&bob).await);
    let (mut a, mut c) = (read_up(&alice).await, read_up(&carol).await);
    let hers = writes(&mut a, &alice, id_of(&founding), 1, 4).await;
    writes(&mut c, &carol, with_carol.id(), 1, 60).await;
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    let kept = pending["messages"].as_array().unwrap();
    assert!(hers.iter().all(|id| kept.iter().any(|one| one["message_id"] == id.to_string())), "{kept:?}");
}

/// Nor by as many groups as somebody likes, each of them smaller than a chat of somebody else.
#[tokio::test]
async fn who_holds_most_in_several_groups_gives_way() {
    let server = small(24).await;
    let (alice, bob, mallory) =
        (member(&server, "alice").await, member(&server, "bob").await, member(&server, "mallory").await);
    let (with_alice, with_mallory) = (Chat::direct("alice", "bob"), Chat::direct("bob", "mallory"));
    create(&alice, &with_alice, &[&bob]).await.ok();
    create(&mallory, &with_mallory, &[&bob]).await.ok();
    let mut b = read_up(&bob).await;
    writes(&mut b, &bob, with_alice.id(), 1, 1).await;
    writes(&mut b, &bob, with_mallory.id(), 1, 1).await;
    let mut groups = Vec::new();
    for _ in 0..2 {
        let founding = mallory.mls.roster_with(&[&alice.mls, &bob.mls]).unwrap();
        let (_, _, begun) = beginning(&mallory, &founding, &founding, 1, &[&alice, &bob]);
        mallory.post("/api/v1/groups", begun).await.ok();
        groups.push(id_of(&founding));
    }
    drop(b);
    drop(read_up(&bob).await);
    let mut a = read_up(&alice).await;
    let in_group = writes(&mut a, &alice, groups[0], 1, 1).await;
    let hers = writes(&mut a, &alice, with_alice.id(), 1, 9).await;
    let mut m = read_up(&mallory).await;
    for id in groups.repeat(30) {
        writes(&mut m, &mallory, id, 1, 1).await;
    }
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    let kept = pending["messages"].as_array().unwrap();
    let is_kept = |id: &MessageId| kept.iter().any(|one| one["message_id"] == id.to_string());
    assert!(hers.iter().chain(&in_group).all(is_kept), "{kept:?}");
    assert!(kept.iter().filter(|one| one["sender_id"] == "mallory").count() <= 14, "{kept:?}");
}

/// Large messages fill a mailbox long before there are many of them.
#[tokio::test]
async fn a_mailbox_is_full_by_its_size_too() {
    let server = TestServer::with(|config| config.limits.max_pending_mb = 1).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    let sent: Vec<_> = (0..40).map(|_| new_id()).collect();
    for id in &sent {
        a.deliver(alice.message("bob", *id, &"A".repeat(60 * 1024))).await;
    }
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    let kept = pending["messages"].as_array().unwrap();
    assert!((14..=17).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().rev().zip(sent.iter().rev()).all(|(one, id)| one["message_id"] == id.to_string()));
}

/// Commits are what a user sends, too: whoever has as much waiting as they may commits no more, and stops nobody else.
#[tokio::test]
async fn commits_wait_within_the_bounds_of_what_is_sent() {
    let server = TestServer::with(|config| config.limits.max_waiting_mb_per_user = 1).await;
    let Pair { server: _server, alice, bob, id, hers, his, .. } = pair_on(server).await;
    let mut a = alice.online().await;
    let mut sent = Vec::new();
    for size in [60 * 1024, 1024] {
        loop {
            sent.push(new_id());
            a.send(alice.message("bob", sent[sent.len() - 1], &"A".repeat(size))).await;
            match a.next().await {
                ServerFrame::Ack(_) => {}
                ServerFrame::Error(error) => break assert_eq!(error.code.as_str(), "mailbox_full"),
                other => panic!("{other:?}"),
            }
        }
    }
    commits(&alice, &hers, id, &[], &[]).await.0.is("mailbox_full");
    hers.forgets().unwrap();
    changes(&bob, &his, id, &[&hers], &[], &[]).await;
    let rotation = submission(&hers.commits(&[], &[]).unwrap());
    submit(&alice, id, &rotation).await.is("mailbox_full");
    bob.post("/api/v1/messages/ack", json!({ "message_ids": [sent[0]] })).await.ok();
    submit(&alice, id, &rotation).await.ok();
}

/// The attack itself: nothing but commits, for somebody who is away.
#[tokio::test]
async fn commits_alone_come_to_the_bound_of_what_is_sent() {
    let server = TestServer::with(|config| config.limits.max_waiting_mb_per_user = 1).await;
    let Pair { server, alice, bob, id, hers, .. } = pair_on(server).await;
    let mut bytes = 0;
    loop {
        let (answer, bundle) = commits(&alice, &hers, id, &[], &[]).await;
        if answer.status != 200 {
            answer.is("mailbox_full");
            break;
        }
        bytes += bundle.commit.len();
        assert!(bytes < 1 << 20, "more than that waits");
        hers.merges().unwrap();
    }
    assert!(bytes > 1 << 19, "{bytes} bytes of commits came to a million");
    let carol = server.user("carol").await;
    carol.online().await.deliver(carol.message("bob", new_id(), "hi")).await;
    assert_eq!(waiting(&bob).await.last().unwrap().0, "text");
}

#[tokio::test]
async fn commits_alone_make_room_in_a_mailbox() {
    let server = TestServer::with(|config| config.limits.max_pending_mb = 1).await;
    let Pair { server, alice, bob, id, hers, .. } = pair_on(server).await;
    let mut bytes = 0;
    while bytes < 1 << 20 {
        bytes += changes(&alice, &hers, id, &[], &[], &[]).await.commit.len();
    }
    let carol = server.user("carol").await;
    carol.online().await.deliver(carol.message("bob", new_id(), "hi")).await;
    let left = ["device_sync", "text"].map(|kind| (kind.to_owned(), None));
    assert_eq!(waiting(&bob).await, left, "what nobody can read without a commit goes with it");
}

/// What is free on the disk has become less than its reserve: groups do not grow there, and what people say goes on.
#[tokio::test]
async fn commits_leave_the_disk_its_reserve() {
    let Pair { mut server, mut alice, id, hers, .. } = pair().await;
    let rotation = submission(&hers.commits(&[], &[]).unwrap());
    server.config.limits.min_free_disk_mb = 1 << 40;
    server.restart().await;
    alice.api = server.api;
    submit(&alice, id, &rotation).await.is("storage_full");
    alice.online().await.deliver(alice.group_message(id, 1, new_id())).await;
    server.config.limits.min_free_disk_mb = 0;
    server.restart().await;
    alice.api = server.api;
    submit(&alice, id, &rotation).await.ok();
}
