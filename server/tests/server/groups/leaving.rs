//! Who leaves a group of people, says so by a roster, and hears nothing more of it; whoever commits next carries the roster.

use privmsg_harness::e2ee::{ConversationInfo, Role};
use privmsg_harness::mls::{Forgery, MlsDevice};
use privmsg_mls_public::Roster;
use privmsg_protocol::Incarnation;
use privmsg_protocol::frames::{MessageType, ServerFrame};
use serde_json::{Value, json};

use super::entry;
use super::keeping_out::{is_closed_to, takes_all};
use super::people::{Club, beginning, club, club_on, member};
use crate::support::{TestServer, base64, begun, new_id, submission, submit};

fn without_carol(club: &Club) -> Roster {
    club.carol.mls.changes(&club.founding, &club.carol.mls, None).unwrap()
}

#[tokio::test]
async fn who_has_left_hears_nothing_more() {
    let club = club().await;
    let tablet = club.server.device("carol", &club.carol.access_key).await;
    let step = without_carol(&club);
    let mut b = club.bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    let mut t = tablet.online().await;
    club.leaves(&club.carol, &step).await.ok();

    // Everybody is told, and her other device.
    for line in [&mut b, &mut t] {
        let notice = line.message().await;
        assert_eq!((notice.message_type, notice.group_id), (MessageType::DeviceSync, Some(club.id)));
        assert_eq!(notice.sender_id.as_str(), "carol");
    }
    for gone in [&club.carol, &tablet] {
        gone.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
        gone.get(&format!("/api/v1/groups/{}/state", club.id)).await.is("unknown_group");
    }
    club.leaves(&club.carol, &step).await.is("unknown_group");
    let group = club.group(&club.bob).await;
    assert_eq!(group["participants"], json!(["alice", "bob"]));
    assert_eq!((&group["epoch"], &group["roster"]["number"]), (&json!(1), &json!(2)));
    assert_eq!(group["steps"], json!([base64(&step.encode())]));

    // Nobody has committed yet.
    let mut c = club.carol.connect().await;
    while c.next().await != ServerFrame::CaughtUp {}
    b.deliver(club.bob.group_message(club.id, 1, new_id())).await;
    c.send(club.carol.group_message(club.id, 1, new_id())).await;
    assert_eq!(c.error().await.code.as_str(), "unknown_group");

    // Any member carries it.
    club.moves(&club.bob, &club.bobs, &[&club.hers], &step, &[]).await;
    let group = club.group(&club.alice).await;
    assert_eq!((&group["epoch"], group.get("steps")), (&json!(2), None));
    c.is_quiet().await;
    t.is_quiet().await;
}

/// A commit of before, and one that does not know of it, take nobody along and bring nobody back.
#[tokio::test]
async fn a_leaving_is_not_lost_to_another_step() {
    let club = club().await;
    let dave = member(&club.server, "dave").await;
    let step = without_carol(&club);
    club.leaves(&club.carol, &step).await.ok();
    let unaware = club.alice.mls.changes(&club.founding, &dave.mls, Some(Role::Member)).unwrap();
    club.steps(&club.alice, &club.hers, &unaware, &[&dave]).await.0.is("stale_roster");
    club.hers.forgets().unwrap();
    // A mere rotation is taken meanwhile, and a device that comes by itself.
    super::changes(&club.alice, &club.hers, club.id, &[&club.bobs], &[], &[]).await;
    let tablet = club.server.device("bob", &club.bob.access_key).await;
    let (_, bundle, body) = entry(&tablet, club.id).await;
    submit(&tablet, club.id, &body).await.ok();
    for group in [&club.hers, &club.bobs] {
        group.follows(&bundle.commit).unwrap();
    }
    // An owner may take both at once.
    let aware = club.alice.mls.changes(&step, &dave.mls, Some(Role::Member)).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs], &aware, &[&dave]).await;
    let group = club.group(&dave).await;
    assert_eq!(group["participants"], json!(["alice", "bob", "dave"]));
    assert_eq!((&group["roster"]["number"], group.get("steps")), (&json!(3), None));
}

