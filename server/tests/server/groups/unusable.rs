//! Commits that the server cannot see through, and the others cannot use: who makes such ones makes no more of them, and who
//! says so of others' good ones does little harm.

use privmsg_harness::e2ee::Role;
use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use super::people::{Club, beginning, club, member};
use super::{changes, commits, entry, pair};
use crate::support::{Answer, Chat, Person, base64, begun, create, submission, submit};

const DAY: i64 = 24 * 3600;

async fn reports(by: &Person, id: impl std::fmt::Display, epoch: u64, body: Value) -> Answer {
    by.post(&format!("/api/v1/groups/{id}/commits/{epoch}/unusable"), body).await
}

impl Club {
    /// Until when each device commits nothing.
    async fn suspended(&self) -> Vec<(String, i64)> {
        let group = self.group(&self.alice).await;
        let devices = group["devices"].as_array().unwrap().clone();
        let one = |device: &Value| Some((device["user_id"].as_str()?.to_owned(), device["no_commits_until"].as_i64()?));
        devices.iter().filter_map(one).collect()
    }
}

#[tokio::test]
async fn whose_commits_two_others_cannot_use_makes_no_more_for_a_day() {
    let club = club().await;
    let (alice, bob, carol, id) = (&club.alice, &club.bob, &club.carol, club.id);
    let bundle = changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    let mut b = bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    // What the first commit was made on, for whoever wants to look.
    let taken = alice.get(&format!("/api/v1/groups/{id}/commits/1")).await.ok();
    assert_eq!((&taken["user_id"], &taken["external"]), (&json!("carol"), &json!(false)));
    assert_ne!(taken["group_info"], base64(&bundle.group_info));

    reports(alice, id, 1, json!({})).await.ok();
    reports(alice, id, 1, json!({})).await.ok();
    assert_eq!(club.suspended().await, []);
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    b.message().await;
    reports(bob, id, 1, json!({})).await.ok();
    let until = begun() + DAY;
    assert_eq!(club.suspended().await, [("carol".to_owned(), until)]);
    let notice = b.message().await;
    assert_eq!((notice.message_type, notice.sender_id.as_str()), (MessageType::DeviceSync, "carol"));

    commits(carol, &club.carols, id, &[], &[]).await.0.is("commits_suspended");
    club.carols.forgets().unwrap();
    let (_, _, next) = beginning(carol, &club.founding, &club.founding, 2, &[]);
    carol.post("/api/v1/groups", next).await.is("commits_suspended");
    // She can speak, and commit elsewhere; and others can commit here.
    let mut c = carol.connect().await;
    while c.next().await != ServerFrame::CaughtUp {}
    c.deliver(carol.group_message(id, 3, crate::support::new_id())).await;
    create(carol, &Chat::notes("carol"), &[]).await.ok();
    changes(bob, &club.bobs, id, &[&club.hers, &club.carols], &[], &[]).await;
    club.server.clock.advance(DAY);
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
}

/// Whoever was let in afterwards by one of the same mind could say it of all commits before.
#[tokio::test]
async fn only_who_was_there_says_so() {
    let club = club().await;
    let (alice, bob, carol, id) = (&club.alice, &club.bob, &club.carol, club.id);
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    let puppet = member(&club.server, "puppet").await;
    let with_puppet = alice.mls.changes(&club.founding, &puppet.mls, Some(Role::Member)).unwrap();
    club.moves(alice, &club.hers, &[&club.bobs, &club.carols], &with_puppet, &[&puppet]).await;
    reports(&puppet, id, 1, json!({})).await.is("invalid_request");
    reports(&puppet, id, 2, json!({})).await.is("invalid_request");
    reports(bob, id, 1, json!({})).await.ok();
    assert_eq!(club.suspended().await, []);
    // Who has joined anew was there.
    let (_, _, body) = entry(alice, id).await;
    submit(alice, id, &body).await.ok();
    reports(alice, id, 1, json!({})).await.ok();
    assert_eq!(club.suspended().await.len(), 1);
}

/// Two of the same mind kept the owner from putting them out, by the same commit each day.
#[tokio::test]
async fn a_commit_is_held_against_its_device_once() {
    let club = club().await;
    let (alice, bob, carol, id) = (&club.alice, &club.bob, &club.carol, club.id);
    for _ in 0..2 {
        changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    }
    let all_say = async |epoch| {
        for by in [alice, bob] {
            reports(by, id, epoch, json!({})).await.ok();
        }
    };
    let until = |days| [("carol".to_owned(), begun() + days * DAY)];
    all_say(2).await;
    club.server.clock.advance(DAY);
    all_say(2).await;
    all_say(1).await;
    assert_eq!(club.suspended().await, until(1));
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    all_say(3).await;
    assert_eq!(club.suspended().await, until(2));
}

