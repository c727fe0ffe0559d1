//! Changes that meet each other, or the dark.

use anyhow::{Result, ensure};
use privmsg_client::Role;
use privmsg_testkit::Server;

use super::{Room, names};

#[tokio::test]
async fn two_admins_change_it_at_once_and_nobody_notices() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob) = (server.person("alice").await?, server.person("bob").await?);
    let (carol, dave, erin) =
        (server.person("carol").await?, server.person("dave").await?, server.person("erin").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);
    room.done(&alice, alice.client().set_role(hers, &bob.account().user_id, Role::Admin).await).await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Admin), ("carol", Role::Member)]).await?;

    let (new, newer) = (names(&[&dave]), names(&[&erin]));
    let (one, other) = tokio::join!(alice.client().add_to_group(hers, &new), bob.client().add_to_group(his, &newer));
    let (one, other) = tokio::join!(room.done(&alice, one), room.done(&bob, other));
    one?;
    other?;
    let all = [
        ("alice", Role::Owner),
        ("bob", Role::Admin),
        ("carol", Role::Member),
        ("dave", Role::Member),
        ("erin", Role::Member),
    ];
    for who in [&alice, &bob, &carol, &dave, &erin] {
        room.has_people(who, &all).await?;
        ensure!(!who.client().group(room.chat(who).await?).await?.is_split);
    }
    room.all_talk("all", &[&alice, &bob, &carol, &dave, &erin]).await
}

#[tokio::test]
async fn a_change_is_kept_until_the_server_can_be_reached() -> Result<()> {
    let server = Server::start().await?;
    let (mut alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    let chat = room.chat(&alice).await?;
    let asked = alice.client().add_to_group(chat, &names(&[&carol])).await?;
    alice.goes_offline().await?;
    alice.crashes().await?;
    alice.goes_online().await?;
    room.done(&alice, Ok(asked)).await?;
    room.all_talk("all", &[&alice, &bob, &carol]).await
}

#[tokio::test]
async fn who_was_away_follows_everything() -> Result<()> {
    let server = Server::start().await?;
    let (alice, mut bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let dave = server.person("dave").await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("before", &[&alice, &bob, &carol]).await?;
    bob.goes_offline().await?;
    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().add_to_group(chat, &names(&[&dave])).await).await?;
    room.is_called(&dave, "Choir").await?;
    room.all_talk("meanwhile", &[&alice, &carol, &dave]).await?;
    room.done(&alice, alice.client().remove_from_group(chat, &names(&[&carol])).await).await?;
    room.all_talk("later", &[&alice, &dave]).await?;
    bob.goes_online().await?;
    // What he says now has to go through all of it.
    room.insists(&bob, "back").await?;
    room.hears(&dave, "back").await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Member), ("dave", Role::Member)]).await?;
    ensure!(room.gaps(&bob).await? == 0);
    ensure!(room.texts(&bob).await?.len() == 9);
    room.all_talk("after", &[&alice, &bob, &dave]).await
}

/// Steps of an admin count by the steps before them only: where those were in commits that nobody kept, the owner herself
/// stayed out for good.
#[tokio::test]
async fn who_was_away_for_too_long_learns_how_one_roster_led_to_the_other() -> Result<()> {
    let few = ("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "24".to_owned());
    let server = Server::start_with(&[few]).await?;
    let (mut alice, mut bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let (dave, erin) = (server.person("dave").await?, server.person("erin").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().set_role(chat, &carol.account().user_id, Role::Admin).await).await?;
    for who in [&bob, &carol] {
        room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Admin)]).await?;
    }
    alice.goes_offline().await?;
    bob.goes_offline().await?;
    let chat = room.chat(&carol).await?;
    for new in [&dave, &erin] {
        room.done(&carol, carol.client().add_to_group(chat, &names(&[new])).await).await?;
    }
    for n in 0..30 {
        let said = room.says(&carol, &format!("{n}")).await?;
        carol.delivered(&said).await?;
    }
    for who in [&mut alice, &mut bob] {
        who.goes_online().await?;
        // Whoever is heard is in.
        room.insists(who, &format!("{} is back", who.account().user_id)).await?;
        room.hears(&carol, &format!("{} is back", who.account().user_id)).await?;
    }
    for who in [&alice, &bob] {
        let all = [("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Admin)];
        room.has_people(who, &[&all[..], &[("dave", Role::Member), ("erin", Role::Member)]].concat()).await?;
    }
    room.all_talk("all", &[&alice, &bob, &carol, &dave, &erin]).await?;
    for who in [&alice, &bob] {
        ensure!(room.gaps(who).await? > 0, "what nobody kept for them is missing");
    }
    Ok(())
}

/// Once, whoever came again by somebody whom they did not know to be allowed to let them in stayed out for good.
#[tokio::test]
async fn who_comes_again_after_many_changes_is_in() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let dave = server.person("dave").await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);
    room.done(&alice, alice.client().set_role(hers, &bob.account().user_id, Role::Admin).await).await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Admin), ("carol", Role::Member)]).await?;
    let gone = room.chat(&carol).await?;
    room.done(&carol, carol.client().leave_group(gone, None).await).await?;
    // None of this reaches her.
    for _ in 0..2 {
        room.done(&bob, bob.client().add_to_group(his, &names(&[&dave])).await).await?;
        room.is_called(&dave, "Choir").await?;
        room.done(&bob, bob.client().remove_from_group(his, &names(&[&dave])).await).await?;
    }
    room.done(&bob, bob.client().add_to_group(his, &names(&[&carol])).await).await?;
    for who in [&alice, &bob, &carol] {
        room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Admin), ("carol", Role::Member)]).await?;
    }
    room.all_talk("together again", &[&alice, &bob, &carol]).await?;
    ensure!(carol.client().group(gone).await?.gone.is_none());
    Ok(())
}
