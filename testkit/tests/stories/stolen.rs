//! Devices that are stolen, and called back.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{ClientError, Consent, Draft, HistoryItem, LoginError, MessageKind, Recipient, Role};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Clock, Person, Server};

use super::alice_and_bob;
use super::own_devices::{id_of, is_waiting, links_in_time, waits_to_be_let_in};

/// A tablet is stolen. The words begin a generation in which the laptop stays, and is told the new key; what the tablet has
/// of the account is worth nothing, and the contact sees no change.
#[tokio::test]
async fn a_stolen_device_is_called_back_and_the_others_stay() -> Result<()> {
    let (server, alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    super::verifies(&bob, &alice.account().user_id).await?;
    let laptop = alice.takes_another_device(&server.url()).await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    // Dates of devices have seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let mut theirs = links_in_time(&tablet, &server).await?;
    theirs.goes_online().await?;
    let (events, stolen) = (tablet.client().events(), id_of(&tablet).await?);
    let wrong = alice.client().remove_stolen(std::slice::from_ref(&stolen), &["abandon"; 12].join(" ")).await;
    ensure!(wrong.is_err(), "other words do nothing");
    alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    waits_to_be_let_in(events).await?;

    bob.says(&alice, "without the thief").await?;
    alice.hears(&bob, "without the thief").await?;
    laptop.hears(&bob, "without the thief").await?;
    ensure!(!tablet.texts(&bob).await?.contains(&"without the thief".to_owned()));
    ensure!(
        !theirs.texts(&bob).await?.contains(&"without the thief".to_owned()),
        "whom the thief has let in is out, too"
    );
    for device in [&tablet, &theirs] {
        ensure!(device.links(&server.url()).await.is_err(), "the thief lets nobody in");
    }
    let mut phone = links_in_time(&laptop, &server).await?;
    phone.goes_online().await?;
    phone.says(&bob, "all is well").await?;
    bob.hears(&phone, "all is well").await?;
    let contact = bob.client().contact(&alice.account().user_id).await?;
    ensure!(contact.verified && contact.changed.is_none());
    bob.goes_offline().await
}

/// The thief lets a device in, and signs the stolen one out: in the list stands only what was let in. The words call back both.
#[tokio::test]
async fn whom_a_stolen_device_has_let_in_does_not_stay_because_it_has_signed_itself_out() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let laptop = alice.takes_another_device(&server.url()).await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    let theirs = links_in_time(&tablet, &server).await?;
    let stolen = id_of(&tablet).await?;
    tablet.client().logout().await?;
    let gone = || async { Ok(alice.client().devices().await?.iter().all(|one| one.device_id != stolen).then_some(())) };
    until("that the tablet is gone", PATIENCE, gone).await?;
    let never = alice.client().remove_stolen(&["never-seen".parse()?], alice.words()?).await;
    ensure!(matches!(never, Err(ClientError::NeverListed)), "{never:?}");
    ensure!(!is_waiting(&alice, &theirs).await?, "and nothing has begun");

    alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    alice.client().sign_out_stolen(&stolen).await?;
    ensure!(is_waiting(&alice, &theirs).await?, "whom the thief has let in waits");
    ensure!(!is_waiting(&alice, &laptop).await?, "who was there before stays");
    ensure!(theirs.links(&server.url()).await.is_err(), "the thief lets nobody in");
    alice.goes_offline().await?;
    bob.goes_offline().await
}

