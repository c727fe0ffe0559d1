//! A group of people, begun by somebody whom none of them has answered, and strangers who are brought into one.

use privmsg_harness::e2ee::Role;
use privmsg_protocol::GroupId;
use privmsg_protocol::frames::ServerFrame;
use serde_json::{Value, json};

use super::people::{beginning, club_on, id_of, member};
use crate::support::{Line, Person, TestServer, new_id};

async fn sends(line: &mut Line, by: &Person, id: GroupId, epoch: u64) -> Option<String> {
    hands_in(line, by.group_message(id, epoch, new_id())).await
}

async fn hands_in(line: &mut Line, frame: Value) -> Option<String> {
    line.send(frame).await;
    loop {
        match line.next().await {
            ServerFrame::Ack(_) => return None,
            ServerFrame::Error(error) => return Some(error.code.to_string()),
            ServerFrame::Message(_) | ServerFrame::CaughtUp => {}
            other => panic!("{other:?}"),
        }
    }
}

/// How many of ten messages are taken.
async fn says(by: &Person, id: GroupId, epoch: u64) -> usize {
    let mut line = by.connect().await;
    let mut taken = 0;
    for _ in 0..10 {
        match sends(&mut line, by, id, epoch).await {
            None => taken += 1,
            Some(code) => assert_eq!(code, "awaits_answer"),
        }
    }
    taken
}

async fn accepts(who: &Person, id: GroupId) {
    assert_eq!(who.post(&format!("/api/v1/groups/{id}/accept"), Value::Null).await.status, 204);
}

async fn two_messages_a_day() -> TestServer {
    TestServer::with(|config| config.limits.max_request_messages_per_day = 2).await
}

/// Strangers went round what holds for conversations between two.
#[tokio::test]
async fn so_much_is_said_in_it_before_people_answer() {
    let club = club_on(two_messages_a_day().await).await;
    assert_eq!(says(&club.alice, club.id, 1).await, 2);
    let mut c = club.carol.connect().await;
    assert_eq!(sends(&mut c, &club.carol, club.id, 1).await, None);
    assert_eq!(says(&club.alice, club.id, 1).await, 0, "bob has said nothing yet");
    assert_eq!(says(&club.carol, club.id, 1).await, 1, "nor to her");
    accepts(&club.bob, club.id).await;
    for person in [&club.alice, &club.bob, &club.carol] {
        assert_eq!(says(person, club.id, 1).await, 10);
    }
}

/// What is said was counted for the group: in the next one that the conversation went on in, a new day began.
#[tokio::test]
async fn the_next_group_of_it_begins_no_new_day() {
    let club = club_on(two_messages_a_day().await).await;
    assert_eq!(says(&club.alice, club.id, 1).await, 2);
    let (_, _, body) = beginning(&club.alice, &club.founding, &club.founding, 2, &[&club.bob, &club.carol]);
    let next = club.alice.post("/api/v1/groups", body).await.ok();
    let next: GroupId = serde_json::from_value(next["group_id"].clone()).unwrap();
    assert_eq!(says(&club.alice, next, 1).await, 0);
    club.server.clock.advance(24 * 3600);
    assert_eq!(says(&club.alice, next, 1).await, 2);
}

/// One accomplice who answers opened a group for any number of strangers who were brought in afterwards, and whoever had not
/// begun it was never counted at all.
#[tokio::test]
async fn an_accomplice_opens_it_for_no_stranger() {
    let server = two_messages_a_day().await;
    let (mallory, puppet, victim) =
        (member(&server, "mallory").await, member(&server, "puppet").await, member(&server, "victim").await);
    let founding = mallory.mls.roster_with(&[&puppet.mls]).unwrap();
    let (hers, begun, body) = beginning(&mallory, &founding, &founding, 1, &[&puppet]);
    mallory.post("/api/v1/groups", body).await.ok();
    puppet.mls.joins_people(&begun, Some(&founding)).unwrap();
    let id = id_of(&founding);
    assert_eq!(says(&puppet, id, 1).await, 10);
    let with_victim = mallory.mls.changes(&founding, &victim.mls, Some(Role::Member)).unwrap();
    let bundle = hers.steps(&with_victim, &[&victim.mls]).unwrap();
    crate::support::submit(&mallory, id, &crate::support::submission(&bundle)).await.ok();
    assert_eq!((says(&mallory, id, 2).await, says(&puppet, id, 2).await), (2, 2));
    // The puppet's word again and again gives nothing back.
    accepts(&puppet, id).await;
    assert_eq!(says(&mallory, id, 2).await, 0);
    accepts(&victim, id).await;
    assert_eq!((says(&mallory, id, 2).await, says(&puppet, id, 2).await), (10, 10));
}

