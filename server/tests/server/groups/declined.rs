//! Attacks on who has declined somebody: asked again by other groups of the two, and by such as come to be of the two.

use privmsg_harness::e2ee::Role;
use privmsg_harness::mls::MlsGroup;
use privmsg_mls_public::Roster;
use privmsg_protocol::GroupId;
use serde_json::{Value, json};

use super::enters;
use super::keeping_out::{blocks, caught_up, kept_out, takes_all, unblocks, waiting};
use super::people::{Club, beginning, club, id_of, member};
use crate::support::{ADMIN_KEY, Chat, Person, TestServer, base64, create, devices, new_id, submission, submit};

/// A group that mallory makes with these.
async fn founds(mallory: &Person, others: &[&Person]) -> (Roster, MlsGroup, GroupId) {
    let theirs: Vec<_> = others.iter().map(|other| &other.mls).collect();
    let founding = mallory.mls.roster_with(&theirs).unwrap();
    let (hers, _, body) = beginning(mallory, &founding, &founding, 1, others);
    mallory.post("/api/v1/groups", body).await.ok();
    let id = id_of(&founding);
    (founding, hers, id)
}

/// Her commit with this step is taken.
async fn takes_step(mallory: &Person, hers: &MlsGroup, id: GroupId, step: &Roster, add: &[&Person]) {
    let bundle = hers.steps(step, &devices(add)).unwrap();
    submit(mallory, id, &submission(&bundle)).await.ok();
    hers.merges().unwrap();
}

/// Somebody leaves a group by their own word.
async fn leaves(who: &Person, roster: &Roster, id: GroupId) -> Roster {
    let without = who.mls.changes(roster, &who.mls, None).unwrap();
    let body = json!({"roster": base64(&without.encode())});
    who.post(&format!("/api/v1/groups/{id}/leave"), body).await.ok();
    without
}

async fn says(who: &Person, id: GroupId, what: &str) {
    assert_eq!(who.post(&format!("/api/v1/groups/{id}/{what}"), Value::Null).await.status, 204);
}

/// `by` begins a direct conversation with somebody, who declines it.
async fn is_declined(by: &Person, who: &Person) -> GroupId {
    let chat = Chat::direct(&by.name, &who.name);
    create(by, &chat, &[who]).await.ok();
    says(who, chat.id(), "decline").await;
    chat.id()
}

/// Nothing of the group is for this one, who is told whom that is because of.
async fn is_kept_from(who: &Person, id: GroupId, by: &str) {
    for part in ["", "/state", "/rosters?after=1", "/commits/1"] {
        who.get(&format!("/api/v1/groups/{id}{part}")).await.is("unknown_group");
    }
    let kept = kept_out(who).await;
    let kept = kept.as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(kept.iter().any(|one| one["group_id"] == json!(id) && one["by"] == by), "{kept:?}");
}

/// Bob, whom mallory asks.
async fn two() -> (TestServer, Person, Person) {
    let server = TestServer::start().await;
    let (mallory, bob) = (member(&server, "mallory").await, member(&server, "bob").await);
    (server, mallory, bob)
}

/// Each group of two that was turned down was followed by the next one.
#[tokio::test]
async fn who_is_turned_down_in_a_group_of_two_does_not_come_again_by_another() {
    let (_server, mallory, bob) = two().await;
    let (founding, hers, first) = founds(&mallory, &[&bob]).await;
    let without = leaves(&bob, &founding, first).await;
    takes_all(&bob).await;
    let (_, _, second) = founds(&mallory, &[&bob]).await;
    is_kept_from(&bob, second, "mallory").await;
    // Nor by the same one, though they have left it but once.
    takes_step(&mallory, &hers, first, &without, &[]).await;
    let with = mallory.mls.changes(&without, &bob.mls, Some(Role::Member)).unwrap();
    takes_step(&mallory, &hers, first, &with, &[&bob]).await;
    is_kept_from(&bob, first, "mallory").await;
    assert_eq!(waiting(&bob).await, [""; 0]);
    // It is his to let one in, and then he has declined nobody.
    says(&bob, second, "accept").await;
    assert_eq!(waiting(&bob).await, ["device_sync"]);
    enters(&bob, second).await;
    let (_, _, third) = founds(&mallory, &[&bob]).await;
    bob.get(&format!("/api/v1/groups/{third}")).await.ok();
}

/// Whoever leaves before they are turned down is the one who has asked all the same; so is an accomplice who is left there.
#[tokio::test]
async fn nor_whoever_has_left_the_group_before_that() {
    let (server, mallory, bob) = two().await;
    let (founding, _, alone) = founds(&mallory, &[&bob]).await;
    leaves(&mallory, &founding, alone).await;
    bob.post(&format!("/api/v1/groups/{alone}/leave"), json!({})).await.ok();
    let (_, _, next) = founds(&mallory, &[&bob]).await;
    is_kept_from(&bob, next, "mallory").await;

    let (oscar, eve) = (member(&server, "oscar").await, member(&server, "eve").await);
    let (founding, _, three) = founds(&oscar, &[&eve, &bob]).await;
    let without = leaves(&oscar, &founding, three).await;
    leaves(&bob, &without, three).await;
    for who in [&oscar, &eve] {
        let (_, _, next) = founds(who, &[&bob]).await;
        is_kept_from(&bob, next, &who.name).await;
    }
}

