//! Several devices of people in a group.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{GroupNews, Role};
use privmsg_testkit::{Person, Server};

use super::{Room, names};

#[tokio::test]
async fn a_second_device_comes_in_by_itself() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob) = (server.person("alice").await?, server.person("bob").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    room.all_talk("before", &[&alice, &bob]).await?;
    let tablet = bob.takes_another_device(&server.url()).await?;
    room.is_called(&tablet, "Choir").await?;
    room.all_talk("with the tablet", &[&alice, &bob, &tablet]).await?;
    ensure!(room.gaps(&tablet).await? == 0);
    room.has_people(&tablet, &[("alice", Role::Owner), ("bob", Role::Member)]).await?;

    // What is changed by one device of hers, another one of hers knows.
    let phone = alice.takes_another_device(&server.url()).await?;
    let chat = room.chat(&phone).await?;
    room.is_called(&phone, "Choir").await?;
    phone.client().set_group_title(chat, "Chorus").await?;
    room.is_called(&alice, "Chorus").await?;
    room.is_called(&tablet, "Chorus").await?;

    let gone = tablet.client().whoami().await?.device_id.context("a device id")?;
    bob.client().remove_device(&gone).await?;
    room.all_talk("without the tablet", &[&alice, &bob, &phone]).await?;
    ensure!(!room.texts(&tablet).await?.iter().any(|text| text.starts_with("without")));
    Ok(())
}

/// Whoever has signed the newest roster has not brought in a device that came by itself, and is not said to have.
#[tokio::test]
async fn a_further_device_was_added_by_nobody() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    ensure!(room.news(&bob).await? == [(names(&[&alice]).remove(0), added(&bob))]);
    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().set_role(chat, &names(&[&bob])[0], Role::Admin).await).await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Admin)]).await?;
    let his = room.chat(&bob).await?;
    room.done(&bob, bob.client().add_to_group(his, &names(&[&carol])).await).await?;
    room.is_called(&carol, "Choir").await?;
    ensure!(room.news(&carol).await? == [(names(&[&bob]).remove(0), added(&carol))]);

    let phone = alice.takes_another_device(&server.url()).await?;
    room.is_called(&phone, "Choir").await?;
    let came_in = GroupNews { came_in: true, ..GroupNews::default() };
    ensure!(room.news(&phone).await? == [(names(&[&alice]).remove(0), came_in)], "{:?}", room.news(&phone).await?);
    Ok(())
}

/// The device that let it in may be away: whoever else may give titles tells it what the group is called.
#[tokio::test]
async fn a_further_device_hears_the_title_though_its_own_others_are_away() -> Result<()> {
    let server = Server::start().await?;
    let (alice, mut bob) = (server.person("alice").await?, server.person("bob").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    room.all_talk("before", &[&alice, &bob]).await?;
    let tablet = {
        bob.goes_offline().await?;
        bob.takes_another_device(&server.url()).await?
    };
    room.is_called(&tablet, "Choir").await
}

/// Nobody need be there who could tell it: the device that let it in has.
#[tokio::test]
async fn a_linked_device_knows_at_once_what_groups_are_called() -> Result<()> {
    let server = Server::start().await?;
    let (mut alice, mut bob) = (server.person("alice").await?, server.person("bob").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    room.all_talk("before", &[&alice, &bob]).await?;
    let mut tablet = bob.links(&server.url()).await?;
    for who in [&mut alice, &mut bob] {
        who.goes_offline().await?;
    }
    tablet.goes_online().await?;
    room.is_called(&tablet, "Choir").await?;
    // Another one counts, once it is given.
    alice.goes_online().await?;
    alice.client().set_group_title(room.chat(&alice).await?, "Chorus").await?;
    room.is_called(&tablet, "Chorus").await
}

fn added(who: &Person) -> GroupNews {
    GroupNews { added: names(&[who]), ..GroupNews::default() }
}

#[tokio::test]
async fn leaving_on_one_device_is_leaving_on_all() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("first", &[&alice, &bob]).await?;
    let tablet = bob.takes_another_device(&server.url()).await?;
    room.all_talk("before", &[&alice, &bob, &tablet]).await?;
    let chat = room.chat(&tablet).await?;
    room.done(&tablet, tablet.client().leave_group(chat, None).await).await?;
    room.all_talk("after", &[&alice, &carol]).await?;
    let his = room.chat(&bob).await?;
    privmsg_testkit::wait::until("his other device knows", privmsg_testkit::wait::PATIENCE, || async {
        Ok(bob.client().group(his).await?.gone.is_some().then_some(()))
    })
    .await?;
    ensure!(!room.texts(&bob).await?.iter().any(|text| text.starts_with("after")));
    room.has_people(&carol, &[("alice", Role::Owner), ("carol", Role::Member)]).await?;
    ensure!(room.news(&carol).await?.iter().any(|(_, news)| news.left == names(&[&bob])));
    Ok(())
}
