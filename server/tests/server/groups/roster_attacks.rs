//! Whoever wants more than the roster gives them: members, former ones, and strangers. The group stays as it was.

use privmsg_harness::e2ee::{AccountKey, ConversationInfo, OsRng, Role};
use privmsg_harness::mls::{Forgery, MlsDevice, MlsGroup};
use privmsg_mls_public::{Device, DeviceList, Roster};
use privmsg_protocol::Incarnation;
use serde_json::{Value, json};

use super::people::{Club, beginning, club, member};
use crate::support::{Answer, Person, TestServer, base64, devices, submission, submit};

impl Club {
    /// Commits what no client of ours would.
    async fn forges(&self, by: &Person, group: &MlsGroup, forgery: Forgery<'_>) -> Answer {
        let bundle = group.forges(forgery).unwrap();
        submit(by, self.id, &submission(&bundle)).await
    }

    /// A commit with this step, whoever's and whatever it is.
    async fn forges_step(&self, by: &Person, group: &MlsGroup, step: &Roster) -> Answer {
        let info = Some(ConversationInfo::group(step, Incarnation::FIRST));
        self.forges(by, group, Forgery { beside: step.encode(), info, ..Forgery::default() }).await
    }
}

#[tokio::test]
async fn nobody_steps_without_the_right_to() {
    let club = club().await;
    let dave = member(&club.server, "dave").await;
    let (bob, carol) = (&club.bob.mls, &club.carol.mls);
    for step in [
        // A member makes herself more, lets somebody in, and puts somebody out.
        carol.changes(&club.founding, carol, Some(Role::Owner)),
        carol.changes(&club.founding, &dave.mls, Some(Role::Member)),
        carol.changes(&club.founding, bob, None),
        // Nothing changes.
        carol.writes(&[&club.founding], club.founding.participants().to_vec()),
        // By somebody who takes no part.
        dave.mls.changes(&club.founding, &dave.mls, Some(Role::Owner)),
    ] {
        club.forges_step(&club.carol, &club.carols, &step.unwrap()).await.is("invalid_handshake");
    }
    // An admin makes herself owner, and puts the owner out.
    let roster = club.bob_is_admin().await;
    let instead = vec![club.bob.mls.place(Role::Owner), club.carol.mls.place(Role::Member)];
    for step in [bob.changes(&roster, bob, Some(Role::Owner)), bob.writes(&[&roster], instead)] {
        club.forges_step(&club.bob, &club.bobs, &step.unwrap()).await.is("invalid_handshake");
    }
    club.is_unchanged(2).await;
}

#[tokio::test]
async fn a_step_comes_next_and_is_of_this_group() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    let alice = &club.alice.mls;
    let other = alice.roster_with(&[&club.bob.mls, &club.carol.mls]).unwrap();
    for step in [
        // The one before, and another after that.
        club.founding.clone(),
        alice.changes(&club.founding, &club.carol.mls, Some(Role::Admin)).unwrap(),
        // Of another group.
        alice.changes(&other, &club.bob.mls, Some(Role::Admin)).unwrap(),
        // An admin leaves out a number.
        club.bob
            .mls
            .changes(&alice.changes(&roster, &club.carol.mls, Some(Role::Admin)).unwrap(), &club.carol.mls, None)
            .unwrap(),
    ] {
        club.forges_step(&club.alice, &club.hers, &step).await.is("invalid_handshake");
    }
    // The very one that counts, again.
    club.forges_step(&club.alice, &club.hers, &roster).await.is("invalid_handshake");
    club.is_unchanged(2).await;
}