#[tokio::test]
async fn leavings_are_taken_in_order() {
    let club = club().await;
    let (first, late) = (without_carol(&club), club.bob.mls.changes(&club.founding, &club.bob.mls, None).unwrap());
    club.leaves(&club.carol, &first).await.ok();
    club.leaves(&club.bob, &late).await.is("stale_roster");
    let second = club.bob.mls.changes(&first, &club.bob.mls, None).unwrap();
    club.leaves(&club.bob, &second).await.ok();
    let group = club.group(&club.alice).await;
    assert_eq!(group["steps"], json!([base64(&first.encode()), base64(&second.encode())]));
    assert_eq!(group["participants"], json!(["alice"]));
    for step in [&first, &second] {
        club.moves(&club.alice, &club.hers, &[], step, &[]).await;
    }
    assert_eq!(club.hers.leaves().unwrap(), 1);
    // Alone, she takes the group with her.
    let leave = format!("/api/v1/groups/{}/leave", club.id);
    club.alice.post(&leave, json!({})).await.ok();
    assert_eq!(club.alice.get("/api/v1/groups").await.ok()["groups"], json!([]));
    let (_, _, again) = beginning(&club.alice, &club.founding, &second, 2, &[]);
    club.alice.post("/api/v1/groups", again).await.is("unknown_group");
}

#[tokio::test]
async fn the_last_owner_names_another() {
    let club = club().await;
    let heir = vec![club.bob.mls.place(Role::Owner), club.carol.mls.place(Role::Member)];
    let step = club.alice.mls.writes(&[&club.founding], heir).unwrap();
    club.leaves(&club.alice, &step).await.ok();
    club.moves(&club.carol, &club.carols, &[&club.bobs], &step, &[]).await;
    let next = club.bob.mls.changes(&step, &club.carol.mls, Some(Role::Admin)).unwrap();
    club.moves(&club.bob, &club.bobs, &[&club.carols], &next, &[]).await;
}

/// Nobody is bound to a group by being made its owner. It goes on as it is.
#[tokio::test]
async fn the_last_owner_may_leave_without_another() {
    let club = club().await;
    let gone = club.alice.mls.changes(&club.founding, &club.alice.mls, None).unwrap();
    club.leaves(&club.alice, &gone).await.ok();
    club.moves(&club.carol, &club.carols, &[&club.bobs], &gone, &[]).await;
    let left = club.bob.mls.changes(&gone, &club.bob.mls, None).unwrap();
    club.leaves(&club.bob, &left).await.ok();
    club.moves(&club.carol, &club.carols, &[], &left, &[]).await;
}