/// Who leaves a group in which they have spoken, or of somebody whom they talk to, declines nobody.
#[tokio::test]
async fn who_leaves_a_group_of_two_otherwise_turns_nobody_down() {
    let (_server, mallory, bob) = two().await;
    let (founding, _, first) = founds(&mallory, &[&bob]).await;
    says(&bob, first, "accept").await;
    leaves(&bob, &founding, first).await;
    let (founding, _, second) = founds(&mallory, &[&bob]).await;
    bob.get(&format!("/api/v1/groups/{second}")).await.ok();
    let direct = Chat::direct("mallory", "bob");
    create(&mallory, &direct, &[&bob]).await.ok();
    says(&bob, direct.id(), "accept").await;
    leaves(&bob, &founding, second).await;
    let (_, _, third) = founds(&mallory, &[&bob]).await;
    bob.get(&format!("/api/v1/groups/{third}")).await.ok();
}

/// Of three, who was declined among them: the third one goes, in each of the ways there are.
async fn becomes_of_two(goes: impl AsyncFnOnce(&Club)) -> Club {
    let club = club().await;
    is_declined(&club.alice, &club.bob).await;
    takes_all(&club.bob).await;
    club.group(&club.bob).await;
    goes(&club).await;
    is_kept_from(&club.bob, club.id, "alice").await;
    club
}

#[tokio::test]
async fn a_group_whose_third_one_leaves_is_no_way_around_a_refusal() {
    let mut step = None;
    let club = becomes_of_two(async |club| step = Some(leaves(&club.carol, &club.founding, club.id).await)).await;
    // His devices hear that there is something to look at, and nothing after it.
    assert_eq!(waiting(&club.bob).await, ["device_sync"]);
    takes_all(&club.bob).await;
    club.moves(&club.alice, &club.hers, &[], &step.unwrap(), &[]).await;
    let mut a = caught_up(&club.alice).await;
    a.deliver(club.alice.group_message(club.id, 2, new_id())).await;
    assert_eq!(waiting(&club.bob).await, [""; 0]);
    // To alice he is one of the two.
    assert_eq!(club.group(&club.alice).await["participants"], json!(["alice", "bob"]));
    says(&club.bob, club.id, "accept").await;
    assert_eq!(kept_out(&club.bob).await, Value::Null);
    enters(&club.bob, club.id).await;
}

#[tokio::test]
async fn nor_one_whose_third_one_is_put_out() {
    Box::pin(becomes_of_two(async |club| {
        let step = club.alice.mls.changes(&club.founding, &club.carol.mls, None).unwrap();
        club.moves(&club.alice, &club.hers, &[], &step, &[]).await;
        let mut a = caught_up(&club.alice).await;
        a.deliver(club.alice.group_message(club.id, 2, new_id())).await;
        // The commit that has put her out is for him still.
        assert_eq!(waiting(&club.bob).await, ["key_exchange", "device_sync"]);
    }))
    .await;
}

#[tokio::test]
async fn nor_one_whose_third_ones_account_is_deleted() {
    becomes_of_two(async |club| {
        let (path, key) = ("/api/v1/admin/users/carol", json!({"admin_key": ADMIN_KEY}));
        assert_eq!(club.server.api.json("DELETE", path, None, &key).await.status, 204);
    })
    .await;
}

#[tokio::test]
async fn nor_one_that_goes_on_without_the_third_one() {
    let club = club().await;
    is_declined(&club.alice, &club.bob).await;
    takes_all(&club.bob).await;
    let step = club.alice.mls.changes(&club.founding, &club.carol.mls, None).unwrap();
    let (_, _, body) = beginning(&club.alice, &club.founding, &step, 2, &[&club.bob]);
    let next = club.alice.post("/api/v1/groups", body).await.ok();
    let next: GroupId = serde_json::from_value(next["group_id"].clone()).unwrap();
    is_kept_from(&club.bob, next, "alice").await;
    assert_eq!(waiting(&club.bob).await, [""; 0]);
}

/// An account of her own is put in and taken out again.
#[tokio::test]
async fn nor_one_that_was_of_two_before() {
    let (server, mallory, bob) = two().await;
    let sock = member(&server, "sock").await;
    is_declined(&mallory, &bob).await;
    let (founding, hers, id) = founds(&mallory, &[&sock]).await;
    let with_bob = mallory.mls.changes(&founding, &bob.mls, Some(Role::Member)).unwrap();
    takes_step(&mallory, &hers, id, &with_bob, &[&bob]).await;
    bob.get(&format!("/api/v1/groups/{id}")).await.ok();
    let alone = leaves(&sock, &with_bob, id).await;
    is_kept_from(&bob, id, "mallory").await;
    // Where somebody comes again, he stays away until he says otherwise.
    takes_step(&mallory, &hers, id, &alone, &[]).await;
    let again = mallory.mls.changes(&alone, &sock.mls, Some(Role::Member)).unwrap();
    takes_step(&mallory, &hers, id, &again, &[&sock]).await;
    is_kept_from(&bob, id, "mallory").await;
}

/// What he does himself he wants.
#[tokio::test]
async fn who_makes_it_one_of_two_themselves_stays_in_it() {
    let club = club().await;
    let step = club.bob_is_admin().await;
    is_declined(&club.alice, &club.bob).await;
    let alone = club.bob.mls.changes(&step, &club.carol.mls, None).unwrap();
    club.moves(&club.bob, &club.bobs, &[&club.hers], &alone, &[]).await;
    club.group(&club.bob).await;
    assert_eq!(kept_out(&club.bob).await, Value::Null);
}

/// To take a block back lets nobody in who was declined as well.
#[tokio::test]
async fn a_block_that_is_taken_back_opens_nothing_that_was_declined() {
    let (_server, mallory, bob) = two().await;
    let direct = is_declined(&mallory, &bob).await;
    let (_, _, id) = founds(&mallory, &[&bob]).await;
    blocks(&bob, "mallory").await;
    unblocks(&bob, "mallory").await;
    is_kept_from(&bob, id, "mallory").await;
    says(&bob, direct, "accept").await;
    bob.get(&format!("/api/v1/groups/{id}")).await.ok();
}
