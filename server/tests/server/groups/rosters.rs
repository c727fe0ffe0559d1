//! Groups of people: who takes part follows from the roster.

use std::time::Duration;

use privmsg_harness::e2ee::Role;
use privmsg_protocol::GroupId;
use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::people::{Club, beginning, club, member};
use super::{changes, entry};
use crate::support::{Chat, Line, Person, TestServer, base64, create, new_id, submit};

#[tokio::test]
async fn a_group_begins_with_its_founding_roster() {
    let club = club().await;
    let group = club.group(&club.carol).await;
    assert_eq!((&group["kind"], &group["epoch"], &group["seq"]), (&json!("group"), &json!(1), &json!(1)));
    assert_eq!(group["chat_id"], json!(club.founding.conversation_id()));
    assert_eq!(group["participants"], json!(["alice", "bob", "carol"]));
    assert_eq!(group["roster"], json!({"number": 1, "hash": base64(club.founding.hash())}));
    assert_eq!(group.get("steps"), None);
    let state = club.carol.get(&format!("/api/v1/groups/{}/state", club.id)).await.ok();
    let founding = base64(&club.founding.encode());
    assert_eq!((&state["roster"], &state["founding_roster"]), (&founding, &founding));
    let mut c = club.carol.connect().await;
    assert_eq!(c.message().await.message_type, MessageType::KeyExchange);
    assert_eq!(c.next().await, ServerFrame::CaughtUp);
}

/// Not what anybody says: a request that names participants beside is none.
#[tokio::test]
async fn the_roster_says_who_takes_part() {
    let server = TestServer::start().await;
    let (alice, bob) = (member(&server, "alice").await, member(&server, "bob").await);
    let founding = alice.mls.roster_with(&[&bob.mls]).unwrap();
    let (_, _, body) = beginning(&alice, &founding, &founding, 1, &[&bob]);
    let mut named = body.clone();
    named["participants"] = json!(["alice"]);
    alice.post("/api/v1/groups", named).await.is("invalid_request");
    alice.post("/api/v1/groups", body.clone()).await.ok();
    // The same again is answered as the first time.
    let again = alice.post("/api/v1/groups", body).await.ok();
    assert_eq!(again["participants"], json!(["alice", "bob"]));
}

#[tokio::test]
async fn a_member_comes_by_a_step_and_another_goes() {
    let club = club().await;
    let dave = member(&club.server, "dave").await;
    let mut c = club.carol.connect().await;
    while c.next().await != ServerFrame::CaughtUp {}
    dave.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");

    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    let bundle = club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    let group = club.group(&dave).await;
    assert_eq!(group["participants"], json!(["alice", "bob", "carol", "dave"]));
    assert_eq!(group["roster"]["number"], 2);
    let daves = dave.mls.joins_people(&bundle, Some(&with_dave)).unwrap();
    assert_eq!(c.message().await.epoch.unwrap().0, 1, "the commit");

    let without_carol = club.alice.mls.changes(&with_dave, &club.carol.mls, None).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &daves], &without_carol, &[]).await;
    let ways = async |after: u64| dave.get(&format!("/api/v1/groups/{}/rosters?after={after}", club.id)).await.ok();
    let steps = [&with_dave, &without_carol].map(|roster| base64(&roster.encode()));
    assert_eq!(ways(1).await, json!({"rosters": steps}));
    assert_eq!(ways(2).await, json!({"rosters": steps[1..]}));
    assert_eq!(ways(u64::MAX).await, json!({"rosters": []}));
    // The commit comes, and nothing after it.
    let last = c.message().await;
    assert_eq!((last.message_type, last.seq.unwrap().0), (MessageType::KeyExchange, 3));
    let mut b = club.bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    let mut d = dave.connect().await;
    while d.next().await != ServerFrame::CaughtUp {}
    d.deliver(dave.group_message(club.id, 3, new_id())).await;
    assert_eq!(b.message().await.seq.unwrap().0, 4);
    changes(&dave, &daves, club.id, &[&club.hers, &club.bobs], &[], &[]).await;
    b.message().await;
    c.is_quiet().await;
    club.carol.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
    for part in ["state", "rosters?after=1"] {
        club.carol.get(&format!("/api/v1/groups/{}/{part}", club.id)).await.is("unknown_group");
    }
    assert_eq!(club.carol.get("/api/v1/groups").await.ok()["groups"], json!([]));
    c.send(club.carol.group_message(club.id, 4, new_id())).await;
    assert_eq!(c.error().await.code.as_str(), "unknown_group");
}

