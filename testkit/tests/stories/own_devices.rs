//! The devices of one person: linked, left out, let in again, called back.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{ClientError, Event, MessageKind, MessageState, Reason, SignInKey};
use privmsg_protocol::DeviceId;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Clock, NewDevice, Person, Server};

use super::alice_and_bob;

pub(super) async fn id_of(person: &Person) -> Result<DeviceId> {
    person.client().whoami().await?.device_id.context("a device id")
}

/// Links as soon as the device has been told the signing key.
pub(super) async fn links_in_time(person: &Person, server: &Server) -> Result<Person> {
    let linked = std::sync::Mutex::new(None);
    until("that the device may sign", PATIENCE, || async {
        match person.links(&server.url()).await {
            Ok(new) => {
                *linked.lock().expect("nobody panics here") = Some(new);
                Ok(Some(()))
            }
            Err(error) if error.to_string().contains("no signing key") => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await?;
    linked.into_inner().expect("nobody panics here").context("a device")
}

/// Without the access key and without the words, by somebody who was let in that way before.
#[tokio::test]
async fn a_linked_device_can_link_another_one() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "one").await?;
    bob.hears(&alice, "one").await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    until("that the tablet has the key", PATIENCE, || async {
        let probe = tablet.links(&server.url()).await;
        match probe {
            Ok(_) => Ok(Some(())),
            Err(error) if error.to_string().contains("no signing key") => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await?;
    alice.goes_offline().await?;
    let mut phone = links_in_time(&tablet, &server).await?;
    phone.goes_online().await?;
    bob.says(&alice, "to all of you").await?;
    phone.hears(&bob, "to all of you").await?;
    tablet.hears(&bob, "to all of you").await.map(drop)
}

/// A device that comes is a line on all the others, and stays one until it is read.
#[tokio::test]
async fn a_new_device_is_announced_on_the_others() -> Result<()> {
    let (server, alice, _bob) = alice_and_bob().await?;
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    tablet.goes_offline().await?;
    let phone = alice.takes_another_device(&server.url()).await?;
    let (new, gone) = (id_of(&phone).await?, id_of(&alice).await?);
    tablet.goes_online().await?;
    let says = |kind: MessageKind, id: DeviceId, at: &Person| {
        let (tablet, at) = (tablet.client().clone(), at.account().user_id.clone());
        async move {
            let seen = tablet.unseen(100).await?;
            Ok(seen
                .iter()
                .any(|line| line.kind == kind && line.text == id.as_str() && line.sender_id == at)
                .then_some(()))
        }
    };
    until("the line", PATIENCE, || says(MessageKind::DeviceAdded, new.clone(), &alice)).await?;
    let own = alice.client().unseen(100).await?;
    ensure!(own.iter().all(|line| line.kind != MessageKind::DeviceAdded), "who has done it knows");
    alice.client().logout().await?;
    until("another line", PATIENCE, || says(MessageKind::DeviceRemoved, gone.clone(), &alice)).await
}

/// The words call everything else back, without an access key. What the others have to say waits with its reason, until they
/// are let in again, and then goes by itself.
#[tokio::test]
async fn the_words_leave_the_others_waiting_until_they_are_let_in() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    let events = alice.client().events();
    let mut found = alice.recovers(&server.url()).await?;
    found.goes_online().await?;
    waits_to_be_let_in(events).await?;
    let kept = alice.says(&bob, "from the drawer").await?;
    alice.waits_because(&[Reason::NotListed]).await?;
    found.says(&bob, "I have another phone").await?;
    bob.hears(&found, "I have another phone").await?;
    bob.says(&alice, "which one is you?").await?;
    found.hears(&bob, "which one is you?").await?;
    let held = alice.client().message(kept.id).await?.context("a message")?;
    ensure!(held.state == MessageState::Queued && alice.texts(&bob).await?.contains(&"before".to_owned()));

    let device = id_of(&alice).await?;
    alice.goes_offline().await?;
    let mut again = alice.asks_to_be_let_in(&server.url()).await?;
    found.client().link_device(&again.pending()?.code().await?).await?;
    again.pending()?.wait_until_linked().await?;
    drop(again);
    alice.goes_online().await?;
    ensure!(id_of(&alice).await? == device, "it is the same device");
    alice.delivered(&kept).await?;
    bob.hears(&alice, "from the drawer").await?;
    bob.says(&alice, "both").await?;
    alice.hears(&bob, "both").await?;
    found.hears(&bob, "both").await.map(drop)
}

/// What had let it in the first time was still served, and taken for a forgery: "the server is lying".
#[tokio::test]
async fn a_device_that_was_linked_and_left_out_is_linked_again() -> Result<()> {
    let (server, alice, mut bob) = alice_and_bob().await?;
    let mut tablet = links_in_time(&alice, &server).await?;
    tablet.goes_online().await?;
    let events = tablet.client().events();
    let mut found = alice.recovers(&server.url()).await?;
    found.goes_online().await?;
    waits_to_be_let_in(events).await?;
    tablet.goes_offline().await?;
    let mut again = tablet.asks_to_be_let_in(&server.url()).await?;
    found.client().link_device(&again.pending()?.code().await?).await?;
    again.pending()?.wait_until_linked().await?;
    drop(again);
    tablet.goes_online().await?;
    tablet.says(&bob, "in again").await?;
    bob.hears(&alice, "in again").await?;
    bob.goes_offline().await
}

pub(super) async fn waits_to_be_let_in(mut events: tokio::sync::broadcast::Receiver<Event>) -> Result<()> {
    let told = async {
        loop {
            if matches!(events.recv().await?, Event::Waiting) {
                return Ok(());
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.context("it does not wait")?
}

/// Whether a device waits to be let in, as another one is told.
pub(super) async fn is_waiting(at: &Person, device: &Person) -> Result<bool> {
    let id = id_of(device).await?;
    let devices = at.client().devices().await?;
    Ok(devices.iter().find(|one| one.device_id == id).context("a device that is there")?.waiting)
}

/// Who comes second while the first one is setting up the account throws its own identity away, and is let in.
#[tokio::test]
async fn who_comes_second_waits_and_is_let_in() -> Result<()> {
    let server = Server::start().await?;
    let account = server.admin().creates("alice").await?;
    let mut alice = Person::signs_in(&server.url(), &account).await?;
    let clock: std::sync::Arc<dyn privmsg_client::Clock> = std::sync::Arc::new(Clock::right());
    let key = SignInKey::Access(account.access_key.clone());
    let mut second = NewDevice::begins(&server.url(), &account, key, &clock).await?;
    alice.client().link_device(&second.pending()?.code().await?).await?;
    let linked = second.pending()?.wait_until_linked().await?;
    ensure!(linked.recovery_key.is_none());
    let mut second = second.becomes(linked).await?;
    second.goes_online().await?;
    alice.says(&alice, "a note").await?;
    second.has(&alice, "a note").await?;
    alice.goes_offline().await
}

/// Somebody with the access key begins to replace the identity. It shows on the devices, and the words end it.
#[tokio::test]
async fn a_replacement_is_shown_and_ended() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    let clock: std::sync::Arc<dyn privmsg_client::Clock> = std::sync::Arc::new(Clock::right());
    let key = SignInKey::Access(alice.account().access_key.clone());
    let mut thief = NewDevice::begins(&server.url(), alice.account(), key, &clock).await?;
    thief.pending()?.replace_identity().await?;
    let alarm = |event: &Event| matches!(event, Event::OwnDevicesAlarm { reason: Reason::ReplacementBegun });
    alice.sees("the alarm", alarm).await?;
    ensure!(alice.client().replacement().await?.is_some());
    alice.client().end_replacement(alice.words()?).await?;
    ensure!(alice.client().replacement().await?.is_none());
    // Who begins once more is not silent, and whoever starts the client is reminded.
    thief.pending()?.replace_identity().await?;
    alice.sees("the second alarm", alarm).await?;
    alice.crashes().await?;
    // It may come before the client is in step.
    alice.starts().await?;
    alice.sees("the reminder", alarm).await?;
    let by = privmsg_client::ChangeBy::Words(privmsg_protocol::Secret::new(alice.words()?.to_owned()));
    alice.client().change_access_key(by).await?;
    ensure!(thief.pending()?.replace_identity().await.is_err(), "the access key is another one");
    alice.says(&bob, "still me").await?;
    bob.hears(&alice, "still me").await.map(drop)
}

/// The words that were let nobody in any more; the new ones open the account, and what the other device keeps.
#[tokio::test]
async fn other_recovery_words_take_the_place_of_the_present_ones() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    let former = alice.words()?.to_owned();
    let wrong = alice.client().new_recovery_words(bob.words()?).await;
    ensure!(matches!(wrong, Err(ClientError::Recovery(_))), "{wrong:?}");
    let words = alice.client().new_recovery_words(&former).await?;
    ensure!(words.expose() != former && words.expose().split(' ').count() == 12);
    ensure!(
        alice.client().recovery_key().await?.is_some_and(|kept| kept.expose() == words.expose()),
        "until it is shown"
    );
    alice.client().forget_recovery_key().await?;
    let refused = alice.recovers(&server.url()).await.err().context("the former words still let somebody in")?;
    ensure!(refused.to_string().contains("the signature does not belong"), "{refused:?}");
    until("that the tablet may sign", PATIENCE, || async {
        let listed = tablet.client().remove_stolen(&[], words.expose()).await;
        Ok(listed.is_ok().then_some(()))
    })
    .await?;
    alice.goes_offline().await?;
    tablet.goes_offline().await?;
    alice.knows_words(words);
    let mut found = alice.recovers(&server.url()).await?;
    found.goes_online().await?;
    bob.says(&found, "which one is it now?").await?;
    found.hears(&bob, "which one is it now?").await.map(drop)
}

/// The new identity takes effect while nobody waits for it. Once, its device was refused for ever, as one that comes in by
/// its key.
#[tokio::test]
async fn another_identity_that_took_effect_meanwhile_is_signed_in_to() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let clock: std::sync::Arc<dyn privmsg_client::Clock> = std::sync::Arc::new(Clock::right());
    let key = || SignInKey::Access(alice.account().access_key.clone());
    let mut new = NewDevice::begins(&server.url(), alice.account(), key(), &clock).await?;
    new.pending()?.replace_identity().await?;
    server.admin().passes_replacement(&alice.account().user_id).await?;
    let mut new = new.begins_again(&server.url(), key()).await?;
    let done = new.done()?;
    ensure!(done.recovery_key.is_some(), "the words are shown");
    let mut anew = new.becomes(done).await?;
    anew.goes_online().await?;
    anew.says(&bob, "it is me, anew").await?;
    bob.hears(&alice, "it is me, anew").await.map(drop)
}

/// A tablet lies in a drawer. Nobody signs it out for what the server says, and the user is told, once for the time that it is away.
#[tokio::test]
async fn a_device_that_does_not_come_back_is_told() -> Result<()> {
    let (server, clock) = (Server::start().await?, Clock::right());
    let account = server.admin().creates("alice").await?;
    let mut alice = Person::signs_in_by(&server.url(), &account, std::sync::Arc::new(clock.clone())).await?;
    alice.goes_online().await?;
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    let away = id_of(&tablet).await?;
    tablet.goes_offline().await?;
    let mut told = Vec::new();
    for days in [0, 59, 2, 1] {
        clock.advance(days * 24 * 3600);
        alice.goes_offline().await?;
        alice.goes_online().await?;
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let lines = alice.messages(&alice).await?.into_iter().filter(|line| line.kind == MessageKind::DeviceUnseen);
        let lines: Vec<_> = lines.map(|line| line.text).collect();
        ensure!(lines.iter().all(|text| *text == away.as_str()), "{lines:?}");
        told.push(lines.len());
    }
    ensure!(told == [0, 0, 1, 1], "{told:?}");
    let devices = alice.client().devices().await?;
    let unseen: Vec<_> = devices.iter().filter(|one| one.unseen).map(|one| one.device_id.clone()).collect();
    ensure!(devices.len() == 2 && unseen == [away], "{devices:?}");
    alice.goes_offline().await
}

/// Whoever signs a device out is named to it, in what ends it and in a line that stays.
#[tokio::test]
async fn a_device_that_is_signed_out_is_told_by_which() -> Result<()> {
    let (server, alice, _bob) = alice_and_bob().await?;
    let mut tablet = alice.takes_another_device(&server.url()).await?;
    let (gone, by) = (id_of(&tablet).await?, id_of(&alice).await?);
    alice.client().remove_device(&gone).await?;
    let ended = tablet.is_stopped().await?;
    ensure!(ended.contains("signed out"), "{ended}");
    let notes = tablet.messages(&tablet).await?;
    let line = notes.iter().find(|line| line.kind == MessageKind::SignedOutHere).context("a line")?;
    ensure!(line.text == by.as_str(), "{line:?}");
    ensure!(!tablet.client().comes_back().await?, "it is so");
    Ok(())
}

/// A server that was restored from a backup of before knows a device by its list alone, and hears from it what it is called.
#[tokio::test]
async fn a_device_of_after_the_backup_keeps_its_name() -> Result<()> {
    let mut server = Server::start().await?;
    let alice = server.person("alice").await?;
    let backup = server.is_backed_up()?;
    let mut tablet = alice.links(&server.url()).await?;
    tablet.goes_online().await?;
    let names = || async {
        let devices = alice.client().devices().await?.into_iter();
        Ok::<_, anyhow::Error>(devices.map(|one| (one.device_id, one.device_name, one.device_type)).collect::<Vec<_>>())
    };
    let before = names().await?;
    ensure!(before.len() == 2 && before.iter().all(|(_, name, kind)| name.is_some() && kind.is_some()), "{before:?}");
    tablet.goes_offline().await?;
    server.is_set_back_to(&backup).await?;
    tablet.goes_online().await?;
    until("the name", PATIENCE, || async { Ok(names().await.is_ok_and(|now| now == before).then_some(())) }).await
}