#[tokio::test]
async fn the_group_context_moves_with_its_step_and_not_without() {
    let club = club().await;
    let alice = &club.alice.mls;
    let step = alice.changes(&club.founding, &club.bob.mls, Some(Role::Admin)).unwrap();
    let another = alice.changes(&club.founding, &club.bob.mls, Some(Role::Owner)).unwrap();
    let info = |roster: &Roster, incarnation| Some(ConversationInfo::group(roster, Incarnation(incarnation)));
    for forgery in [
        Forgery { info: info(&step, 1), ..Forgery::default() },
        Forgery { beside: step.encode(), ..Forgery::default() },
        Forgery { beside: step.encode(), info: info(&another, 1), ..Forgery::default() },
        Forgery { beside: step.encode(), info: info(&club.founding, 1), ..Forgery::default() },
        // Into the name of another group.
        Forgery { beside: step.encode(), info: info(&step, 2), ..Forgery::default() },
        Forgery { beside: [&step.encode()[..], b"x"].concat(), info: info(&step, 1), ..Forgery::default() },
        Forgery { beside: b"nothing of any kind".to_vec(), ..Forgery::default() },
    ] {
        club.forges(&club.alice, &club.hers, forgery).await.is("invalid_handshake");
    }
    club.is_unchanged(1).await;
}

#[tokio::test]
async fn who_goes_leaves_with_all_devices_and_only_participants_come() {
    let club = club().await;
    let dave = member(&club.server, "dave").await;
    let tablet = club.server.device("bob", &club.bob.access_key).await;
    super::changes(&club.alice, &club.hers, club.id, &[&club.bobs, &club.carols], &[&tablet], &[]).await;
    let without_bob = club.alice.mls.changes(&club.founding, &club.bob.mls, None).unwrap();
    let (beside, info) = (without_bob.encode(), Some(ConversationInfo::group(&without_bob, Incarnation::FIRST)));
    for (add, remove) in
        [(vec![], vec![]), (vec![], vec![&club.bob]), (vec![], vec![&tablet]), (vec![&dave], vec![&club.bob, &tablet])]
    {
        let (add, remove) = (devices(&add), devices(&remove));
        let forgery = Forgery { beside: beside.clone(), info: info.clone(), add: &add, remove: &remove };
        club.forges(&club.alice, &club.hers, forgery).await.is("invalid_handshake");
    }
    // And without a step nobody at all.
    let add = [&dave.mls];
    club.forges(&club.alice, &club.hers, Forgery { add: &add, ..Forgery::default() }).await.is("invalid_handshake");
    let group = club.group(&club.bob).await;
    assert_eq!((&group["epoch"], &group["roster"]["number"]), (&json!(2), &json!(1)));
}

/// Her leaf is in the tree, her account on the server: a member might put others' devices out, one after the other.
#[tokio::test]
async fn nobody_puts_out_a_device_whose_user_stays() {
    let club = club().await;
    let tablet = club.server.device("bob", &club.bob.access_key).await;
    super::changes(&club.alice, &club.hers, club.id, &[&club.bobs, &club.carols], &[&tablet], &[]).await;
    for gone in [&club.alice, &tablet] {
        let remove = [&gone.mls];
        let answer = club.forges(&club.carol, &club.carols, Forgery { remove: &remove, ..Forgery::default() }).await;
        answer.is("invalid_handshake");
    }
    // Not even an owner, without saying so by a step.
    let remove = [&club.carol.mls];
    let forgery = Forgery { remove: &remove, ..Forgery::default() };
    club.forges(&club.alice, &club.hers, forgery).await.is("invalid_handshake");
    // Nor with a key package of the device, whose secret it may not have any more.
    let put_back = async || {
        let bundle = club.carols.forges(Forgery { add: &[&tablet.mls], remove: &[&tablet.mls], ..Forgery::default() });
        submit(&club.carol, club.id, &submission(&bundle.unwrap())).await
    };
    put_back().await.is("invalid_handshake");
    // After a restore it is how a leaf of before is replaced.
    club.server.database().execute("UPDATE grp_leaf SET former = 1 WHERE device <> 3", []).unwrap();
    club.server.user("somebody").await;
    put_back().await.ok();
}

