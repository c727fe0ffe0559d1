//! Strangers: what they learn before a person answers, and what becomes of it then.

use anyhow::{Result, ensure};
use privmsg_client::{Consent, Reason, Setting};
use privmsg_protocol::ErrorCode;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Clock, Person, Server};

use super::{alice_and_bob, numbered};

/// What a client does by itself after it has taken a message is done within this time.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(4);

/// A week in which somebody's keys would have been changed.
const LONG: i64 = 8 * 24 * 3600;

async fn knows_that_it_has_arrived(writer: &Person, reader: &Person, text: &str) -> Result<bool> {
    Ok(writer.has(reader, text).await?.delivered_at().is_some())
}

/// Delivery, reading and changes of keys told a stranger that somebody is there.
#[tokio::test]
async fn a_stranger_is_told_nothing_before_there_is_an_answer() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, clock) = (server.person("mallory").await?, Clock::right());
    let account = server.admin().creates("henry").await?;
    let mut henry = Person::signs_in_by(&server.url(), &account, std::sync::Arc::new(clock.clone())).await?;
    henry.goes_online().await?;
    henry.client().set(Setting::ReadReceipts, true).await?;
    mallory.says(&henry, "Are you there?").await?;
    henry.hears(&mallory, "Are you there?").await?;
    let group = server.group_of(&["henry", "mallory"])?;
    let before = server.last_seq(group)?;
    let asks = henry.client().requests().await?;
    ensure!(asks.len() == 1 && asks[0].from.as_str() == "mallory" && asks[0].entry.summary.consent == Consent::Asked);

    let chat = henry.chat(&mallory).await?;
    ensure!(henry.client().mark_read(chat, None).await? == 1);
    clock.advance(LONG);
    henry.goes_offline().await?;
    henry.goes_online().await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(server.last_seq(group)? == before, "henry's client has said something by itself");
    ensure!(!knows_that_it_has_arrived(&mallory, &henry, "Are you there?").await?);

    henry.lets_in(&mallory).await?;
    ensure!(henry.client().requests().await?.is_empty());
    until("that it was read", PATIENCE, || async {
        Ok(mallory.has(&henry, "Are you there?").await?.read_at().map(drop))
    })
    .await?;
    until("henry's new keys", PATIENCE, || async { Ok((server.last_seq(group)?.0 >= before.0 + 2).then_some(())) })
        .await?;
    let after = server.last_seq(group)?;
    henry.goes_offline().await?;
    henry.goes_online().await?;
    henry.lets_in(&mallory).await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(server.last_seq(group)? == after, "it is said again");
    Ok(())
}

#[tokio::test]
async fn whoever_writes_has_answered_and_whoever_begins_is_not_asked() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    alice.stands_to(&bob, Consent::Open).await?;
    bob.hears(&alice, "Hi").await?;
    bob.stands_to(&alice, Consent::Asked).await?;
    bob.says(&alice, "Hi yourself").await?;
    bob.stands_to(&alice, Consent::Open).await?;
    ensure!(alice.client().requests().await?.is_empty() && bob.client().requests().await?.is_empty());
    let arrived = || async { Ok(knows_that_it_has_arrived(&alice, &bob, "Hi").await?.then_some(())) };
    until("the receipt that was held", PATIENCE, arrived).await
}

