//! A server that leads somebody back to what a chat was before.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Event, MessageKind};
use privmsg_testkit::Server;
use privmsg_testkit::hostile::HostileServer;
use privmsg_testkit::{Person, wait};

/// A device of Bob's was there once, and is signed out; whoever has it can read what is said in the epochs that it knew the
/// keys of. The server says that it has lost everything since, and numbers on without a hole. Alice is led back among the
/// devices of that time: she must see it.
#[tokio::test]
async fn being_led_back_to_an_earlier_epoch_is_shown() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let past = hostile.remembers()?;
    let mut alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = Person::signs_in(&hostile.url(), &server.admin().creates("bob").await?).await?;
    alice.says(&bob, "one device").await?;
    bob.hears(&alice, "one device").await?;
    bob.says(&alice, "so far").await?;
    alice.hears(&bob, "so far").await?;
    let tablet = bob.takes_another_device(&hostile.url()).await?;
    alice.says(&bob, "two devices").await?;
    tablet.hears(&alice, "two devices").await?;
    let with_the_tablet = *past.epochs().last().context("an epoch")?;
    let gone = tablet.client().whoami().await?.device_id.context("a device id")?;
    bob.client().remove_device(&gone).await?;
    let look = || async { Ok((server.leaves_of(&["alice", "bob"])? == 2).then_some(())) };
    wait::until("that the tablet is out", wait::PATIENCE, look).await?;
    bob.says(&alice, "one device again").await?;
    alice.hears(&bob, "one device again").await?;

    let events = alice.client().events();
    let group = server.group_of(&["alice", "bob"])?;
    hostile.leads_back(&past, group, with_the_tablet, server.last_seq(group)?)?;
    let sent = alice.says(&bob, "for one device").await?;
    // Whether she goes on with it or waits is not the question here.
    let followed = tokio::time::timeout(super::SETTLING, alice.delivered(&sent)).await;
    println!("she has followed: {}", followed.is_ok());
    let shown = is_shown(&mut alice, &bob, events).await?;
    ensure!(shown, "led back from {:?} to {with_the_tablet:?}, and nothing shows it", past.epochs());
    Ok(())
}

/// A gap, a notice in the chat, or word to the user.
async fn is_shown(
    alice: &mut Person,
    bob: &Person,
    mut events: tokio::sync::broadcast::Receiver<Event>,
) -> Result<bool> {
    let told = std::iter::from_fn(|| events.try_recv().ok()).any(|event| matches!(event, Event::SetBack));
    let notices = alice.messages(bob).await?.iter().any(|message| message.kind != MessageKind::Text);
    Ok(told || notices || alice.missing(bob).await? > 0)
}
