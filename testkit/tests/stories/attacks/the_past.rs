//! A server that leads somebody back to what a chat was before.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::MessageKind;
use privmsg_protocol::GroupId;
use privmsg_testkit::hostile::{Answer, HostileServer, Past};
use privmsg_testkit::{Clock, Person, Server, wait};
use serde_json::json;

/// A device of Bob's was there once, and is signed out; whoever has it can read what is said in the epochs that it knew the
/// keys of. The server says that it has lost everything since, and numbers on without a hole. Alice is led back among the
/// devices of that time: she must see it, and say nothing to that one.
#[tokio::test]
async fn being_led_back_to_an_earlier_epoch_is_shown() -> Result<()> {
    let Scene { server, hostile, past, mut alice, mut bob, .. } = Scene::begins().await?;
    let mut tablet = bob.takes_another_device(&hostile.url()).await?;
    alice.says(&bob, "two devices").await?;
    tablet.hears(&alice, "two devices").await?;
    let with_the_tablet = *past.epochs().last().context("an epoch")?;
    let gone = tablet.client().whoami().await?.device_id.context("a device id")?;
    tablet.goes_offline().await?;
    let thief = tablet.is_copied()?;
    bob.client().remove_device(&gone).await?;
    let look = || async { Ok((server.leaves_of(&["alice", "bob"])? == 2).then_some(())) };
    wait::until("that the tablet is out", wait::PATIENCE, look).await?;
    let said = bob.says(&alice, "one device again").await?;
    alice.hears(&bob, "one device again").await?;
    bob.delivered(&said).await?;
    // A receipt of his that is on its way would have him led back before her, and his commit make the epoch hers again.
    bob.goes_offline().await?;

    let group = server.group_of(&["alice", "bob"])?;
    hostile.leads_back(&past, group, with_the_tablet, server.last_seq(group)?)?;
    is_led_back(&mut alice, &bob, "for one device").await?;
    thief.learns_nothing(group, past.taken()).await
}

/// Somebody has copied Bob's disk. His device has renewed its leaf key since, so the copy reads nothing more; the server leads
/// Alice back to the epoch before. That the device is one of Bob's is true, and its old leaf is not what he has now.
#[tokio::test]
async fn what_is_said_after_being_led_back_reaches_no_copy_of_before_a_rotation() -> Result<()> {
    let Scene { server, hostile, past, mut alice, mut bob, clock, group } = Scene::begins().await?;
    let before = *past.epochs().last().context("an epoch")?;
    bob.goes_offline().await?;
    let thief = bob.is_copied()?;
    bob.goes_online().await?;
    renew(&past, &clock, 1).await?;
    let said = bob.says(&alice, "by a new key").await?;
    alice.hears(&bob, "by a new key").await?;
    bob.delivered(&said).await?;
    // As above.
    bob.goes_offline().await?;

    hostile.leads_back(&past, group, before, server.last_seq(group)?)?;
    is_led_back(&mut alice, &bob, "not for the old key").await?;
    thief.learns_nothing(group, past.taken()).await
}

/// The server says that it knows the group no more, so that the chat goes on in another one, for which it has a key package of Bob's
/// that is older than what he has. Whoever has a copy of his disk of then reads what is said for it: nothing is, until he has come in and
/// made a leaf. A device of his that is away does not stop that.
#[tokio::test]
async fn a_chat_that_is_begun_anew_waits_for_new_leaves() -> Result<()> {
    let Scene { server, hostile, past, alice, mut bob, clock, group } = Scene::begins().await?;
    let mut tablet = bob.takes_another_device(&hostile.url()).await?;
    alice.says(&bob, "two devices").await?;
    tablet.hears(&alice, "two devices").await?;
    renew(&past, &clock, 1).await?;
    bob.says(&alice, "by a new key").await?;
    alice.hears(&bob, "by a new key").await?;
    tablet.goes_offline().await?;
    bob.goes_offline().await?;

    hostile.claims_restore(group)?;
    let unknown =
        json!({ "type": "about:blank", "title": "Not Found", "status": 404, "code": "unknown_group", "detail": "" });
    for asked in [format!("GET groups/{group}"), format!("GET groups/{group}/state")] {
        let body = unknown.clone();
        hostile.answers(&asked, move |_| Some(Answer { status: 404, body: body.clone() }))?;
    }
    let sent = alice.says(&bob, "not for the old key package").await?;
    let look = || async { Ok((server.group_of(&["alice", "bob"])? != group).then_some(())) };
    wait::until("that the chat goes on in another group", wait::PATIENCE, look).await?;
    let went_out = tokio::time::timeout(super::SETTLING, alice.delivered(&sent)).await;
    ensure!(went_out.is_err(), "it went out to a leaf that is older than Bob's");
    bob.goes_online().await?;
    bob.hears(&alice, "not for the old key package").await?;
    bob.says(&alice, "as before").await?;
    alice.hears(&bob, "as before").await?;
    tablet.goes_online().await?;
    alice.says(&bob, "and the tablet?").await?;
    tablet.hears(&alice, "and the tablet?").await.map(drop)
}

/// So many devices of Bob's renew their leaf keys, as each does once a week.
async fn renew(past: &Past, clock: &Clock, devices: usize) -> Result<()> {
    let before = past.epochs().len();
    clock.advance(8 * 24 * 3600);
    let look = || async { Ok((past.epochs().len() >= before + devices).then_some(())) };
    wait::until("that Bob's leaves are new", wait::PATIENCE, look).await
}

/// Alice and Bob have talked by way of a hostile server that remembers everything.
struct Scene {
    server: Server,
    hostile: HostileServer,
    past: Past,
    alice: Person,
    bob: Person,
    /// Bob's.
    clock: Clock,
    group: GroupId,
}

impl Scene {
    async fn begins() -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let (past, clock) = (hostile.remembers()?, Clock::right());
        let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
        let account = server.admin().creates("bob").await?;
        let mut bob = Person::signs_in_by(&hostile.url(), &account, Arc::new(clock.clone())).await?;
        bob.goes_online().await?;
        alice.says(&bob, "one device").await?;
        bob.hears(&alice, "one device").await?;
        bob.says(&alice, "so far").await?;
        alice.hears(&bob, "so far").await?;
        let group = server.group_of(&["alice", "bob"])?;
        Ok(Self { server, hostile, past, alice, bob, clock, group })
    }
}

/// Says something where the server has led her back, and sees that it has. Whether it goes out, or waits, is not the question.
async fn is_led_back(alice: &mut Person, bob: &Person, text: &str) -> Result<()> {
    let sent = alice.says(bob, text).await?;
    let followed = tokio::time::timeout(super::SETTLING, alice.delivered(&sent)).await;
    println!("it went out: {}", followed.is_ok());
    let lines = alice.messages(bob).await?;
    ensure!(lines.iter().any(|line| line.kind == MessageKind::WentBack), "nothing shows it: {lines:?}");
    Ok(())
}