/// Neither here nor on a device that was away and from whose mailbox the server has taken it, and nothing of it is shown as lost.
#[tokio::test]
async fn what_is_declined_is_neither_heard_nor_missed() -> Result<()> {
    let server = Server::start().await?;
    let (alice, mallory) = (server.person("alice").await?, server.person("mallory").await?);
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    mallory.says(&alice, "first").await?;
    for device in [&alice, &tablet] {
        device.hears(&mallory, "first").await?;
    }
    tablet.goes_offline().await?;
    for text in numbered("while the tablet is away", 3) {
        mallory.delivered(&mallory.says(&alice, &text).await?).await?;
        alice.hears(&mallory, &text).await?;
    }
    alice.declines(&mallory).await?;
    for text in numbered("after that", 3) {
        mallory.delivered(&mallory.says(&alice, &text).await?).await?;
    }
    tablet.goes_online().await?;
    tablet.stands_to(&mallory, Consent::Declined).await?;
    tokio::time::sleep(SETTLING).await;
    // What was there when it was turned down is on both.
    for (device, heard) in [(&alice, 4), (&tablet, 4)] {
        let texts = device.texts(&mallory).await?;
        ensure!(texts.len() == heard, "{texts:?}");
        ensure!(device.missing(&mallory).await? == 0, "something is shown as missing");
        ensure!(device.client().holds().await?.is_empty(), "{:?}", device.client().holds().await?);
    }
    ensure!(!knows_that_it_has_arrived(&mallory, &alice, "first").await?);

    // She thinks better of it, on the tablet.
    tablet.says(&mallory, "What is it?").await?;
    mallory.hears(&alice, "What is it?").await?;
    alice.has(&mallory, "What is it?").await?;
    alice.stands_to(&mallory, Consent::Open).await?;
    mallory.says(&alice, "Nothing").await?;
    for device in [&alice, &tablet] {
        device.hears(&mallory, "Nothing").await?;
        ensure!(device.missing(&mallory).await? == 0, "something is shown as missing");
    }
    alice.says(&mallory, "Then be quiet").await?;
    mallory.hears(&alice, "Then be quiet").await?;
    ensure!(mallory.missing(&alice).await? == 0);
    Ok(())
}

/// What was decided before a device was there, its user's others tell it; and what it is told to others.
#[tokio::test]
async fn a_new_device_knows_who_was_answered() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let carol = server.person("carol").await?;
    for stranger in [&bob, &carol] {
        stranger.says(&alice, "Hi").await?;
        alice.hears(stranger, "Hi").await?;
    }
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    alice.declines(&carol).await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    tablet.stands_to(&bob, Consent::Open).await?;
    tablet.stands_to(&carol, Consent::Declined).await?;
    ensure!(tablet.client().requests().await?.is_empty());
    let dave = server.person("dave").await?;
    dave.says(&alice, "And I?").await?;
    for device in [&alice, &tablet] {
        device.stands_to(&dave, Consent::Asked).await?;
    }
    tablet.lets_in(&dave).await?;
    tablet.lets_in(&carol).await?;
    for (whom, device) in [(&dave, &alice), (&carol, &alice)] {
        device.stands_to(whom, Consent::Open).await?;
    }
    carol.says(&alice, "Thank you").await?;
    for device in [&alice, &tablet] {
        device.hears(&carol, "Thank you").await?;
    }
    Ok(())
}

/// What was not taken before the answer goes out with it, and nothing of it is lost.
#[tokio::test]
async fn so_much_is_said_before_an_answer_and_the_rest_after_it() -> Result<()> {
    let limit = ("PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY", "4".to_owned());
    let server = Server::start_with(&[limit]).await?;
    let (mallory, bob) = (server.person("mallory").await?, server.person("bob").await?);
    let texts = numbered("please", 8);
    for text in &texts {
        mallory.says(&bob, text).await?;
    }
    mallory.waits_because(&[Reason::Refused(ErrorCode::AwaitsAnswer)]).await?;
    bob.hears(&mallory, &texts[0]).await?;
    ensure!(bob.texts(&mallory).await?.len() < texts.len());
    bob.lets_in(&mallory).await?;
    bob.has_exactly(&mallory, &texts, PATIENCE).await
}

/// The record of what was declined is lost with the disk: the device knows, and says it again.
#[tokio::test]
async fn a_restored_server_hears_again_what_is_declined() -> Result<()> {
    let mut server = Server::start().await?;
    let (mut alice, mut mallory) = (server.person("alice").await?, server.person("mallory").await?);
    mallory.says(&alice, "Hi").await?;
    alice.hears(&mallory, "Hi").await?;
    let backup = server.is_backed_up()?;
    alice.declines(&mallory).await?;
    for who in [&mut alice, &mut mallory] {
        who.goes_offline().await?;
    }
    server.loses_all_since(&backup).await?;
    alice.goes_online().await?;
    tokio::time::sleep(SETTLING).await;
    mallory.goes_online().await?;
    mallory.delivered(&mallory.says(&alice, "Still here").await?).await?;
    alice.goes_offline().await?;
    alice.goes_online().await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(alice.texts(&mallory).await? == ["Hi"], "{:?}", alice.texts(&mallory).await?);
    ensure!(alice.missing(&mallory).await? == 0);
    Ok(())
}
