//! Users of an honest server who want nothing but that others cannot talk any more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_protocol::{Epoch, Incarnation};
use privmsg_testkit::hostile::{Claim, Forged, HostileMember, Who};
use privmsg_testkit::{Clock, Person, Server};

/// Alice, by a clock that the test moves, and Bob, who have talked.
async fn talking() -> Result<(Server, Clock, Person, Person)> {
    let server = Server::start().await?;
    let (clock, account) = (Clock::right(), server.admin().creates("alice").await?);
    let mut alice = Person::signs_in_by(&server.url(), &account, Arc::new(clock.clone())).await?;
    alice.starts().await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    Ok((server, clock, alice, bob))
}

/// They find back to each other, by themselves.
async fn talk_again(clock: &Clock, alice: &Person, bob: &Person) -> Result<()> {
    alice.says(bob, "are you there?").await?;
    // What is tried again after growing pauses comes sooner.
    let hurry = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            clock.advance(30);
        }
    };
    tokio::select! {
        heard = bob.hears(alice, "are you there?") => heard.map(drop)?,
        () = hurry => {}
    }
    bob.says(alice, "where else?").await?;
    alice.hears(bob, "where else?").await.map(drop)
}

/// Whoever knows Alice's access key, and none of her keys, commits garbage to all of her chats, by which all devices leave.
/// Once, nobody could say anything in any of them any more, and no other chat could be made in their place.
#[tokio::test]
async fn an_access_key_alone_ends_no_chat() -> Result<()> {
    let (server, clock, alice, bob) = talking().await?;
    let mut vandal = HostileMember::signs_in(&server, alice.account()).await?;
    for group in vandal.groups().await? {
        let leaves: Vec<_> = group.devices.into_iter().filter(|device| device.leaf).collect();
        let leaves: Vec<_> = leaves.into_iter().map(|device| device.device_id).collect();
        ensure!(leaves.len() == 2, "{leaves:?}");
        let garbage = Forged { welcome: None, ..Forged::garbage(group.epoch, &[], &leaves) };
        vandal.commits(group.group_id, true, &garbage).await?;
    }
    talk_again(&clock, &alice, &bob).await
}

/// The same, by a group of garbage in which the chat is to go on.
#[tokio::test]
async fn an_access_key_alone_does_not_lead_a_chat_away() -> Result<()> {
    let (server, clock, alice, bob) = talking().await?;
    let mut vandal = HostileMember::signs_in(&server, alice.account()).await?;
    let claim = Claim::direct(&Who::is(&alice).await?, &Who::is(&bob).await?)?;
    let garbage = Forged::garbage(Epoch(0), &[], &[]);
    ensure!(vandal.goes_on(&bob.account().user_id, Incarnation(2), &claim, &garbage).await? == 200);
    talk_again(&clock, &alice, &bob).await
}