/// Whom a friend brings in is no stranger, and a few who have not looked yet hold nobody up.
#[tokio::test]
async fn a_family_notices_nothing() {
    let server = two_messages_a_day().await;
    let alice = member(&server, "alice").await;
    let mut family = Vec::new();
    for number in 0..19 {
        family.push(member(&server, &format!("user{number:02}")).await);
    }
    let founding = alice.mls.roster_with(&family.iter().map(|one| &one.mls).collect::<Vec<_>>()).unwrap();
    // Five have written to her before.
    for friend in &family[..5] {
        friend.connect().await.deliver_through(friend.message("alice", new_id(), "eA==")).await;
    }
    let everybody: Vec<&Person> = family.iter().collect();
    let (hers, _, body) = beginning(&alice, &founding, &founding, 1, &everybody);
    alice.post("/api/v1/groups", body).await.ok();
    let id = id_of(&founding);
    assert_eq!(says(&alice, id, 1).await, 2, "fourteen of twenty");
    for person in &family[5..17] {
        accepts(person, id).await;
    }
    assert_eq!((says(&alice, id, 1).await, says(&family[0], id, 1).await), (10, 10), "two of twenty");
    // The next group of it goes on like that.
    drop(hers);
    let (_, _, body) = beginning(&alice, &founding, &founding, 2, &everybody);
    let next = alice.post("/api/v1/groups", body).await.ok();
    let next: GroupId = serde_json::from_value(next["group_id"].clone()).unwrap();
    assert_eq!(says(&alice, next, 1).await, 10);
}

/// Who answers whoever has brought them in has answered.
#[tokio::test]
async fn an_answer_elsewhere_is_one() {
    let club = club_on(two_messages_a_day().await).await;
    for person in [&club.bob, &club.carol] {
        assert_eq!(says(&club.alice, club.id, 1).await, if person.name == "bob" { 2 } else { 0 });
        person.connect().await.deliver_through(person.message("alice", new_id(), "eA==")).await;
    }
    assert_eq!(says(&club.alice, club.id, 1).await, 10);
}

#[tokio::test]
async fn a_large_group_of_strangers_is_several_requests() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 3).await;
    let alice = member(&server, "alice").await;
    let mut people = Vec::new();
    for number in 0..27 {
        people.push(member(&server, &format!("user{number:02}")).await);
    }
    let begin = async |with: &[Person]| {
        let founding = alice.mls.roster_with(&with.iter().map(|one| &one.mls).collect::<Vec<_>>()).unwrap();
        let all: Vec<&Person> = with.iter().collect();
        alice.post("/api/v1/groups", beginning(&alice, &founding, &founding, 1, &all).2).await
    };
    begin(&people[..26]).await.ok();
    begin(&people[..2]).await.ok();
    begin(&people[..2]).await.is("too_many_requests");
    let mut line = alice.online().await;
    line.send(alice.message("user26", new_id(), "eA==")).await;
    assert_eq!(line.error().await.code.as_str(), "too_many_requests");
    server.clock.advance(86_401);
    begin(&people[..2]).await.ok();
}

/// A friend's word opened a group for any number of strangers who were added afterwards.
#[tokio::test]
async fn whoever_is_added_later_is_asked_too() {
    let club = club_on(TestServer::with(|config| config.limits.max_new_requests_per_day = 2).await).await;
    let mut b = club.bob.connect().await;
    b.send(club.bob.group_message(club.id, 1, new_id())).await;
    b.ping_through().await;
    let (dave, eve) = (member(&club.server, "dave").await, member(&club.server, "eve").await);
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    let with_eve = club.alice.mls.changes(&with_dave, &eve.mls, Some(Role::Member)).unwrap();
    club.steps(&club.alice, &club.hers, &with_eve, &[&eve]).await.0.is("too_many_requests");
    assert_eq!(club.group(&club.alice).await["epoch"], json!(2));
    // Who has been answered by her brings her in.
    let mut e = eve.connect().await;
    e.send(eve.message("alice", new_id(), "eA==")).await;
    e.ping_through().await;
    club.hers.forgets().unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_eve, &[&eve]).await;
}

async fn sees(viewer: &Person, whom: &str) -> bool {
    viewer.get(&format!("/api/v1/users/{whom}")).await.ok()["last_seen_at"].is_string()
}

/// One word in a group showed whoever had said it to everybody who was added to it afterwards, who could also write to them as
/// much as they liked.
#[tokio::test]
async fn what_was_said_before_somebody_came_is_no_answer_to_them() {
    let club = club_on(two_messages_a_day().await).await;
    accepts(&club.bob, club.id).await;
    assert_eq!(says(&club.carol, club.id, 1).await, 10);
    let dave = member(&club.server, "dave").await;
    let _bob = club.bob.connect().await;
    assert!(sees(&club.alice, "bob").await && sees(&club.alice, "carol").await);
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &with_dave, &[&dave]).await;
    let directly = async |to: &str| {
        let mut line = dave.connect().await;
        let mut taken = 0;
        for _ in 0..5 {
            taken += usize::from(hands_in(&mut line, dave.message(to, new_id(), "eA==")).await.is_none());
        }
        taken
    };
    for whom in ["bob", "carol"] {
        assert!(!sees(&dave, whom).await, "{whom} has said nothing to him");
        assert_eq!(directly(whom).await, 2, "{whom}");
    }
    // What a client does by itself is no answer; that somebody goes on writing there, or accepts it once more, is.
    let mut by_itself = club.bob.group_message(club.id, 2, new_id());
    by_itself["payload"].as_object_mut().unwrap().remove("by_person");
    club.bob.connect().await.deliver_through(by_itself).await;
    assert!(!sees(&dave, "bob").await);
    club.bob.connect().await.deliver_through(club.bob.group_message(club.id, 2, new_id())).await;
    accepts(&club.carol, club.id).await;
    for whom in ["bob", "carol"] {
        assert!(sees(&dave, whom).await, "{whom}");
        assert_eq!(directly(whom).await, 5, "{whom}");
    }
    assert!(sees(&club.alice, "bob").await);
}

