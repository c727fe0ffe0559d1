//! Attacks on who wants to be left alone: put into groups by those whom they have blocked, and again when they have left.

use privmsg_harness::e2ee::Role;
use privmsg_mls_public::Roster;
use privmsg_protocol::GroupId;
use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use super::people::{Club, beginning, club, id_of, member};
use super::{changes, enters};
use crate::support::{Chat, Line, Person, TestServer, create, new_id};

pub(super) async fn blocks(who: &Person, user: &str) {
    let path = format!("/api/v1/users/me/blocks/{user}");
    assert_eq!(who.api.json("PUT", &path, Some(&who.token), &Value::Null).await.status, 204);
}

pub(super) async fn unblocks(who: &Person, user: &str) {
    assert_eq!(who.delete(&format!("/api/v1/users/me/blocks/{user}")).await.status, 204);
}

pub(super) async fn caught_up(who: &Person) -> Line {
    let mut line = who.connect().await;
    while line.next().await != ServerFrame::CaughtUp {}
    line
}

/// The kinds of what waits for somebody, but for news of the account.
pub(super) async fn waiting(who: &Person) -> Vec<String> {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let kinds = pending["messages"].as_array().unwrap().iter().map(|one| one["message_type"].as_str().unwrap());
    kinds.filter(|kind| *kind != "account_sync").map(str::to_owned).collect()
}

/// Takes what waits for somebody out of the way.
pub(super) async fn takes_all(who: &Person) {
    let pending = who.get("/api/v1/messages/pending").await.ok();
    let ids: Vec<_> = pending["messages"].as_array().unwrap().iter().map(|one| &one["message_id"]).collect();
    who.post("/api/v1/messages/ack", json!({"message_ids": ids})).await.ok();
}

pub(super) async fn kept_out(who: &Person) -> Value {
    who.get("/api/v1/users/me/requests").await.ok()["kept_out"].clone()
}

/// There is no such group for this one, however they ask.
pub(super) async fn is_closed_to(who: &Person, id: GroupId) {
    assert_eq!(who.get("/api/v1/groups").await.ok()["groups"], json!([]));
    for part in ["", "/state", "/rosters?after=1", "/commits/1"] {
        who.get(&format!("/api/v1/groups/{id}{part}")).await.is("unknown_group");
    }
    assert_eq!(who.get("/api/v1/users/me/requests").await.ok()["unanswered"], json!([]));
    assert_eq!(waiting(who).await, [""; 0]);
}

/// What mallory sees of a group that she makes with this one, who has blocked her or not, without what is another word for each.
async fn story(server: &TestServer, mallory: &Person, other: &Person) -> (GroupId, String) {
    let founding = mallory.mls.roster_with(&[&other.mls]).unwrap();
    let (hers, _, body) = beginning(mallory, &founding, &founding, 1, &[other]);
    let mut seen = vec![mallory.post("/api/v1/groups", body).await.ok()];
    let id = id_of(&founding);
    let mut line = caught_up(mallory).await;
    line.deliver(mallory.group_message(id, 1, new_id())).await;
    changes(mallory, &hers, id, &[], &[], &[]).await;
    line.deliver(mallory.group_message(id, 2, new_id())).await;
    // A device that comes later is added by her.
    let tablet = server.device(&other.name, &other.access_key).await;
    changes(mallory, &hers, id, &[], &[&tablet], &[]).await;
    seen.push(mallory.get(&format!("/api/v1/groups/{id}")).await.ok());
    seen.push(mallory.get("/api/v1/users/me/requests").await.ok());
    seen.push(mallory.get(&format!("/api/v1/users/{}", other.name)).await.ok()["last_seen_at"].clone());
    for answer in &mut seen {
        if let Some(answer) = answer.as_object_mut() {
            ["group_id", "chat_id", "roster"].iter().for_each(|name| drop(answer.remove(*name)));
        }
    }
    let names = [(&other.name, "OTHER"), (&other.device, "ONE"), (&tablet.device, "TWO")];
    let seen = names.iter().fold(json!(seen).to_string(), |text, (name, word)| text.replace(*name, word));
    (id, seen)
}

