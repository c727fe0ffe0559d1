//! A server that puts a group of its operator's in the place of a chat, by the way in which a device comes back to a group
//! that the server has lost: "you are no leaf of it, here is its state".

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::{Incarnation, Opaque};
use privmsg_testkit::hostile::{Claim, HostileMember, HostileServer, Operator, Rogue, Who};
use privmsg_testkit::{Person, Server};

use serde_json::{Value, json};

use super::alice_is_watched;

/// How long a welcome takes to be used.
const A_WHILE: Duration = Duration::from_secs(2);

/// Alice writes to Bob while the operator waits for it. The operator must learn nothing, and Bob must hear it in the end.
async fn writes_to_bob_alone(hostile: &HostileServer, operator: &Operator, alice: &Person, bob: &Person) -> Result<()> {
    let before = alice.client().contact(&bob.account().user_id).await?;
    alice.says(bob, "the combination is 31-41-59").await?;
    operator.learns_nothing().await?;
    hostile.becomes_honest();
    bob.hears(alice, "the combination is 31-41-59").await?;
    bob.says(alice, "got it").await?;
    alice.hears(bob, "got it").await?;
    let after = alice.client().contact(&bob.account().user_id).await?;
    ensure!(after == before, "{before:?} has become {after:?}");
    ensure!(alice.client().chats().await?.len() == 1, "a chat has come or gone");
    Ok(())
}

async fn talks_and_has_verified() -> Result<(Server, HostileServer, Person, Person)> {
    let (server, hostile, alice, bob) = alice_is_watched().await?;
    super::super::verifies(&alice, &bob.account().user_id).await?;
    Ok((server, hostile, alice, bob))
}

/// A group of Alice and somebody whose name differs from Bob's by a dot is served as that of her chat with Bob. Once, what
/// she wrote to a verified contact was encrypted for the operator, and nothing showed it.
#[tokio::test]
async fn a_chat_goes_on_in_no_group_between_others() -> Result<()> {
    let (server, hostile, alice, bob) = talks_and_has_verified().await?;
    let eve = Rogue::named("bob.", "laptop")?;
    let claim = Claim::direct(&Who::is(&alice).await?, &eve.who())?.under(server.group_of(&["alice", "bob"])?);
    let operator = hostile.takes_over(eve.founds(&claim)?)?;
    writes_to_bob_alone(&hostile, &operator, &alice, &bob).await?;
    ensure!(alice.client().contact(&eve.who().user_id).await.is_err(), "the operator's key was pinned");
    Ok(())
}

/// The same, with Bob's own name over the operator's key.
#[tokio::test]
async fn a_chat_goes_on_in_no_group_with_another_key_of_the_same_name() -> Result<()> {
    let (server, hostile, alice, bob) = talks_and_has_verified().await?;
    let eve = Rogue::named("bob", "laptop")?;
    let claim = Claim::direct(&Who::is(&alice).await?, &eve.who())?.under(server.group_of(&["alice", "bob"])?);
    let operator = hostile.takes_over(eve.founds(&claim)?)?;
    writes_to_bob_alone(&hostile, &operator, &alice, &bob).await
}

/// The same by a welcome into a later epoch, which replaces what a device has of a group.
#[tokio::test]
async fn a_welcome_leads_a_chat_into_no_other_group() -> Result<()> {
    let (server, hostile, alice, bob) = talks_and_has_verified().await?;
    let mut accomplice = HostileMember::signs_up(&server, "mallory").await?;
    let package = accomplice.claims(&alice.account().user_id).await?.swap_remove(0);
    let eve = Rogue::named("bob.", "laptop")?;
    let claim = Claim::direct(&Who::is(&alice).await?, &eve.who())?.under(server.group_of(&["alice", "bob"])?);
    let mut group = eve.founds(&claim)?;
    for _ in 0..20 {
        group.commit(&[], &[])?;
    }
    let operator = hostile.takes_over(group)?;
    operator.invites(&hostile, package)?;
    tokio::time::sleep(A_WHILE).await;
    writes_to_bob_alone(&hostile, &operator, &alice, &bob).await?;
    ensure!(alice.client().contact(&eve.who().user_id).await.is_err(), "the operator's key was pinned");
    Ok(())
}

/// The chat is said to have gone on in another group, by its right name, with Bob's name over the operator's key, or over
/// his own with a device that it has not vouched for.
#[tokio::test]
async fn a_chat_goes_on_in_no_later_group_of_others() -> Result<()> {
    for of_his_own in [false, true] {
        let (server, hostile, alice, bob) = talks_and_has_verified().await?;
        let mut accomplice = HostileMember::signs_up(&server, "mallory").await?;
        let package = accomplice.claims(&alice.account().user_id).await?.swap_remove(0);
        let eve = Rogue::named("bob", "laptop")?;
        let him = if of_his_own { Who::is(&bob).await? } else { eve.who() };
        let claim = Claim::direct_in(&Who::is(&alice).await?, &him, Incarnation(2))?;
        let operator = hostile.takes_over(eve.founds(&claim)?)?;
        operator.is_said_to_go_on(&hostile, Incarnation(2))?;
        operator.invites(&hostile, package)?;
        tokio::time::sleep(A_WHILE).await;
        writes_to_bob_alone(&hostile, &operator, &alice, &bob).await?;
    }
    Ok(())
}