/// Whoever brings somebody in may not know all of their devices, or find no key package of one. It is told, and comes by itself.
#[tokio::test]
async fn a_device_that_was_not_brought_with_its_user_is_told() {
    let (club, dave, tablet, mut t) = Box::pin(dave_and_his_tablet()).await;
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    let bundle = club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    // Whom the user has not answered is shown nothing by it.
    t.is_quiet().await;
    let without = club.alice.mls.changes(&with_dave, &dave.mls, None).unwrap();
    let daves = dave.mls.joins_people(&bundle, Some(&with_dave)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols, &daves], &without, &[]).await;
    let pair = Chat::direct("alice", "dave");
    create(&club.alice, &pair, &[&dave]).await.ok();
    assert_eq!(dave.post(&format!("/api/v1/groups/{}/accept", pair.id()), Value::Null).await.status, 204);
    let again = club.alice.mls.changes(&without, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &again, &[&dave]).await;
    let told = loop {
        match t.next_of_any_kind().await {
            ServerFrame::Message(told) if told.group_id != Some(club.id) => {}
            told => break told,
        }
    };
    let ServerFrame::Message(told) = told else { panic!("{told:?}") };
    assert_eq!((told.message_type, told.group_id), (MessageType::DeviceSync, Some(club.id)));
    let (_, _, body) = entry(&tablet, club.id).await;
    submit(&tablet, club.id, &body).await.ok();
}

/// Dave, whom nobody has asked yet, and his tablet, which is connected.
async fn dave_and_his_tablet() -> (Club, Person, Person, Line) {
    let club = club().await;
    let dave = member(&club.server, "dave").await;
    let tablet = club.server.device("dave", &dave.access_key).await;
    let mut t = tablet.connect().await;
    while t.next().await != ServerFrame::CaughtUp {}
    (club, dave, tablet, t)
}

/// He is brought in, and his tablet is not told.
async fn dave_comes_without_his_tablet() -> (Club, Person, Line) {
    let (club, dave, _, mut t) = Box::pin(dave_and_his_tablet()).await;
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    t.is_quiet().await;
    (club, dave, t)
}

/// The same, once their user has answered: then all of their devices may show that they are there.
#[tokio::test]
async fn a_device_that_was_not_told_is_told_when_its_user_answers() {
    let (club, dave, mut t) = Box::pin(dave_comes_without_his_tablet()).await;
    assert_eq!(dave.post(&format!("/api/v1/groups/{}/accept", club.id), Value::Null).await.status, 204);
    is_told_of(&mut t, club.id).await;
    // Once: who accepts again has answered before.
    assert_eq!(dave.post(&format!("/api/v1/groups/{}/accept", club.id), Value::Null).await.status, 204);
    let ServerFrame::Message(account) = t.next_of_any_kind().await else { panic!("the account's devices are told") };
    assert_eq!(account.message_type, MessageType::AccountSync);
    t.is_quiet().await;
}

/// The same, when they answer whoever has brought them in a conversation of two: for clients that lets in what that one asks elsewhere.
/// In a group it does not.
#[tokio::test]
async fn a_device_is_told_of_groups_by_somebody_whom_its_user_answers_alone() {
    let (club, dave, mut t) = Box::pin(dave_comes_without_his_tablet()).await;
    let accept = async |group| {
        assert_eq!(dave.post(&format!("/api/v1/groups/{group}/accept"), Value::Null).await.status, 204);
    };
    let told = async |line: &mut Line| {
        let mut groups = Vec::new();
        while let Ok(frame) = timeout(Duration::from_millis(500), line.next_of_any_kind()).await {
            let ServerFrame::Message(notice) = frame else { continue };
            groups.extend(notice.group_id.filter(|_| notice.message_type == MessageType::DeviceSync));
        }
        groups
    };
    let pair = Chat::direct("alice", "dave");
    create(&club.alice, &pair, &[&dave]).await.ok();
    assert!(!told(&mut t).await.contains(&club.id));
    accept(pair.id()).await;
    assert!(told(&mut t).await.contains(&club.id));
}

/// A notice that something is due in a group, before or behind one about the account.
async fn is_told_of(device: &mut Line, group: GroupId) {
    let mut told = Vec::new();
    for _ in 0..2 {
        let ServerFrame::Message(notice) = device.next_of_any_kind().await else {
            panic!("only notices come: {told:?}")
        };
        told.push((notice.message_type, notice.group_id));
    }
    assert!(told.contains(&(MessageType::DeviceSync, Some(group))), "{told:?}");
}