#[tokio::test]
async fn who_is_blocked_puts_nobody_into_a_group() {
    let server = TestServer::start().await;
    let mallory = member(&server, "mallory").await;
    let (bob, eve) = (member(&server, "bob").await, member(&server, "eve").await);
    blocks(&bob, "mallory").await;
    let (id, of_bob) = story(&server, &mallory, &bob).await;
    let (_, of_eve) = story(&server, &mallory, &eve).await;
    assert_eq!(of_bob, of_eve, "mallory is not told");
    assert_eq!(waiting(&eve).await, ["key_exchange", "text", "key_exchange", "text", "key_exchange"]);
    is_closed_to(&bob, id).await;
    assert_eq!(kept_out(&bob).await[0]["group_id"], json!(id));
    // He can neither say anything there nor change it.
    let mut b = caught_up(&bob).await;
    b.send(bob.group_message(id, 3, new_id())).await;
    assert_eq!(b.error().await.code.as_str(), "unknown_group");
    b.is_quiet().await;

    unblocks(&bob, "mallory").await;
    assert_eq!(kept_out(&bob).await, Value::Null);
    b.ping_through().await;
    assert_eq!(waiting(&bob).await, ["device_sync"]);
    enters(&bob, id).await;
    caught_up(&mallory).await.deliver(mallory.group_message(id, 4, new_id())).await;
    assert_eq!(waiting(&bob).await, ["device_sync", "text"]);
}

/// Whoever was declined made a group of two, and asked once more a second later.
#[tokio::test]
async fn who_is_declined_does_not_come_again_by_a_group_of_two() {
    let server = TestServer::start().await;
    let mallory = member(&server, "mallory").await;
    let (bob, eve) = (member(&server, "bob").await, member(&server, "eve").await);
    for other in [&bob, &eve] {
        create(&mallory, &Chat::direct("mallory", &other.name), &[other]).await.ok();
        // They see her as somebody who has never heard of her.
        other.online_past_welcome().await;
    }
    let direct = Chat::direct("mallory", "bob").id();
    assert_eq!(bob.post(&format!("/api/v1/groups/{direct}/decline"), Value::Null).await.status, 204);
    let (id, of_bob) = story(&server, &mallory, &bob).await;
    let (_, of_eve) = story(&server, &mallory, &eve).await;
    assert_eq!(of_bob, of_eve, "mallory is not told");
    bob.get(&format!("/api/v1/groups/{id}")).await.is("unknown_group");
    assert_eq!(waiting(&bob).await, [""; 0]);
    let kept = kept_out(&bob).await;
    assert_eq!((&kept[0]["group_id"], &kept[0]["by"]), (&json!(id), &json!("mallory")));
    // Where others are, it is another conversation.
    let founding = mallory.mls.roster_with(&[&bob.mls, &eve.mls]).unwrap();
    let (_, _, body) = beginning(&mallory, &founding, &founding, 1, &[&bob, &eve]);
    mallory.post("/api/v1/groups", body).await.ok();
    bob.get(&format!("/api/v1/groups/{}", id_of(&founding))).await.ok();
    // Also where they come together to one that was hers alone.
    let hers_alone = mallory.mls.roster_with(&[]).unwrap();
    let (hers, _, body) = beginning(&mallory, &hers_alone, &hers_alone, 1, &[]);
    mallory.post("/api/v1/groups", body).await.ok();
    let people = vec![mallory.mls.place(Role::Owner), bob.mls.place(Role::Member), eve.mls.place(Role::Member)];
    let with_both = mallory.mls.writes(&[&hers_alone], people).unwrap();
    let bundle = hers.steps(&with_both, &crate::support::devices(&[&bob, &eve])).unwrap();
    crate::support::submit(&mallory, id_of(&hers_alone), &crate::support::submission(&bundle)).await.ok();
    bob.get(&format!("/api/v1/groups/{}", id_of(&hers_alone))).await.ok();

    assert_eq!(bob.post(&format!("/api/v1/groups/{direct}/accept"), Value::Null).await.status, 204);
    assert_eq!(kept_out(&bob).await, Value::Null);
    enters(&bob, id).await;
}