#[tokio::test]
async fn nobody_leaves_for_somebody_else_or_takes_more_along() {
    let club = club().await;
    let (alice, bob, carol) = (&club.alice.mls, &club.bob.mls, &club.carol.mls);
    let dave = member(&club.server, "dave").await;
    let path = format!("/api/v1/groups/{}/leave", club.id);
    for (by, roster, code) in [
        // Others are there.
        (&club.carol, Value::Null, "invalid_request"),
        (&club.carol, json!("not base64"), "invalid_roster"),
        (&club.carol, base64(b"nothing of any kind"), "invalid_roster"),
        // Somebody else's leaving, whoever has signed it.
        (&club.bob, base64(&without_carol(&club).encode()), "invalid_request"),
        (&club.carol, base64(&alice.changes(&club.founding, carol, None).unwrap().encode()), "invalid_request"),
        // She stays.
        (&club.carol, base64(&carol.changes(&club.founding, bob, None).unwrap().encode()), "invalid_request"),
        // He is no participant.
        (&dave, base64(&without_carol(&club).encode()), "unknown_group"),
    ] {
        by.post(&path, json!({"roster": roster})).await.is(code);
    }
    let place = |of: &crate::support::Person, role| of.mls.place(role);
    for (by, people, code) in [
        (&club.carol, vec![place(&club.alice, Role::Owner)], "invalid_roster"),
        (&club.alice, vec![place(&club.bob, Role::Owner)], "invalid_request"),
        (
            &club.alice,
            vec![place(&club.bob, Role::Owner), place(&club.carol, Role::Member), place(&dave, Role::Member)],
            "invalid_request",
        ),
    ] {
        let step = by.mls.writes(&[&club.founding], people).unwrap();
        club.leaves(by, &step).await.is(code);
    }
    let ghost = MlsDevice::of("ghost", "any").unwrap();
    let people = vec![place(&club.bob, Role::Owner), place(&club.carol, Role::Member), ghost.place(Role::Member)];
    let step = club.alice.mls.writes(&[&club.founding], people).unwrap();
    club.leaves(&club.alice, &step).await.is("unknown_recipient");
    club.is_unchanged(1).await;
    // A conversation of two has no roster.
    let pair = super::pair().await;
    pair.bob.post(&format!("/api/v1/groups/{}/leave", pair.id), json!({})).await.is("invalid_request");
}

/// They could sign neither under the old identity nor under the new one.
#[tokio::test]
async fn who_has_another_identity_leaves_by_their_word_alone() {
    let club = club().await;
    let leave = format!("/api/v1/groups/{}/leave", club.id);
    club.carol.post(&leave, json!({})).await.is("invalid_request");
    let other = MlsDevice::of("another", "any").unwrap().person().identity.to_string();
    club.server.database().execute("UPDATE user SET public_key = ?1 WHERE user_id = 'carol'", [other]).unwrap();
    club.leaves(&club.carol, &without_carol(&club)).await.is("invalid_roster");
    let mut b = club.bob.connect().await;
    while b.next().await != ServerFrame::CaughtUp {}
    club.carol.post(&leave, json!({})).await.ok();
    assert_eq!(b.message().await.message_type, MessageType::DeviceSync);
    club.carol.get(&format!("/api/v1/groups/{}", club.id)).await.is("unknown_group");
    assert_eq!(club.carol.get("/api/v1/groups").await.ok()["groups"], json!([]));
    let group = club.group(&club.alice).await;
    assert_eq!((&group["participants"], &group["roster"]["number"]), (&json!(["alice", "bob"]), &json!(1)));
    // Her device is out with the next commit of somebody else, and the owner puts her out of the roster.
    super::changes(&club.bob, &club.bobs, club.id, &[&club.hers], &[], &[&club.carol]).await;
    club.moves(&club.alice, &club.hers, &[&club.bobs], &without_carol_by(&club), &[]).await;
    assert_eq!(club.group(&club.alice).await["participants"], json!(["alice", "bob"]));
}

fn without_carol_by(club: &Club) -> Roster {
    club.alice.mls.changes(&club.founding, &club.carol.mls, None).unwrap()
}

/// A step that waits says who leaves; whoever carries it takes exactly those out.
#[tokio::test]
async fn a_step_is_carried_whole() {
    let club = club().await;
    let step = without_carol(&club);
    club.leaves(&club.carol, &step).await.ok();
    let info = Some(ConversationInfo::group(&step, Incarnation::FIRST));
    for remove in [vec![], vec![&club.alice.mls], vec![&club.alice.mls, &club.carol.mls]] {
        let forgery = Forgery { beside: step.encode(), info: info.clone(), remove: &remove, ..Forgery::default() };
        let bundle = club.bobs.forges(forgery).unwrap();
        submit(&club.bob, club.id, &submission(&bundle)).await.is("invalid_handshake");
    }
    // Nor does the leaver come back by herself.
    let state = club.bob.get(&format!("/api/v1/groups/{}/state", club.id)).await.ok();
    let piece = |name: &str| {
        let text = state["state"][name].as_str().unwrap();
        privmsg_protocol::Opaque::from_base64(text).decode().unwrap()
    };
    let tree = (piece("group_info"), piece("ratchet_tree"));
    let (_, bundle) = club.carol.mls.enters(&tree.0, &tree.1, Some(&club.founding)).unwrap();
    submit(&club.carol, club.id, &submission(&bundle)).await.is("unknown_group");
}