/// The next device of theirs is not there to go on with.
#[tokio::test]
async fn after_two_devices_all_of_the_user_are_suspended() {
    let club = club().await;
    let (alice, bob, carol, id) = (&club.alice, &club.bob, &club.carol, club.id);
    let mut fleet = vec![carol.clone()];
    for _ in 0..2 {
        fleet.push(club.server.device("carol", &carol.access_key).await);
    }
    for (epoch, device) in (1..).zip(&fleet[..2]) {
        let (_, _, body) = entry(device, id).await;
        submit(device, id, &body).await.ok();
        for by in [alice, bob] {
            reports(by, id, epoch, json!({})).await.ok();
        }
    }
    for device in &fleet {
        let (_, _, body) = entry(device, id).await;
        submit(device, id, &body).await.is("commits_suspended");
    }
    let (_, _, body) = entry(alice, id).await;
    submit(alice, id, &body).await.ok();
}

#[tokio::test]
async fn in_a_conversation_of_two_the_other_one_is_enough() {
    let pair = pair().await;
    changes(&pair.bob, &pair.his, pair.id, &[&pair.hers], &[], &[]).await;
    reports(&pair.bob, pair.id, 1, json!({})).await.is("invalid_request");
    reports(&pair.alice, pair.id, 1, json!({})).await.ok();
    commits(&pair.bob, &pair.his, pair.id, &[], &[]).await.0.is("commits_suspended");
    // Nothing is slower for whoever has to join anew.
    for _ in 0..3 {
        let (_, _, body) = entry(&pair.alice, pair.id).await;
        submit(&pair.alice, pair.id, &body).await.ok();
    }
}

/// Whoever begins an epoch under a wrong `external_pub` has those refused who join by it.
#[tokio::test]
async fn who_joins_is_not_blamed_for_what_they_joined_by() {
    let club = club().await;
    let (alice, bob, carol, id) = (&club.alice, &club.bob, &club.carol, club.id);
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    let tablet = club.server.device("bob", &bob.access_key).await;
    let (_, entered, body) = entry(&tablet, id).await;
    submit(&tablet, id, &body).await.ok();
    club.carols.follows(&entered.commit).unwrap();
    let taken = alice.get(&format!("/api/v1/groups/{id}/commits/2")).await.ok();
    assert_eq!((&taken["device_id"], &taken["external"]), (&json!(tablet.device), &json!(true)));
    // Only an external commit builds on one.
    reports(alice, id, 1, json!({"group_info": true})).await.is("invalid_request");
    // One says the one, one the other: that is not twice the same.
    reports(alice, id, 2, json!({"group_info": true})).await.ok();
    reports(alice, id, 2, json!({})).await.ok();
    assert_eq!(club.suspended().await, []);
    reports(bob, id, 2, json!({"group_info": true})).await.ok();
    assert_eq!(club.suspended().await.len(), 1);
    commits(carol, &club.carols, id, &[], &[]).await.0.is("commits_suspended");
}

#[tokio::test]
async fn who_began_the_group_is_blamed_for_its_first_group_info() {
    let club = club().await;
    let tablet = club.server.device("bob", &club.bob.access_key).await;
    let (_, entered, body) = entry(&tablet, club.id).await;
    submit(&tablet, club.id, &body).await.ok();
    club.hers.follows(&entered.commit).unwrap();
    for by in [&club.bob, &club.carol] {
        reports(by, club.id, 1, json!({"group_info": true})).await.ok();
    }
    commits(&club.alice, &club.hers, club.id, &[], &[]).await.0.is("commits_suspended");
}

#[tokio::test]
async fn only_members_report_and_only_what_was_lately() {
    let club = club().await;
    let (alice, carol, id) = (&club.alice, &club.carol, club.id);
    let eve = member(&club.server, "eve").await;
    changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    reports(&eve, id, 1, json!({})).await.is("unknown_group");
    eve.get(&format!("/api/v1/groups/{id}/commits/1")).await.is("unknown_group");
    let tablet = club.server.device("alice", &alice.access_key).await;
    reports(&tablet, id, 1, json!({})).await.is("not_a_member");
    reports(alice, id, 2, json!({})).await.is("stale_epoch");
    reports(alice, "nonsense", 1, json!({})).await.is("unknown_group");
    alice.post(&format!("/api/v1/groups/{id}/commits/x/unusable"), json!({})).await.is("unknown_group");
    for _ in 0..8 {
        changes(carol, &club.carols, id, &[&club.hers, &club.bobs], &[], &[]).await;
    }
    assert_eq!(reports(alice, id, 1, json!({})).await.is("stale_epoch")["epoch"], 10);
    alice.get(&format!("/api/v1/groups/{id}/commits/1")).await.is("stale_epoch");
    alice.get(&format!("/api/v1/groups/{id}/commits/2")).await.ok();
    // A leaver's word counts no more than a stranger's.
    let step = carol.mls.changes(&club.founding, &carol.mls, None).unwrap();
    club.leaves(carol, &step).await.ok();
    reports(carol, id, 9, json!({})).await.is("unknown_group");
    // And what is left is a group of two.
    let bundle = club.hers.steps(&step, &[]).unwrap();
    submit(alice, id, &submission(&bundle)).await.ok();
    reports(&club.bob, id, 10, json!({})).await.ok();
    assert_eq!(club.suspended().await.len(), 1);
}
