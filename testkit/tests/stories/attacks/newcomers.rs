//! A server that shows a new device what conversations once were.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::Epoch;
use privmsg_testkit::hostile::{Forged, HostileServer};
use privmsg_testkit::{Clock, Person, Server};

use super::{PATIENCE, SETTLING, until};

/// What comes after pauses comes without them.
async fn sooner<T>(clock: &Clock, what: impl Future<Output = Result<T>>) -> Result<T> {
    let hurry = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            clock.advance(30);
        }
    };
    tokio::select! {
        done = what => done,
        () = hurry => unreachable!("it goes on for ever"),
    }
}

/// Alice's chat with Bob has gone on in a second group. A device that she links is shown the first one, in which it could be led among
/// whoever was there then: the device that has let it in has told it better.
#[tokio::test]
async fn a_new_device_is_led_into_no_group_that_a_conversation_has_left() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let (past, clock) = (hostile.remembers()?, Clock::right());
    let account = server.admin().creates("alice").await?;
    let mut alice = Person::signs_in_by(&hostile.url(), &account, Arc::new(clock.clone())).await?;
    alice.starts().await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "in the first").await?;
    bob.hears(&alice, "in the first").await?;
    bob.says(&alice, "here, too").await?;
    alice.hears(&bob, "here, too").await?;
    let laptop = alice.takes_another_device(&hostile.url()).await?;
    alice.says(&bob, "with the laptop").await?;
    laptop.has(&bob, "with the laptop").await?;
    let first = server.group_of(&["alice", "bob"])?;
    let (elsewhere, last) = (HostileServer::before(&server).await?, server.last_seq(first)?);
    let mut known = past.epochs().into_iter().rev();
    known
        .find(|epoch| elsewhere.leads_back(&past, first, *epoch, last).is_ok())
        .context("an epoch in which somebody has looked at it")?;

    let garbage = serde_json::to_value(Forged::garbage(Epoch(0), &[]).state)?;
    hostile.rewrites(&format!("GET groups/{first}/state"), move |_, answer| {
        if answer.get("state").is_some() {
            answer["state"] = garbage.clone();
        }
    })?;
    hostile.claims_restore(first)?;
    alice.says(&bob, "in the second").await?;
    sooner(&clock, bob.hears(&alice, "in the second")).await?;
    hostile.becomes_honest();
    bob.says(&alice, "after you").await?;
    sooner(&clock, alice.hears(&bob, "after you")).await?;
    let second = server.group_of(&["alice", "bob"])?;
    ensure!(second != first, "the chat goes on in another group");

    let mut tablet = alice.links(&elsewhere.url()).await?;
    tablet.starts().await?;
    elsewhere.is_asked(&format!("GET groups/{first}"), 1).await?;
    tokio::time::sleep(SETTLING).await;
    let joined = elsewhere.times_asked(&format!("POST groups/{first}/commits"));
    ensure!(joined == 0, "it has joined the group of before");
    // An honest one lets it in where the others are.
    elsewhere.becomes_honest();
    let all = || async { Ok((server.leaves_of(&["alice", "bob"])? == 4).then_some(())) };
    sooner(&clock, until("that all devices are in the second group", PATIENCE, all)).await?;
    alice.says(&bob, "for all of us").await?;
    sooner(&clock, tablet.has(&bob, "for all of us")).await?;
    alice.goes_offline().await
}