/// A member may know a newer list than the server: it lets the member's commit put the device out, and nothing else.
#[tokio::test]
async fn a_list_proves_that_a_device_has_to_go() {
    let club = club().await;
    club.bob.begins(2).await;
    let list = |by: &MlsDevice, generation: u64, counter: u64, devices: Vec<Device>| {
        by.begins_generation(generation).unwrap().list(counter, devices).unwrap()
    };
    let shown = |list: &DeviceList| json!({"certificate": base64(&list.certificate().encode()), "list": base64(&list.encode())});
    let (bob, remove) = (&club.bob.mls, [&club.bob.mls]);
    let impostor = AccountKey::generate(&mut OsRng).begin_generation(&bob.person().user_id, 9, &mut OsRng).unwrap();
    let put_out = async |evidence: Value| {
        let bundle = club.carols.forges(Forgery { remove: &remove, ..Forgery::default() }).unwrap();
        let mut body = submission(&bundle);
        body["evidence"] = evidence;
        submit(&club.carol, club.id, &body).await
    };
    for of_no_use in [
        // He stands in it; it is of before; somebody else's; by another identity.
        list(bob, 2, 9, vec![bob.entry()]),
        list(bob, 1, 9, vec![]),
        list(&club.alice.mls, 2, 9, vec![]),
        impostor.list(9, vec![]).unwrap(),
    ] {
        put_out(json!([shown(&of_no_use)])).await.is("invalid_handshake");
    }
    let newer = list(bob, 2, 2, vec![]);
    let mut forged = shown(&newer);
    forged["list"] = shown(&list(bob, 2, 3, vec![]))["list"].clone();
    put_out(json!([forged])).await.is("invalid_statement");
    put_out(json!(vec![shown(&newer); 17])).await.is("invalid_request");
    put_out(json!([shown(&newer)])).await.ok();
    let group = club.group(&club.carol).await;
    assert_eq!(group["epoch"], json!(2));
    let kept = club.carol.get("/api/v1/users/bob/device-list").await.ok();
    assert_ne!(kept["list"], shown(&newer)["list"], "it is not published");
    assert_eq!(club.group(&club.bob).await["epoch"], json!(2), "and his session goes on");
}

/// What a thief has signed with the key of a generation that its owner has called back.
#[tokio::test]
async fn a_key_that_was_called_back_signs_nothing() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    let signed_before = club.alice.mls.changes(&roster, &club.carol.mls, Some(Role::Owner)).unwrap();
    club.alice.begins(2).await;
    club.forges_step(&club.carol, &club.carols, &signed_before).await.is("invalid_roster");
    // By the new key, which takes the old one's right with it.
    let key = club.alice.mls.begins_generation(2).unwrap();
    let mut people = roster.participants().to_vec();
    people.retain(|place| *place.user_id() != club.alice.mls.person().user_id);
    people.push(club.alice.mls.place_in(Role::Owner, 2));
    let raised = key.next_roster(&[&roster], people, &mut OsRng).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.bobs, &club.carols], &raised, &[]).await;
    let back = club.alice.mls.writes(&[&raised], roster.participants().to_vec()).unwrap();
    club.forges_step(&club.carol, &club.carols, &back).await.is("invalid_handshake");
}

/// A roster that says that somebody is under another identity would have the others encrypt to whoever has that.
#[tokio::test]
async fn whoever_is_added_is_who_has_the_account() {
    let club = club().await;
    // Dave has another identity than his name's in these tests, and erin none.
    let (dave, erin) = (club.server.user("dave").await, club.server.user("erin").await);
    let other = erin.mls.person().identity.to_string();
    dave.post("/api/v1/users/me/profile", json!({"public_key": other})).await.ok();
    for wrong in [&dave, &erin] {
        let step = club.alice.mls.changes(&club.founding, &wrong.mls, Some(Role::Member)).unwrap();
        club.steps(&club.alice, &club.hers, &step, &[]).await.0.is("invalid_roster");
        club.hers.forgets().unwrap();
    }
    let nobody = MlsDevice::of("nobody", "phone").unwrap();
    let step = club.alice.mls.changes(&club.founding, &nobody, Some(Role::Member)).unwrap();
    club.steps(&club.alice, &club.hers, &step, &[]).await.0.is("unknown_recipient");
    club.is_unchanged(1).await;
    // Nor does a group begin with them.
    let founding = club.alice.mls.roster_with(&[&dave.mls]).unwrap();
    let (_, _, body) = beginning(&club.alice, &founding, &founding, 1, &[]);
    club.alice.post("/api/v1/groups", body).await.is("invalid_roster");
    // Nor does one go on with them, in which they did not stand before.
    for (wrong, refused) in
        [(&dave.mls, "invalid_roster"), (&erin.mls, "invalid_roster"), (&nobody, "unknown_recipient")]
    {
        let step = club.alice.mls.changes(&club.founding, wrong, Some(Role::Member)).unwrap();
        let (_, _, body) = beginning(&club.alice, &club.founding, &step, 2, &[]);
        club.alice.post("/api/v1/groups", body).await.is(refused);
    }
}

