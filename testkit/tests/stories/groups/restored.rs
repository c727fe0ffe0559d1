//! Groups whose server was set back, so that it knows less of them than their members do.

use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_client::{Gone, Role};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{Room, names};

/// Who came, went and got another role since the backup is known to the members, and is so again. Leaving works as before.
#[tokio::test]
async fn a_group_is_what_it_was_when_its_server_is_restored() -> Result<()> {
    let mut server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let dave = server.person("dave").await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("before", &[&alice, &bob, &carol]).await?;
    let backup = server.is_backed_up()?;
    let (hers, carols) = (room.chat(&alice).await?, room.chat(&carol).await?);
    room.done(&alice, alice.client().add_to_group(hers, &names(&[&dave])).await).await?;
    room.done(&alice, alice.client().set_role(hers, &bob.account().user_id, Role::Admin).await).await?;
    room.done(&carol, carol.client().leave_group(carols, None).await).await?;
    room.all_talk("since", &[&alice, &bob, &dave]).await?;

    server.is_set_back_to(&backup).await?;
    meets_again(room, &[&alice, &bob, &dave]).await?;
    room.all_talk("restored", &[&alice, &bob, &dave]).await?;
    for who in [&alice, &bob, &dave] {
        room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Admin), ("dave", Role::Member)]).await?;
    }
    ensure!(!room.texts(&carol).await?.iter().any(|text| text.starts_with("restored")), "carol had left");

    let daves = room.chat(&dave).await?;
    room.done(&dave, dave.client().leave_group(daves, None).await).await?;
    room.all_talk("without dave", &[&alice, &bob]).await?;
    room.done(&alice, alice.client().leave_group(hers, Some(bob.account().user_id.clone())).await).await?;
    room.has_people(&bob, &[("bob", Role::Owner)]).await?;
    ensure!(alice.client().group(hers).await?.gone == Some(Gone::Left));
    Ok(())
}

/// Two owners have each gone on from the same roster, since the server had lost what the first one made of it. Both are shown
/// what the other says as soon as one of them, who is an owner in either, has brought it together: who was let in by
/// one only is let in anew, and nobody stays who was put out.
#[tokio::test]
async fn a_group_that_two_owners_have_split_comes_together() -> Result<()> {
    let mut server = Server::start().await?;
    let (mut alice, mut bob, mut carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let (dave, mut mallory) = (server.person("dave").await?, server.person("mallory").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol, &mallory]).await?;
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);
    room.done(&alice, alice.client().set_role(hers, &bob.account().user_id, Role::Owner).await).await?;
    room.all_talk("before", &[&alice, &bob, &carol, &mallory]).await?;
    let backup = server.is_backed_up()?;

    for who in [&mut bob, &mut carol, &mut mallory] {
        who.goes_offline().await?;
    }
    room.done(&alice, alice.client().remove_from_group(hers, &names(&[&mallory])).await).await?;
    alice.goes_offline().await?;
    server.loses_all_since(&backup).await?;
    bob.goes_online().await?;
    room.done(&bob, bob.client().add_to_group(his, &names(&[&dave])).await).await?;
    room.is_called(&dave, "Choir").await?;
    for who in [&mut alice, &mut carol, &mut mallory] {
        who.goes_online().await?;
    }

    let without_both = [("alice", Role::Owner), ("bob", Role::Owner), ("carol", Role::Member)];
    for who in [&alice, &bob, &carol] {
        room.has_people(who, &without_both).await?;
        is_one(room, who).await?;
    }
    room.done(&bob, bob.client().add_to_group(his, &names(&[&dave])).await).await?;
    meets_again(room, &[&alice, &bob, &carol, &dave]).await?;
    room.all_talk("together", &[&alice, &bob, &carol, &dave]).await?;
    ensure!(!room.texts(&mallory).await?.iter().any(|text| text.starts_with("together")), "mallory was put out");
    Ok(())
}

/// What is said before somebody has joined anew is lost to them, which is shown; so the first one talks until all are there.
async fn meets_again(room: Room, people: &[&Person]) -> Result<()> {
    let Some((first, others)) = people.split_first() else { return Ok(()) };
    let met = until("that all are there again", PATIENCE, || async {
        let sent = room.says(first, "anybody there?").await?;
        first.delivered(&sent).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        for other in others {
            if !room.texts(other).await?.iter().any(|text| text == "anybody there?") {
                return Ok(None);
            }
        }
        Ok(Some(()))
    });
    if let Err(error) = met.await {
        let mut stands = Vec::new();
        for who in people {
            stands.push((who.account().user_id.to_string(), room.texts(who).await?.len(), who.client().holds().await?));
        }
        return Err(error.context(format!("{stands:?}")));
    }
    Ok(())
}