/// Alice and Bob, who talk, and another device of hers, which is in the chat.
async fn with_a_tablet() -> Result<(Server, Person, Person, Person)> {
    let (server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    bob.says(&alice, "hello").await?;
    tablet.hears(&bob, "hello").await?;
    Ok((server, alice, bob, tablet))
}

/// A thief silences a contact: the owner is told at once on which device, and calling it back undoes it.
#[tokio::test]
async fn what_a_stolen_device_has_declined_stands_as_before() -> Result<()> {
    let (_server, mut alice, mut bob, tablet) = with_a_tablet().await?;
    alice.hears(&bob, "hello").await?;
    tablet.stands_to(&bob, Consent::Open).await?;
    let stolen = id_of(&tablet).await?;
    tablet.declines(&bob).await?;
    alice.stands_to(&bob, Consent::Declined).await?;
    let told = |kind: MessageKind| {
        let (alice, bob, stolen) = (&alice, &bob, &stolen);
        async move {
            let lines = alice.messages(bob).await?;
            Ok::<_, anyhow::Error>(lines.iter().any(|line| line.kind == kind && line.text == stolen.as_str()))
        }
    };
    ensure!(told(MessageKind::DeclinedElsewhere).await?, "by which device");
    let undone = alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    ensure!(undone.len() == 1, "{undone:?}");
    alice.stands_to(&bob, Consent::Open).await?;
    ensure!(told(MessageKind::DecisionUndone).await?, "a line says so");
    // As soon as the server knows it.
    until("that bob is heard", PATIENCE, || async {
        bob.says(&alice, "are you there?").await?;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        Ok(alice.texts(&bob).await?.contains(&"are you there?".to_owned()).then_some(()))
    })
    .await?;
    alice.goes_offline().await?;
    bob.goes_offline().await
}

/// A thief blocks a contact: the owner is told at once on which device, and when it is called back how to undo it.
#[tokio::test]
async fn whom_a_stolen_device_has_blocked_is_listed() -> Result<()> {
    let (_server, mut alice, mut bob, tablet) = with_a_tablet().await?;
    let (stolen, name) = (id_of(&tablet).await?, bob.account().user_id.clone());
    tablet.client().block(&name).await?;
    let told = |is_stolen: bool| {
        let (alice, stolen, name) = (&alice, &stolen, &name);
        async move {
            let lines = alice.messages(alice).await?;
            let mut news = lines.into_iter().filter_map(|line| line.block_news);
            let is_told = news.any(|news| {
                news.stolen == is_stolen
                    && news.device.as_deref() == Some(stolen.as_str())
                    && news.blocked == [name.clone()]
            });
            Ok::<_, anyhow::Error>(is_told.then_some(()))
        }
    };
    until("that she is told", PATIENCE, || told(false)).await?;
    alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    until("that it is listed", PATIENCE, || told(true)).await?;
    ensure!(alice.client().is_blocked(&name).await?, "nobody whom she had blocked herself is heard because of it");
    alice.client().unblock(&name).await?;
    bob.says(&alice, "are you there?").await?;
    alice.hears(&bob, "are you there?").await?;
    alice.goes_offline().await?;
    bob.goes_offline().await
}

/// A thief changes a group: nothing says on which device a roster was signed, so all is listed that was signed while theirs was there.
#[tokio::test]
async fn what_was_changed_in_groups_while_a_stolen_device_was_there_is_listed() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    let carol = server.person("carol").await?;
    let people = [&bob, &carol].map(|person| person.account().user_id.clone());
    let hers = alice.client().create_group("Choir", &people).await?;
    alice.client().wait_group_made(hers).await?;
    let room = Recipient::Group(alice.client().group(hers).await?.conversation);
    // Dates are in seconds.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let tablet = alice.takes_another_device(&server.url()).await?;
    let stolen = id_of(&tablet).await?;
    let theirs =
        until("that the tablet is in", PATIENCE, || async { Ok(tablet.client().chat_with(&room).await?) }).await?;
    let changes = until("that the tablet may sign", PATIENCE, || async {
        match tablet.client().set_role(theirs, &people[0], Role::Owner).await {
            Err(ClientError::NoSigningKey) => Ok(None),
            asked => Ok(Some(asked?)),
        }
    });
    for asked in changes.await? {
        tokio::time::timeout(PATIENCE, tablet.client().wait_group_changed(asked)).await??;
    }
    until("that she sees it", PATIENCE, || async {
        let people = alice.client().group(hers).await?.people;
        Ok(people.iter().any(|one| one.user_id == people[0].user_id && one.role == Role::Owner).then_some(()))
    })
    .await?;
    alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    let client = alice.client().clone();
    let lines = || async {
        let items = client.history(&room, 100).await?;
        let lines = items.iter().filter_map(HistoryItem::message).cloned();
        Ok::<_, anyhow::Error>(lines.filter(|line| line.kind == MessageKind::StepsToConfirm).collect::<Vec<_>>())
    };
    let listed =
        until("that it is listed", PATIENCE, || async { Ok(Some(lines().await?).filter(|lines| !lines.is_empty())) });
    let listed = listed.await?;
    ensure!(listed.len() == 1 && listed[0].text == stolen.as_str(), "{listed:?}");
    let roles = listed[0].group_news.as_ref().map(|news| news.roles.clone()).unwrap_or_default();
    ensure!(roles == [(people[0].clone(), "owner".to_owned())], "{listed:?}");
    alice.goes_offline().await?;
    alice.goes_online().await?;
    ensure!(lines().await?.len() == 1, "once");
    Ok(())
}