#[tokio::test]
async fn a_group_begins_as_its_roster_says_or_not_at_all() {
    let server = TestServer::start().await;
    let (alice, bob, eve) =
        (member(&server, "alice").await, member(&server, "bob").await, member(&server, "eve").await);
    let founding = alice.mls.roster_with(&[&bob.mls]).unwrap();
    let other = alice.mls.roster_with(&[&bob.mls]).unwrap();
    let second = alice.mls.changes(&founding, &bob.mls, Some(Role::Admin)).unwrap();
    let (_, _, body) = beginning(&alice, &founding, &founding, 1, &[&bob]);
    let with = |name: &str, value| {
        let mut body = body.clone();
        body[name] = value;
        body
    };
    let bytes = |roster: &Roster| base64(&roster.encode());
    let forged = {
        let mut bytes = founding.encode();
        *bytes.last_mut().unwrap() ^= 1;
        base64(&bytes)
    };
    for (code, wrong) in [
        ("invalid_request", with("founding_roster", json!(null))),
        ("invalid_roster", with("founding_roster", forged)),
        ("invalid_roster", with("founding_roster", base64(b"nothing of any kind"))),
        ("invalid_roster", with("founding_roster", bytes(&second))),
        // The group is of another one, or in another state of it.
        ("invalid_handshake", with("founding_roster", bytes(&other))),
        ("invalid_handshake", with("roster", bytes(&second))),
        ("invalid_roster", with("roster", bytes(&other))),
        ("invalid_roster", with("steps", json!([bytes(&founding)]))),
        ("invalid_request", with("steps", json!(vec![bytes(&second); 33]))),
        ("invalid_request", with("kind", json!("direct"))),
    ] {
        alice.post("/api/v1/groups", wrong).await.is(code);
    }
    // By another than who has signed it, who need not know of it; and not with a later one.
    let (_, _, by_bob) = beginning(&bob, &founding, &founding, 1, &[&alice]);
    bob.post("/api/v1/groups", by_bob).await.is("invalid_roster");
    let (_, _, later) = beginning(&alice, &founding, &second, 1, &[&bob]);
    alice.post("/api/v1/groups", later).await.is("invalid_roster");
    // A stranger goes on in it.
    alice.post("/api/v1/groups", body).await.ok();
    let hers = eve.mls.roster_with(&[]).unwrap();
    let (_, _, mut next) = beginning(&eve, &hers, &hers, 2, &[]);
    next["founding_roster"] = bytes(&founding);
    next["roster"] = bytes(&hers);
    eve.post("/api/v1/groups", next).await.is("invalid_roster");
}

/// He was put out, and begins the next one with himself in it, by the roster of when he was there, or by one of his own.
#[tokio::test]
async fn who_was_put_out_does_not_bring_the_group_back() {
    let club = club().await;
    let roster = club.bob_is_admin().await;
    let without_bob = club.alice.mls.changes(&roster, &club.bob.mls, None).unwrap();
    club.moves(&club.alice, &club.hers, &[&club.carols], &without_bob, &[]).await;
    let his = club.bob.mls.changes(&roster, &club.carol.mls, None).unwrap();
    for roster in [&roster, &his] {
        let (_, _, next) = beginning(&club.bob, &club.founding, roster, 2, &[]);
        club.bob.post("/api/v1/groups", next).await.is("unknown_group");
    }
    // Nor does a member help him.
    let (_, _, next) = beginning(&club.carol, &club.founding, &roster, 2, &[&club.bob]);
    club.carol.post("/api/v1/groups", next).await.is("stale_roster");
    let late = club.bobs.steps(&his, &[]).unwrap();
    submit(&club.bob, club.id, &submission(&late)).await.is("unknown_group");
    assert_eq!(club.group(&club.alice).await["participants"], json!(["alice", "carol"]));
}