/// The same of those with whom a group goes on in another one.
#[tokio::test]
async fn nor_is_it_one_to_whoever_comes_as_the_group_goes_on() {
    let club = club_on(two_messages_a_day().await).await;
    accepts(&club.bob, club.id).await;
    let _bob = club.bob.connect().await;
    let dave = member(&club.server, "dave").await;
    let with_dave = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    let (_, _, body) = beginning(&club.alice, &club.founding, &with_dave, 2, &[&club.bob, &club.carol, &dave]);
    let next = club.alice.post("/api/v1/groups", body).await.ok();
    let next: GroupId = serde_json::from_value(next["group_id"].clone()).unwrap();
    assert!(sees(&club.alice, "bob").await && !sees(&dave, "bob").await);
    accepts(&club.bob, next).await;
    assert!(sees(&club.alice, "bob").await && sees(&dave, "bob").await);
}

/// Once somebody was asked, any number of groups of two was free, each for ever with them.
#[tokio::test]
async fn each_group_of_two_is_a_request_and_few_are_open() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 5).await;
    let mallory = member(&server, "mallory").await;
    let mut others = Vec::new();
    for name in ["bob", "carol"] {
        others.push(member(&server, name).await);
    }
    // One of them hears nothing of it, which changes nothing.
    let block = "/api/v1/users/me/blocks/mallory";
    assert_eq!(server.api.json("PUT", block, Some(&others[1].token), &Value::Null).await.status, 204);
    let begins = async |with: &Person| {
        let founding = mallory.mls.roster_with(&[&with.mls]).unwrap();
        let answer = mallory.post("/api/v1/groups", beginning(&mallory, &founding, &founding, 1, &[with]).2).await;
        (id_of(&founding), answer)
    };
    for other in &others {
        server.clock.advance(86_401);
        mallory.connect().await.deliver_through(mallory.message(&other.name, new_id(), "eA==")).await;
        for _ in 0..3 {
            begins(other).await.1.ok();
        }
        begins(other).await.1.is("too_many_requests");
    }
    // Nor is it one to begin alone and have them come.
    let alone = mallory.mls.roster_with(&[]).unwrap();
    let (hers, _, body) = beginning(&mallory, &alone, &alone, 1, &[]);
    mallory.post("/api/v1/groups", body).await.ok();
    let with_bob = mallory.mls.changes(&alone, &others[0].mls, Some(Role::Member)).unwrap();
    let bundle = hers.steps(&with_bob, &[&others[0].mls]).unwrap();
    let comes = crate::support::submit(&mallory, id_of(&alone), &crate::support::submission(&bundle)).await;
    comes.is("too_many_requests");
    // Who answers is asked no more.
    others[0].connect().await.deliver_through(others[0].message("mallory", new_id(), "eA==")).await;
    for _ in 0..4 {
        begins(&others[0]).await.1.ok();
    }
    // A day has so many, whoever it is.
    server.clock.advance(86_401);
    let dave = member(&server, "dave").await;
    let eve = member(&server, "eve").await;
    for other in [&dave, &dave, &dave, &eve, &eve] {
        begins(other).await.1.ok();
    }
    begins(&eve).await.1.is("too_many_requests");
}

/// A group of one that goes on with others in it asked nobody.
#[tokio::test]
async fn who_comes_as_a_group_goes_on_is_asked() {
    let server = TestServer::with(|config| config.limits.max_new_requests_per_day = 1).await;
    let mallory = member(&server, "mallory").await;
    let (bob, carol) = (member(&server, "bob").await, member(&server, "carol").await);
    let goes_on = async || {
        let alone = mallory.mls.roster_with(&[]).unwrap();
        mallory.post("/api/v1/groups", beginning(&mallory, &alone, &alone, 1, &[]).2).await.ok();
        let people = [&mallory, &bob, &carol].map(|one| {
            let role = if one.name == "mallory" { Role::Owner } else { Role::Member };
            one.mls.place(role)
        });
        let with_all = mallory.mls.writes(&[&alone], people.to_vec()).unwrap();
        mallory.post("/api/v1/groups", beginning(&mallory, &alone, &with_all, 2, &[&bob, &carol]).2).await
    };
    goes_on().await.ok();
    goes_on().await.is("too_many_requests");
}