/// The word of one and the hand of another.
#[tokio::test]
async fn nor_has_somebody_else_do_it() {
    let club = club().await;
    let step = club.bob_is_admin().await;
    let dave = member(&club.server, "dave").await;
    blocks(&dave, "bob").await;
    let with_dave = club.bob.mls.changes(&step, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.carol, &club.carols, &[&club.hers, &club.bobs], &with_dave, &[&dave]).await;
    is_closed_to(&dave, club.id).await;
    assert_eq!(club.group(&club.bob).await["participants"], json!(["alice", "bob", "carol", "dave"]));
}

/// The same as the group goes on in another one, where a third one posts the word of who is blocked.
#[tokio::test]
async fn nor_does_the_next_group_bring_them() {
    let club = club().await;
    let step = club.bob_is_admin().await;
    let (dave, erin) = (member(&club.server, "dave").await, member(&club.server, "erin").await);
    blocks(&dave, "bob").await;
    let with_dave = club.bob.mls.changes(&step, &dave.mls, Some(Role::Member)).unwrap();
    let with_both = club.bob.mls.changes(&with_dave, &erin.mls, Some(Role::Member)).unwrap();
    let others = [&club.alice, &club.bob, &dave, &erin];
    let (_, _, mut body) = beginning(&club.carol, &club.founding, &with_both, 2, &others);
    body["steps"] = json!([crate::support::base64(&with_dave.encode())]);
    let next = club.carol.post("/api/v1/groups", body).await.ok();
    assert_eq!(next["participants"], json!(["alice", "bob", "carol", "dave", "erin"]));
    let next: GroupId = serde_json::from_value(next["group_id"].clone()).unwrap();
    is_closed_to(&dave, next).await;
    assert_eq!(kept_out(&dave).await[0]["by"], "bob");
    assert_eq!(waiting(&erin).await, ["key_exchange"]);
}

/// Which roster counts the receivers know, and pass it over.
#[tokio::test]
async fn what_is_said_in_a_group_of_two_is_delivered_to_who_has_blocked_the_other() {
    let club = club().await;
    let mut b = caught_up(&club.bob).await;
    blocks(&club.bob, "alice").await;
    b.ping_through().await;
    let mut a = caught_up(&club.alice).await;
    a.deliver(club.alice.group_message(club.id, 1, new_id())).await;
    assert_eq!(b.message().await.message_type, MessageType::Text, "among three they meet");
    let alone = club.alice.mls.changes(&club.founding, &club.carol.mls, None).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs], &alone, &[]).await;
    assert_eq!(b.message().await.message_type, MessageType::KeyExchange);
    a.deliver(club.alice.group_message(club.id, 2, new_id())).await;
    assert_eq!(b.message().await.message_type, MessageType::Text);
}

#[tokio::test]
async fn who_has_left_twice_is_not_brought_back() {
    let club = club().await;
    let carol = &club.carol;
    // Once it may have been a mistake.
    let first = leaves_and_is_brought_back(&club, &club.founding).await;
    assert_eq!(waiting(carol).await, ["key_exchange"]);
    leaves_and_is_brought_back(&club, &first).await;
    is_closed_to(carol, club.id).await;
    assert_eq!(club.group(&club.bob).await["participants"], json!(["alice", "bob", "carol"]));
    assert_eq!(kept_out(carol).await, json!([{"group_id": club.id, "chat_id": club.founding.conversation_id()}]));

    // It is hers to say that she is there all the same.
    carol.post(&format!("/api/v1/groups/{}/accept", club.id), Value::Null).await.ok();
    assert_eq!(kept_out(carol).await, Value::Null);
    assert_eq!(waiting(carol).await, ["device_sync"]);
    enters(carol, club.id).await;
}

/// Returns the newest roster.
async fn leaves_and_is_brought_back(club: &Club, roster: &Roster) -> Roster {
    let without = club.carol.mls.changes(roster, &club.carol.mls, None).unwrap();
    club.leaves(&club.carol, &without).await.ok();
    club.moves(&club.bob, &club.bobs, &[&club.hers], &without, &[]).await;
    takes_all(&club.carol).await;
    let with = club.alice.mls.changes(&without, &club.carol.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs], &with, &[&club.carol]).await;
    with
}