/// What somebody writes to nobody but themselves was encrypted for the operator in the same way.
#[tokio::test]
async fn notes_go_on_in_no_group_between_others() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let noted = alice.says(&alice, "buy milk").await?;
    alice.delivered(&noted).await?;
    let eve = Rogue::named("eve", "laptop")?;
    let claim = Claim::direct(&Who::is(&alice).await?, &eve.who())?.under(server.group_of(&["alice"])?);
    let operator = hostile.takes_over(eve.founds(&claim)?)?;
    let secret = alice.says(&alice, "the combination is 31-41-59").await?;
    operator.learns_nothing().await?;
    hostile.becomes_honest();
    alice.delivered(&secret).await?;
    ensure!(alice.client().contact(&eve.who().user_id).await.is_err(), "the operator's key was pinned");
    ensure!(alice.client().chats().await?.len() == 1, "a chat has come or gone");
    Ok(())
}

/// Nor does it help the operator to say, in the group, that it is what it should be, with a device of Alice's that she has not.
#[tokio::test]
async fn notes_go_on_with_no_device_of_another_key() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let noted = alice.says(&alice, "buy milk").await?;
    alice.delivered(&noted).await?;
    let eve = Rogue::named("alice", "new-phone")?;
    let claim = Claim::notes(&Who::is(&alice).await?).under(server.group_of(&["alice"])?);
    let operator = hostile.takes_over(eve.founds(&claim)?)?;
    operator.greets_with("sell everything");
    let secret = alice.says(&alice, "the combination is 31-41-59").await?;
    operator.learns_nothing().await?;
    ensure!(!alice.texts(&alice).await?.contains(&"sell everything".to_owned()), "a stranger writes notes");
    hostile.becomes_honest();
    alice.delivered(&secret).await
}

/// At the first contact the server hands out key packages of the operator's as those of Bob's device. His published
/// identity has not vouched for them.
#[tokio::test]
async fn a_chat_begins_with_nobody_else_s_devices() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    hostile.rewrites("POST users/bob/key-packages/claim", |_, answer| {
        for package in answer["key_packages"].as_array_mut().into_iter().flatten() {
            let device = package["device_id"].as_str().unwrap_or_default().to_owned();
            let made = Rogue::named("bob", &device).and_then(|rogue| rogue.key_package());
            package["key_package"] = made.map_or(Value::Null, |made| Opaque::encode(&made).as_str().into());
        }
    })?;
    alice.says(&bob, "the combination is 31-41-59").await?;
    hostile.is_asked("POST users/bob/key-packages/claim", 2).await?;
    ensure!(hostile.times_asked("POST groups") == 0, "a chat was begun");
    hostile.becomes_honest();
    bob.hears(&alice, "the combination is 31-41-59").await.map(drop)
}

/// Nor with a device that Bob has signed out, whose true key package the server has kept: his list has it no more.
#[tokio::test]
async fn a_chat_begins_with_no_device_that_was_signed_out() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    let tablet = bob.takes_another_device(&server.url()).await?;
    let gone = tablet.client().whoami().await?.device_id.context("a device id")?;
    let mut accomplice = HostileMember::signs_up(&server, "mallory").await?;
    let claimed = accomplice.claims(&bob.account().user_id).await?;
    ensure!(claimed.len() == 2, "of both devices");
    bob.client().remove_device(&gone).await?;

    let id = gone.clone();
    hostile.rewrites("POST users/bob/key-packages/claim", move |_, answer| {
        let Some(packages) = answer["key_packages"].as_array_mut() else { return };
        // Of the two, one is of the device that is there and is left out for its name.
        let kept = claimed.iter().map(|one| json!({ "device_id": id, "key_package": Opaque::encode(one) }));
        packages.extend(kept);
    })?;
    let invited: Arc<Mutex<Vec<Value>>> = Arc::default();
    let noted = Arc::clone(&invited);
    hostile.rewrites_requests(move |asked| {
        if asked.method == "POST" && asked.path == "groups" {
            let secrets = asked.body["welcome"]["secrets"].as_array().cloned().unwrap_or_default();
            let devices = secrets.into_iter().map(|mut one| one["device_id"].take());
            noted.lock().expect("nobody panics here").extend(devices);
        }
    });
    alice.says(&bob, "the combination is 31-41-59").await?;
    bob.hears(&alice, "the combination is 31-41-59").await?;
    let his = bob.client().whoami().await?.device_id.context("a device id")?;
    let invited = invited.lock().expect("nobody panics here").clone();
    ensure!(invited == [json!(his)], "invited: {invited:?}");
    Ok(())
}