async fn is_one(room: Room, who: &Person) -> Result<()> {
    let chat = room.chat(who).await?;
    until("the group is one", PATIENCE, || async {
        let group = who.client().group(chat).await?;
        Ok((!group.is_split && group.waiting == 0).then_some(()))
    })
    .await
}

/// The owner had begun a new generation, without a device that was stolen, and had bound herself to it in the group. The server has
/// lost all that, and the thief's device is what it was then: it signs nothing in the group any more.
#[tokio::test]
async fn what_an_owner_has_called_back_stays_so_when_the_server_is_set_back() -> Result<()> {
    let mut server = Server::start().await?;
    let (alice, mut bob) = (server.person("alice").await?, server.person("bob").await?);
    let (carol, dave) = (server.person("carol").await?, server.person("dave").await?);
    let mut stolen = alice.takes_another_device(&server.url()).await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("before", &[&alice, &bob, &carol, &stolen]).await?;
    let backup = server.is_backed_up()?;
    stolen.goes_offline().await?;
    let device = stolen.client().whoami().await?.device_id.into_iter().collect::<Vec<_>>();
    alice.client().remove_stolen(&device, alice.words()?).await?;
    room.all_talk("since", &[&alice, &bob, &carol]).await?;
    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().add_to_group(chat, &names(&[&dave])).await).await?;
    room.all_talk("with dave", &[&alice, &bob, &carol, &dave]).await?;

    bob.goes_offline().await?;
    server.loses_all_since(&backup).await?;
    stolen.starts().await?;
    let theirs = room.chat(&stolen).await?;
    let taken = stolen.client().remove_from_group(theirs, &names(&[&bob])).await;
    ensure!(taken.is_ok(), "it is asked for: {taken:?}");
    bob.goes_online().await?;
    let all = [("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Member), ("dave", Role::Member)];
    for who in [&alice, &bob, &carol, &dave] {
        room.has_people(who, &all).await?;
    }
    meets_again(room, &[&alice, &bob, &carol, &dave]).await?;
    room.all_talk("all the same", &[&alice, &bob, &carol, &dave]).await?;
    ensure!(!room.texts(&stolen).await?.iter().any(|text| text.starts_with("all the same")), "the thief reads");
    Ok(())
}

/// The server has never heard of a device that was let in since the backup. It is not signed out by that: a device that has let it in
/// brings the list in which it stands.
#[tokio::test]
async fn a_device_that_came_after_the_backup_is_in_again() -> Result<()> {
    for with_record in [true, false] {
        let mut server = Server::start().await?;
        let (mut alice, bob) = (server.person("alice").await?, server.person("bob").await?);
        let room = Room::founded(&alice, "Choir", &[&bob]).await?;
        room.all_talk("before", &[&alice, &bob]).await?;
        let backup = server.is_backed_up()?;
        let tablet = alice.takes_another_device(&server.url()).await?;
        room.is_called(&tablet, "Choir").await?;
        room.all_talk("since", &[&alice, &bob, &tablet]).await?;
        alice.goes_offline().await?;
        if with_record {
            server.is_set_back_to(&backup).await?;
        } else {
            server.loses_all_since(&backup).await?;
        }
        // Time enough for the tablet to be told that it is unknown.
        tokio::time::sleep(Duration::from_secs(4)).await;
        alice.goes_online().await?;
        meets_again(room, &[&alice, &bob, &tablet]).await?;
        room.all_talk("restored", &[&alice, &bob, &tablet]).await?;
        ensure!(room.texts(&tablet).await?.iter().any(|text| text == "restored, bob 1"));
    }
    Ok(())
}

/// Whoever speaks first after a restore is heard by everybody, also by those who had gone on since the backup and come when the
/// speaker has gone: it said "sent", and they could not read it.
#[tokio::test]
async fn what_is_said_first_after_a_restore_is_heard_by_whoever_comes_later() -> Result<()> {
    let mut server = Server::start().await?;
    let (mut alice, mut bob, mut carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let mut dave = server.person("dave").await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("before", &[&alice, &bob, &carol]).await?;
    let backup = server.is_backed_up()?;
    let hers = room.chat(&alice).await?;
    // They go on to epochs of which the backup knows nothing.
    room.done(&alice, alice.client().add_to_group(hers, &names(&[&dave])).await).await?;
    room.all_talk("since", &[&alice, &bob, &carol, &dave]).await?;
    for who in [&mut alice, &mut bob, &mut carol, &mut dave] {
        who.goes_offline().await?;
    }
    server.is_set_back_to(&backup).await?;
    alice.goes_online().await?;
    let first = room.says(&alice, "first").await?;
    alice.delivered(&first).await?;
    dave.goes_online().await?;
    room.hears(&dave, "first").await?;
    alice.goes_offline().await?;
    for who in [&mut bob, &mut carol] {
        who.goes_online().await?;
        room.hears(who, "first").await?;
    }
    room.all_talk("restored", &[&bob, &carol, &dave]).await?;
    alice.goes_online().await?;
    room.hears(&alice, "restored, bob 0").await
}

/// A group that is younger than the backup is there again, its owner its owner, and called what it was; so is a chat of two, with all
/// that was said in it.
#[tokio::test]
async fn what_is_younger_than_the_backup_is_there_again() -> Result<()> {
    let mut server = Server::start().await?;
    let (alice, mut bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let backup = server.is_backed_up()?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("before", &[&alice, &bob, &carol]).await?;
    bob.goes_offline().await?;
    let asked = alice.says(&bob, "are you coming?").await?;
    alice.client().wait_acknowledged(&asked.said()).await?;
    server.is_set_back_to(&backup).await?;
    bob.goes_online().await?;
    bob.hears(&alice, "are you coming?").await?;
    room.all_talk("restored", &[&alice, &bob, &carol]).await?;
    let roles = [("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Member)];
    for who in [&alice, &bob, &carol] {
        room.has_people(who, &roles).await?;
        ensure!(who.client().group(room.chat(who).await?).await?.gone.is_none());
    }
    let hers = room.chat(&alice).await?;
    room.done(&alice, alice.client().set_role(hers, &bob.account().user_id, Role::Admin).await).await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Admin), ("carol", Role::Member)]).await
}

/// Only she who had let him in and he himself know that he has come since the backup. She is not there, he is the only one who can
/// say so, whoever of the others comes first.
#[tokio::test]
async fn whoever_came_since_the_backup_comes_again_by_what_they_have_been_given() -> Result<()> {
    for he_is_first in [true, false] {
        let mut server = Server::start().await?;
        let (mut alice, mut bob, mut dave) =
            (server.person("alice").await?, server.person("bob").await?, server.person("dave").await?);
        let room = Room::founded(&alice, "Choir", &[&bob]).await?;
        room.all_talk("before", &[&alice, &bob]).await?;
        let backup = server.is_backed_up()?;
        bob.goes_offline().await?;
        let hers = room.chat(&alice).await?;
        room.done(&alice, alice.client().add_to_group(hers, &names(&[&dave])).await).await?;
        let his = room.chat(&dave).await?;
        dave.delivered(&room.says(&dave, "here").await?).await?;
        alice.goes_offline().await?;
        dave.goes_offline().await?;
        server.loses_all_since(&backup).await?;

        let (first, then) = if he_is_first { (&mut dave, &mut bob) } else { (&mut bob, &mut dave) };
        first.goes_online().await?;
        let said = room.says(first, "first").await?;
        first.delivered(&said).await?;
        then.goes_online().await?;
        // Each has yet to hear of the other.
        for who in [&bob, &dave] {
            room.insists(who, "back").await?;
        }
        room.all_talk("restored", &[&bob, &dave]).await?;
        for who in [&bob, &dave] {
            room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Member), ("dave", Role::Member)]).await?;
        }
        ensure!(dave.client().group(his).await?.gone.is_none());
        alice.goes_online().await?;
        room.all_talk("all", &[&alice, &bob, &dave]).await?;
    }
    Ok(())
}

