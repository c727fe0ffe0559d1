//! As many people and devices as a group may have, and as much as one user may create.

use privmsg_harness::e2ee::Role;
use serde_json::json;

use super::changes;
use super::people::{beginning, member};
use crate::support::{Person, TestServer, devices, submission};

/// 250 people with four devices each.
const PEOPLE: usize = 250;
const DEVICES: usize = 4;

const MB: usize = 1_000_000;

/// Goals of what goes over the wire.
#[tokio::test]
async fn a_thousand_devices_begin_in_six_megabytes() {
    let server = TestServer::with(|config| config.limits.rate_limit_requests_per_minute = 0).await;
    let alice = member(&server, "alice").await;
    let (mut people, mut others) = (vec![alice.clone()], Vec::new());
    for number in 1..PEOPLE {
        people.push(member(&server, &format!("user{number:04}")).await);
    }
    for person in &people {
        for _ in 1..DEVICES {
            others.push(server.device(&person.name, &person.access_key).await);
        }
    }
    let all: Vec<&Person> = people[1..].iter().chain(&others).collect();
    let founding = alice.mls.roster_with(&devices(&people[1..].iter().collect::<Vec<_>>())).unwrap();
    let (hers, begun, body) = beginning(&alice, &founding, &founding, 1, &all);
    let sent = body.to_string().len();
    assert!(sent < 6 * MB, "{sent}");
    assert_eq!(alice.post("/api/v1/groups", body).await.ok()["participants"].as_array().unwrap().len(), PEOPLE);

    let bob = &people[1];
    let his = bob.mls.joins_people(&begun, Some(&founding)).unwrap();
    let seen = bob.get("/api/v1/groups").await;
    let cursor = seen.ok()["cursor"].as_str().unwrap().to_owned();
    let again = bob.get(&format!("/api/v1/groups?since={cursor}")).await;
    assert!(again.body.len() < 1000, "{}", again.body.len());

    // One more of either kind is too many.
    let one_more = server.device("alice", &alice.access_key).await;
    let bundle = hers.commits(&[&one_more.mls], &[]).unwrap();
    let id = super::people::id_of(&founding);
    super::submit(&alice, id, &submission(&bundle)).await.is("invalid_request");
    hers.forgets().unwrap();
    let eve = member(&server, "eve").await;
    assert!(alice.mls.changes(&founding, &eve.mls, Some(Role::Member)).is_err());

    // A tree in which nobody has committed yet makes everybody's first commit long; with each it grows shorter.
    let first = changes(&bob.clone(), &his, id, &[&hers], &[], &[]).await;
    let step = alice.mls.changes(&founding, &bob.mls, Some(Role::Admin)).unwrap();
    let moved = hers.steps(&step, &[]).unwrap();
    super::submit(&alice, id, &submission(&moved)).await.ok();
    assert!(moved.commit.len() - first.commit.len() < 20_000, "what a step adds is the roster");
}

#[tokio::test]
async fn a_user_creates_as_much_as_one_user_may() {
    let server = TestServer::with(|config| {
        config.limits.max_group_mb_per_user = 1;
        config.limits.rate_limit_new_devices_per_minute = 0;
    });
    let server = server.await;
    let (alice, bob) = (member(&server, "alice").await, member(&server, "bob").await);
    let answer = bob.message("alice", crate::support::new_id(), "eA==");
    bob.connect().await.deliver_through(answer).await;
    let mut fleet = Vec::new();
    for _ in 0..25 {
        fleet.push(server.device("alice", &alice.access_key).await);
    }
    let all: Vec<&Person> = fleet.iter().chain([&bob]).collect();
    let mut begun = Vec::new();
    let refused = loop {
        let founding = alice.mls.roster_with(&[&bob.mls]).unwrap();
        let (_, _, body) = beginning(&alice, &founding, &founding, 1, &all);
        let answer = alice.post("/api/v1/groups", body.clone()).await;
        if answer.status != 200 {
            answer.is("too_many_groups");
            break body;
        }
        begun.push(founding);
        assert!(begun.len() < 30, "no end");
    };
    assert!(begun.len() > 5, "{}", begun.len());
    // Others may, one that is there goes on, and one that has ended makes room.
    let his = bob.mls.roster_with(&[&alice.mls]).unwrap();
    bob.post("/api/v1/groups", beginning(&bob, &his, &his, 1, &[&alice]).2).await.ok();
    alice.post("/api/v1/groups", beginning(&alice, &begun[0], &begun[0], 2, &all).2).await.ok();
    let (first, second) = (super::people::id_of(&begun[1]), super::people::id_of(&begun[2]));
    for (id, founding) in [(first, &begun[1]), (second, &begun[2])] {
        let left = bob.mls.changes(founding, &bob.mls, None).unwrap();
        let leave = format!("/api/v1/groups/{id}/leave");
        bob.post(&leave, json!({"roster": crate::support::base64(&left.encode())})).await.ok();
        alice.post(&leave, json!({})).await.ok();
    }
    alice.post("/api/v1/groups", refused).await.ok();
}
