//! Devices that were away for too long.

use anyhow::Result;
use privmsg_testkit::Server;
use privmsg_testkit::wait::{PATIENCE, until};

const EIGHT_DAYS: i64 = 8 * 24 * 3600;

#[tokio::test]
async fn offline_for_longer_than_the_server_keeps_messages() -> Result<()> {
    let mut server = Server::start().await?;
    let alice = server.person("alice").await?;
    let mut bob = server.person("bob").await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;

    bob.goes_offline().await?;
    for n in 0..3 {
        let sent = alice.says(&bob, &format!("nobody will hear this {n}")).await?;
        alice.delivered(&sent).await?;
    }
    server.sleeps(EIGHT_DAYS).await?;
    until("the server's cleanup", PATIENCE, || async {
        Ok((server.admin().stats().await?.pending_messages == 0).then_some(()))
    })
    .await?;

    bob.goes_online().await?;
    alice.says(&bob, "after").await?;
    bob.hears(&alice, "after").await?;
    bob.says(&alice, "I am back").await?;
    alice.hears(&bob, "I am back").await?;
    assert_eq!(bob.texts(&alice).await?, ["before", "after", "I am back"]);
    until("what is lost is shown", PATIENCE, || async { Ok((bob.missing(&alice).await? >= 3).then_some(())) }).await
}

/// A commit that a device never got is lost together with the messages: it can read nothing that follows, and joins
/// anew without anybody's help.
#[tokio::test]
async fn a_missed_commit_heals() -> Result<()> {
    let mut server = Server::start().await?;
    let alice = server.person("alice").await?;
    let mut bob = server.person("bob").await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    bob.goes_offline().await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    let sent = tablet.says(&bob, "from a device that Bob does not know").await?;
    tablet.delivered(&sent).await?;
    server.sleeps(EIGHT_DAYS).await?;
    until("the server's cleanup", PATIENCE, || async {
        Ok((server.admin().stats().await?.pending_messages == 0).then_some(()))
    })
    .await?;
    bob.goes_online().await?;
    bob.says(&alice, "here again").await?;
    alice.hears(&bob, "here again").await?;
    tablet.hears(&bob, "here again").await?;
    tablet.says(&bob, "welcome back").await?;
    bob.hears(&alice, "welcome back").await?;
    until("what is lost is shown", PATIENCE, || async { Ok((bob.missing(&alice).await? > 0).then_some(())) }).await
}