/// What a person has let in stays so: once, they had to do it again, and missed what was said until then.
#[tokio::test]
async fn who_has_let_a_group_in_is_in_it_after_a_restore() -> Result<()> {
    let mut server = Server::start().await?;
    let (mut alice, mut bob, mut dave) =
        (server.person("alice").await?, server.person("bob").await?, server.person("dave").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    room.all_talk("before", &[&alice, &bob]).await?;
    dave.client().block(&alice.account().user_id).await?;
    let backup = server.is_backed_up()?;
    let hers = room.chat(&alice).await?;
    room.done(&alice, alice.client().add_to_group(hers, &names(&[&dave])).await).await?;
    let kept = until("it is kept away", PATIENCE, || async { Ok(dave.client().kept_out().await?.pop()) }).await?;
    dave.client().let_in(&kept).await?;
    tokio::time::timeout(PATIENCE, dave.client().wait_in_group(room.0)).await??;
    room.all_talk("with dave", &[&alice, &bob, &dave]).await?;
    for who in [&mut alice, &mut bob, &mut dave] {
        who.goes_offline().await?;
    }
    server.loses_all_since(&backup).await?;

    alice.goes_online().await?;
    alice.delivered(&room.says(&alice, "first").await?).await?;
    bob.goes_online().await?;
    dave.goes_online().await?;
    room.all_talk("restored", &[&alice, &bob, &dave]).await?;
    ensure!(dave.client().kept_out().await?.is_empty());
    Ok(())
}