#[tokio::test]
async fn a_server_restarts_with_what_waits() {
    let mut club = club().await;
    let step = without_carol(&club);
    club.leaves(&club.carol, &step).await.ok();
    TestServer::restart(&mut club.server).await;
    club.bob.api = club.server.api;
    let group = club.group(&club.bob).await;
    assert_eq!(group["steps"], json!([base64(&step.encode())]));
}

/// Made an admin who signs under no generation below one that never comes, somebody could do nothing more in a group, not even leave.
#[tokio::test]
async fn nobody_is_bound_to_a_generation_that_they_have_not_begun() {
    let club = club().await;
    club.bob.begins(2).await;
    let with_bob = |role: Role, generation: u64| {
        let mut people = club.founding.participants().to_vec();
        people.retain(|place| *place.user_id() != club.bob.mls.person().user_id);
        people.push(club.bob.mls.place_in(role, generation));
        club.alice.mls.writes(&[&club.founding], people).unwrap()
    };
    for (role, generation) in [(Role::Admin, 3), (Role::Owner, 1 << 52)] {
        let (answer, _) = club.steps(&club.alice, &club.hers, &with_bob(role, generation), &[]).await;
        answer.is("invalid_roster");
        club.hers.forgets().unwrap();
    }
    // Nor as it goes on, but for what may be honest where the server was set back, and has lost the certificate. Who is bound so
    // leaves all the same.
    let restored = begun();
    let bound = with_bob(Role::Admin, restored.unsigned_abs());
    let early = beginning(&club.carol, &club.founding, &bound, 2, &[&club.alice]).2;
    club.carol.post("/api/v1/groups", early).await.is("invalid_roster");
    let at = restored.to_be_bytes();
    club.server.database().execute("INSERT INTO meta (key, value) VALUES ('restored_at', ?1)", [&at[..]]).unwrap();
    let far =
        beginning(&club.carol, &club.founding, &with_bob(Role::Admin, restored.unsigned_abs() + 1), 2, &[&club.alice])
            .2;
    club.carol.post("/api/v1/groups", far).await.is("invalid_roster");
    let (_, _, body) = beginning(&club.carol, &club.founding, &bound, 2, &[&club.alice]);
    let next = club.carol.post("/api/v1/groups", body).await.ok();
    let path = format!("/api/v1/groups/{}", next["group_id"].as_str().unwrap());
    club.carol.post(&format!("{path}/leave"), json!({})).await.is("invalid_request");
    club.bob.post(&format!("{path}/leave"), json!({})).await.ok();
    assert_eq!(club.alice.get(&path).await.ok()["participants"], json!(["alice", "carol"]));
    takes_all(&club.bob).await;
    // The roster names him still. By the next one, too, he hears nothing, and its people need not know why.
    let (_, _, body) = beginning(&club.alice, &club.founding, &bound, 3, &[&club.bob, &club.carol]);
    let third = club.alice.post("/api/v1/groups", body).await.ok();
    is_closed_to(&club.bob, serde_json::from_value(third["group_id"].clone()).unwrap()).await;

    // As far as they have begun it is good.
    let other = club_on(TestServer::start().await).await;
    other.bob.begins(2).await;
    let mut people = other.founding.participants().to_vec();
    people.retain(|place| *place.user_id() != other.bob.mls.person().user_id);
    people.push(other.bob.mls.place_in(Role::Admin, 2));
    let step = other.alice.mls.writes(&[&other.founding], people).unwrap();
    other.moves(&other.alice, &other.hers, &[&other.bobs, &other.carols], &step, &[]).await;
}
