//! Several devices of one user, and users who have to go.

use anyhow::{Context as _, Result};
use privmsg_client::Event;
use privmsg_testkit::wait::{PATIENCE, until};

use super::alice_and_bob;

#[tokio::test]
async fn a_second_device_gets_and_sends_everything_from_then_on() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "from the first device").await?;
    bob.hears(&alice, "from the first device").await?;

    let tablet = alice.takes_another_device(&server.url()).await?;
    bob.says(&alice, "to both").await?;
    alice.hears(&bob, "to both").await?;
    tablet.hears(&bob, "to both").await?;

    let sent = tablet.says(&bob, "from the tablet").await?;
    tablet.delivered(&sent).await?;
    bob.hears(&alice, "from the tablet").await?;
    let own = alice.has(&bob, "from the tablet").await?;
    assert_eq!(own.sender_id, alice.account().user_id);
    assert!(!own.outgoing, "written elsewhere");

    alice.says(&bob, "from the first again").await?;
    bob.hears(&alice, "from the first again").await?;
    assert_eq!(tablet.missing(&bob).await?, 0);
    assert_eq!(bob.client().chats().await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_device_that_is_removed_is_out() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "one device").await?;
    bob.hears(&alice, "one device").await?;
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    bob.says(&alice, "two devices").await?;
    tablet.hears(&bob, "two devices").await?;
    assert_eq!(server.leaves_of(&["alice", "bob"])?, 3);

    let gone = tablet.client().whoami().await?.device_id.context("a device id")?;
    alice.client().remove_device(&gone).await?;
    let why = tablet.is_stopped().await?;
    assert!(why.contains("signed out"), "{why}");

    bob.says(&alice, "one device again").await?;
    alice.hears(&bob, "one device again").await?;
    alice.says(&bob, "indeed").await?;
    bob.hears(&alice, "indeed").await?;
    // A commit took it out of the conversation: what is said since is not encrypted for it any more, whoever stores it.
    until("that only two leaves are left", PATIENCE, || async {
        Ok((server.leaves_of(&["alice", "bob"])? == 2).then_some(()))
    })
    .await?;
    until("one device in the list", PATIENCE, || async {
        Ok((alice.client().devices().await?.len() == 1).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_revoked_user_is_signed_out_at_once() -> Result<()> {
    let (server, alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "last words").await?;
    bob.hears(&alice, "last words").await?;
    let start = std::time::Instant::now();
    server.admin().revokes(&bob.account().user_id).await?;
    let why = bob.is_stopped().await?;
    assert!(why.contains("signed out"), "{why}");
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(bob.texts(&alice).await?, ["last words"], "what is here stays readable");
    Ok(())
}

#[tokio::test]
async fn a_new_message_to_somebody_who_was_revoked_fails() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    alice.goes_offline().await?;
    alice.says(&bob, "anybody there?").await?;
    server.admin().revokes(&bob.account().user_id).await?;
    // The refusal may come before everything is in step.
    alice.starts().await?;
    alice.sees("the failure", |event| matches!(event, Event::Failed { .. })).await.map(drop)
}
