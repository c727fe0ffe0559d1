//! Groups of a restored server: who was put out since, or has left, is not back in them.

use privmsg_harness::e2ee::Role;
use serde_json::{Value, json};

use super::enters;
use super::people::{beginning, id_of};
use crate::faults::Binary;
use crate::restore::done;
use crate::support::{Api, Person, base64, devices, submission, submit};

async fn person(api: Api, name: &str) -> Person {
    let access_key = api.create_user(name).await;
    let person = api.login(name, &access_key, None).await;
    let identity = person.mls.person().identity.to_string();
    person.post("/api/v1/users/me/profile", json!({"public_key": identity})).await.ok();
    person
}

/// After the restore all sessions are over.
async fn again(server: &Binary, person: &Person) -> Person {
    server.api.login(&person.name, &person.access_key, None).await
}

#[tokio::test]
async fn who_was_put_out_or_has_left_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let api = server.api;
    let [alice, bob, carol, dave] =
        [person(api, "alice").await, person(api, "bob").await, person(api, "carol").await, person(api, "dave").await];
    let founding = alice.mls.roster_with(&[&bob.mls, &carol.mls]).unwrap();
    let (hers, _, body) = beginning(&alice, &founding, &founding, 1, &[&bob, &carol]);
    alice.post("/api/v1/groups", body).await.ok();
    let id = id_of(&founding);
    let daves = dave.mls.roster_with(&[]).unwrap();
    dave.post("/api/v1/groups", beginning(&dave, &daves, &daves, 1, &[]).2).await.ok();
    done(folder.path(), &["backup", "then.tar"]);
    // Without a word that anybody has signed.
    dave.post(&format!("/api/v1/groups/{}/leave", id_of(&daves)), json!({})).await.ok();

    let without_carol = alice.mls.changes(&founding, &carol.mls, None).unwrap();
    let with_dave = alice.mls.changes(&without_carol, &dave.mls, Some(Role::Member)).unwrap();
    for (step, add) in [(&without_carol, vec![]), (&with_dave, vec![&dave])] {
        let bundle = hers.steps(step, &devices(&add)).unwrap();
        submit(&alice, id, &submission(&bundle)).await.ok();
        hers.merges().unwrap();
    }
    let without_bob = bob.mls.changes(&with_dave, &bob.mls, None).unwrap();
    let leaves = format!("/api/v1/groups/{id}/leave");
    bob.post(&leaves, json!({"roster": base64(&without_bob.encode())})).await.ok();
    drop(server);
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    assert_eq!(said["taken_back"]["groups"], 2);

    let server = Binary::start(folder.path());
    for gone in [&bob, &carol] {
        let gone = again(&server, gone).await;
        assert_eq!(gone.get("/api/v1/groups").await.ok()["groups"], json!([]));
        gone.get(&format!("/api/v1/groups/{id}/state")).await.is("unknown_group");
    }
    let (alice, dave) = (again(&server, &alice).await, again(&server, &dave).await);
    let his: Vec<_> = dave.get("/api/v1/groups").await.ok()["groups"].as_array().unwrap().clone();
    assert_eq!(his.iter().map(|group| &group["group_id"]).collect::<Vec<_>>(), [&json!(id)]);
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    let steps = [&without_carol, &with_dave, &without_bob];
    assert_eq!((&group["epoch"], &group["participants"]), (&json!(1), &json!(["alice", "dave"])));
    assert_eq!(group["steps"], json!(steps.map(|step| base64(&step.encode()))));

    // The keys of the epoch are theirs still: whoever comes first takes them out, before anything is said.
    let (hers, _, _) = enters(&alice, id).await;
    for (step, add) in steps.into_iter().zip([vec![], vec![&dave], vec![]]) {
        let bundle = hers.steps(step, &devices(&add)).unwrap();
        submit(&alice, id, &submission(&bundle)).await.ok();
        hers.merges().unwrap();
    }
    let group = dave.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!((group.get("steps"), &group["roster"]["number"]), (None, &json!(4)));
}

/// Whoever was turned down since would have come again by the next group.
#[tokio::test]
async fn who_was_turned_down_in_a_group_of_two_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let [mallory, bob] = [person(server.api, "mallory").await, person(server.api, "bob").await];
    done(folder.path(), &["backup", "then.tar"]);
    let first = mallory.mls.roster_with(&[&bob.mls]).unwrap();
    mallory.post("/api/v1/groups", beginning(&mallory, &first, &first, 1, &[&bob]).2).await.ok();
    let without = bob.mls.changes(&first, &bob.mls, None).unwrap();
    let leaves = format!("/api/v1/groups/{}/leave", id_of(&first));
    bob.post(&leaves, json!({"roster": base64(&without.encode())})).await.ok();
    drop(server);
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    assert_eq!(said["taken_back"]["declined"], 1);

    let server = Binary::start(folder.path());
    let (mallory, bob) = (again(&server, &mallory).await, again(&server, &bob).await);
    let second = mallory.mls.roster_with(&[&bob.mls]).unwrap();
    mallory.post("/api/v1/groups", beginning(&mallory, &second, &second, 1, &[]).2).await.ok();
    bob.get(&format!("/api/v1/groups/{}", id_of(&second))).await.is("unknown_group");
}