/// Of two that follow the same roster, the one whose commit comes first.
#[tokio::test]
async fn of_two_admins_at_once_one_is_first() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    let (dave, erin) = (member(&club.server, "dave").await, member(&club.server, "erin").await);
    let by_alice = club.alice.mls.changes(&roster, &dave.mls, Some(Role::Member)).unwrap();
    let by_bob = club.bob.mls.changes(&roster, &erin.mls, Some(Role::Member)).unwrap();
    let late = club.bobs.steps(&by_bob, &[&erin.mls]).unwrap();
    club.bobs.forgets().unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &by_alice, &[&dave]).await;
    submit(&club.bob, club.id, &crate::support::submission(&late)).await.is("stale_epoch");
    // He makes it again, on what is now.
    let again = club.bob.mls.changes(&by_alice, &erin.mls, Some(Role::Member)).unwrap();
    club.moves(&club.bob, &club.bobs, &[&club.hers, &club.carols], &again, &[&erin]).await;
    assert_eq!(club.group(&erin).await["participants"], json!(["alice", "bob", "carol", "dave", "erin"]));
}

#[tokio::test]
async fn a_group_goes_on_with_its_newest_roster() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    // Anybody of the newest roster, with that.
    let old = beginning(&club.carol, &club.founding, &club.founding, 2, &[]).2;
    club.carol.post("/api/v1/groups", old).await.is("stale_roster");
    let (_, _, body) = beginning(&club.carol, &club.founding, &roster, 2, &[&club.alice]);
    let next = club.carol.post("/api/v1/groups", body).await.ok();
    assert_eq!((&next["incarnation"], &next["roster"]["number"]), (&json!(2), &json!(2)));
    assert_eq!(next["participants"], json!(["alice", "bob", "carol"]));
    club.alice.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
    // What nobody has, it can be brought up to.
    let later = club.alice.mls.changes(&roster, &club.carol.mls, Some(Role::Admin)).unwrap();
    let newest = club.alice.mls.changes(&later, &club.carol.mls, None).unwrap();
    let (_, _, mut body) = beginning(&club.bob, &club.founding, &newest, 3, &[]);
    body["steps"] = json!([base64(&later.encode())]);
    let next = club.bob.post("/api/v1/groups", body).await.ok();
    assert_eq!((&next["roster"]["number"], &next["participants"]), (&json!(4), &json!(["alice", "bob"])));
}

#[tokio::test]
async fn a_device_of_a_member_joins_by_itself() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    let tablet = club.server.device("carol", &club.carol.access_key).await;
    let (tablets, _, body) = entry(&tablet, club.id).await;
    submit(&tablet, club.id, &body).await.ok();
    assert_eq!(tablets.roster().as_ref(), Some(&roster));
    assert_eq!(club.group(&club.alice).await["epoch"], 3);
}

/// What an owner knows is carried over several steps that the server has not seen.
#[tokio::test]
async fn an_owners_step_brings_a_group_up() {
    let club = club().await;
    let second = club.alice.mls.changes(&club.founding, &club.bob.mls, Some(Role::Admin)).unwrap();
    let third = club.alice.mls.changes(&second, &club.carol.mls, Some(Role::Admin)).unwrap();
    club.moves(&club.bob, &club.bobs, &[&club.hers, &club.carols], &third, &[]).await;
    assert_eq!(club.group(&club.bob).await["roster"]["number"], 3);
}

/// Whoever cannot be in the group any more, because the account is another's now, takes no part.
#[tokio::test]
async fn a_name_that_is_given_out_again_is_somebody_else() {
    let club = club().await;
    club.server.api.json("DELETE", "/api/v1/admin/users/carol", None, &admin()).await.ok();
    let other = club.server.user("carol").await;
    other.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
    assert_eq!(club.group(&club.alice).await["participants"], json!(["alice", "bob"]));
    let roster = club.alice.mls.changes(&club.founding, &club.bob.mls, Some(Role::Admin)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs], &roster, &[]).await;
    other.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
    assert_eq!(club.group(&club.alice).await["participants"], json!(["alice", "bob"]));
}

fn admin() -> Value {
    json!({"admin_key": crate::support::ADMIN_KEY})
}

impl Club {
    /// Whoever looks sees the group as it was.
    pub(super) async fn is_unchanged(&self, epoch: u64) {
        let group = self.group(&self.alice).await;
        assert_eq!((&group["epoch"], &group["roster"]["number"]), (&json!(epoch), &json!(epoch)), "{group}");
        assert_eq!(group["participants"], json!(["alice", "bob", "carol"]));
        assert_eq!(group.get("steps"), None);
    }
}