/// One of her devices brings somebody in while another calls a third one back, and has not heard of that: what the new one says is
/// heard on all of them.
#[tokio::test]
async fn whom_a_device_has_brought_in_before_it_heard_of_the_new_generation_is_heard() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    let mut carol = server.person("carol").await?;
    let hers = alice.client().create_group("Choir", std::slice::from_ref(&bob.account().user_id)).await?;
    alice.client().wait_group_made(hers).await?;
    let room = Recipient::Group(alice.client().group(hers).await?.conversation);
    let laptop = alice.takes_another_device(&server.url()).await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    let stolen = id_of(&tablet).await?;
    let on_laptop =
        until("that the laptop is in", PATIENCE, || async { Ok(laptop.client().chat_with(&room).await?) }).await?;
    alice.goes_offline().await?;
    let asked = until("that the laptop may sign", PATIENCE, || async {
        match laptop.client().add_to_group(on_laptop, std::slice::from_ref(&carol.account().user_id)).await {
            Err(ClientError::NoSigningKey) => Ok(None),
            asked => Ok(Some(asked?)),
        }
    })
    .await?;
    for asked in asked {
        tokio::time::timeout(PATIENCE, laptop.client().wait_group_changed(asked)).await??;
    }
    let theirs =
        until("that carol is asked", PATIENCE, || async { Ok(carol.client().chat_with(&room).await?) }).await?;
    carol.client().accept(theirs).await?;
    let sent = carol.client().send(&room, Draft::text("Which song?")).await?;
    carol.acknowledged(&sent.said()).await?;

    alice.client().remove_stolen(std::slice::from_ref(&stolen), alice.words()?).await?;
    alice.goes_online().await?;
    until("that alice hears carol", PATIENCE, || async {
        let items = alice.client().history(&room, 100).await?;
        Ok(items.iter().filter_map(HistoryItem::message).any(|line| line.text == "Which song?").then_some(()))
    })
    .await?;
    carol.goes_offline().await
}

/// A server that says an earlier time would have a generation made that contacts pass over, for they know a later one; one that says a
/// much later time, one behind which no other could come. Seen from a device, that is a clock of its own that is off.
#[tokio::test]
async fn nothing_is_signed_while_the_clocks_are_far_apart() -> Result<()> {
    let server = Server::start().await?;
    let (account, clock) = (server.admin().creates("alice").await?, Clock::right());
    let mut alice = Person::signs_in_by(&server.url(), &account, Arc::new(clock.clone())).await?;
    alice.goes_online().await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    let mut thief = alice.takes_another_device(&server.url()).await?;
    thief.goes_offline().await?;
    let stolen = thief.client().whoami().await?.device_id.context("a device id")?;
    let words = alice.words()?.to_owned();
    for days in [20, -40] {
        clock.advance(days * 24 * 3600);
        let refused = alice.client().remove_stolen(std::slice::from_ref(&stolen), &words).await;
        ensure!(matches!(refused, Err(ClientError::ClocksDiffer { .. })), "{refused:?}");
        let refused = alice.recovers(&server.url()).await.err().context("a generation has begun")?;
        let why = refused.downcast_ref::<LoginError>();
        ensure!(matches!(why, Some(LoginError::Client(ClientError::ClocksDiffer { .. }))), "{refused:?}");
    }
    clock.advance(20 * 24 * 3600);
    let mut found = alice.recovers(&server.url()).await?;
    found.goes_online().await?;
    found.says(&bob, "all others are gone").await?;
    bob.hears(&alice, "all others are gone").await.map(drop)
}
