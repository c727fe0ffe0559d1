//! A group from its beginning to its end.

use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_client::{ChangeError, ClientError, Gone, Role};
use privmsg_testkit::Server;
use privmsg_testkit::wait::{PATIENCE, until};

use super::{Room, names};

#[tokio::test]
async fn people_talk_in_a_group() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("first", &[&alice, &bob, &carol]).await?;
    for who in [&alice, &bob, &carol] {
        room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Member)]).await?;
        ensure!(room.gaps(who).await? == 0, "{}", who.account().user_id);
    }
    let (by, news) = room.news(&bob).await?.remove(0);
    assert_eq!((by, news.added), (alice.account().user_id.clone(), names(&[&bob])));
    // Nobody is pinned by it: they have not written to each other.
    assert!(bob.client().contacts().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn who_comes_later_sees_nothing_of_before_and_who_goes_nothing_of_after() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    room.all_talk("before carol", &[&alice, &bob]).await?;

    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().add_to_group(chat, &names(&[&carol])).await).await?;
    room.is_called(&carol, "Choir").await?;
    room.all_talk("with carol", &[&alice, &bob, &carol]).await?;
    ensure!(room.gaps(&carol).await? == 0, "what was before is no gap");
    ensure!(!room.texts(&carol).await?.iter().any(|text| text.starts_with("before")));
    let news = room.news(&bob).await?;
    ensure!(news.iter().any(|(by, news)| by.as_str() == "alice" && news.added == names(&[&carol])), "{news:?}");

    room.done(&alice, alice.client().remove_from_group(chat, &names(&[&carol])).await).await?;
    let gone = room.chat(&carol).await?;
    until("carol is out", PATIENCE, || async {
        Ok((carol.client().group(gone).await?.gone == Some(Gone::Removed)).then_some(()))
    })
    .await?;
    room.all_talk("without carol", &[&alice, &bob]).await?;
    alice.client().set_group_title(chat, "Chorus").await?;
    room.is_called(&bob, "Chorus").await?;
    ensure!(!room.texts(&carol).await?.iter().any(|text| text.starts_with("without")));
    ensure!(room.texts(&carol).await?.len() == 3, "what was said before stays readable");
    assert!(
        matches!(room.says(&carol, "hello?").await, Err(error) if matches!(error.downcast_ref(), Some(ClientError::NotInGroup)))
    );

    // She may come again, and what was said meanwhile is not hers.
    room.done(&alice, alice.client().add_to_group(chat, &names(&[&carol])).await).await?;
    until("carol is in again", PATIENCE, || async {
        Ok(carol.client().group(gone).await?.gone.is_none().then_some(()))
    })
    .await?;
    room.is_called(&carol, "Chorus").await?;
    room.all_talk("again", &[&alice, &bob, &carol]).await?;
    ensure!(!room.texts(&carol).await?.iter().any(|text| text.starts_with("without")));
    Ok(())
}

#[tokio::test]
async fn roles_are_what_they_allow() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let dave = server.person("dave").await?;
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);
    let (bobs, carols) = (bob.account().user_id.clone(), carol.account().user_id.clone());

    let is_refused =
        |result: Result<_, ClientError>| matches!(result, Err(ClientError::GroupChange(ChangeError::NotAllowed)));
    ensure!(is_refused(bob.client().add_to_group(his, &names(&[&dave])).await));
    ensure!(is_refused(bob.client().remove_from_group(his, &names(&[&carol])).await));
    ensure!(is_refused(bob.client().set_role(his, &bobs, Role::Admin).await));
    ensure!(matches!(
        bob.client().set_group_title(his, "Bob's").await,
        Err(ClientError::GroupChange(ChangeError::NotAllowed))
    ));

    room.done(&alice, alice.client().set_role(hers, &bobs, Role::Admin).await).await?;
    room.has_people(&bob, &[("alice", Role::Owner), ("bob", Role::Admin), ("carol", Role::Member)]).await?;
    room.done(&bob, bob.client().add_to_group(his, &names(&[&dave])).await).await?;
    room.is_called(&dave, "Choir").await?;
    bob.client().set_group_title(his, "Chorus").await?;
    for who in [&alice, &bob, &carol, &dave] {
        room.is_called(who, "Chorus").await?;
    }
    ensure!(is_refused(bob.client().set_role(his, &carols, Role::Admin).await));
    ensure!(is_refused(bob.client().remove_from_group(his, &names(&[&alice])).await));
    room.done(&bob, bob.client().remove_from_group(his, &names(&[&carol])).await).await?;
    for who in [&alice, &bob, &dave] {
        room.has_people(who, &[("alice", Role::Owner), ("bob", Role::Admin), ("dave", Role::Member)]).await?;
    }
    room.all_talk("then", &[&alice, &bob, &dave]).await
}

#[tokio::test]
async fn everybody_may_leave_and_the_last_owner_names_another() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);

    room.done(&bob, bob.client().leave_group(his, None).await).await?;
    ensure!(bob.client().group(his).await?.gone == Some(Gone::Left));
    // Whoever writes next carries it.
    room.all_talk("without bob", &[&alice, &carol]).await?;
    for who in [&alice, &carol] {
        room.has_people(who, &[("alice", Role::Owner), ("carol", Role::Member)]).await?;
        ensure!(room.news(who).await?.iter().any(|(_, news)| news.left == names(&[&bob])));
    }
    ensure!(room.texts(&bob).await?.is_empty());

    let alone = alice.client().leave_group(hers, None).await;
    ensure!(matches!(alone, Err(ClientError::GroupChange(ChangeError::LastOwner))), "{alone:?}");
    room.done(&alice, alice.client().leave_group(hers, Some(carol.account().user_id.clone())).await).await?;
    room.has_people(&carol, &[("carol", Role::Owner)]).await?;
    let last = room.chat(&carol).await?;
    room.says(&carol, "to myself").await?;
    room.done(&carol, carol.client().leave_group(last, None).await).await
}

/// Once, who connected for the first time since the group was made went on to take for its owner whoever had left: the server's word that
/// there was something to do came behind the invitation, and before it was used.
#[tokio::test]
async fn who_left_before_the_others_had_connected_is_out_for_them() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let (mut bob, mut carol) = (server.person("bob").await?, server.person("carol").await?);
    // Whoever has not let in the one who asks does nothing that others could see.
    for who in [&bob, &carol] {
        who.says(&alice, "hello").await?;
    }
    bob.goes_offline().await?;
    carol.goes_offline().await?;
    let hers = alice.client().create_group("Choir", &names(&[&bob, &carol])).await?;
    alice.client().wait_group_made(hers).await?;
    let room = Room(alice.client().group(hers).await?.conversation);
    room.done(&alice, alice.client().set_role(hers, &names(&[&bob])[0], Role::Owner).await).await?;
    room.done(&alice, alice.client().leave_group(hers, None).await).await?;

    for who in [&mut bob, &mut carol] {
        who.goes_online().await?;
        // By what is due anyway soon after joining it would be so in a minute.
        let has = room.has_people(who, &[("bob", Role::Owner), ("carol", Role::Member)]);
        tokio::time::timeout(Duration::from_secs(20), has).await??;
    }
    Ok(())
}

/// Who has said something and left at once was heard, also by whoever comes back after that and puts them out.
#[tokio::test]
async fn the_last_words_of_who_leaves_are_heard() -> Result<()> {
    const WORDS: usize = 200;
    let server = Server::start().await?;
    let (mut alice, mut bob, carol) =
        (server.person("alice").await?, server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    room.all_talk("first", &[&alice, &bob, &carol]).await?;
    alice.goes_offline().await?;
    bob.goes_offline().await?;
    for number in 1..WORDS {
        room.says(&carol, &format!("word {number}")).await?;
    }
    carol.acknowledged(&room.says(&carol, "Good bye").await?.said()).await?;
    room.done(&carol, carol.client().leave_group(room.chat(&carol).await?, None).await).await?;
    alice.goes_online().await?;
    room.has_people(&alice, &[("alice", Role::Owner), ("bob", Role::Member)]).await?;
    room.hears(&alice, "Good bye").await?;
    let heard = room.texts(&alice).await?.iter().filter(|text| text.starts_with("word ")).count();
    ensure!(heard == WORDS - 1, "{heard} of them");
    bob.goes_online().await?;
    room.hears(&bob, "Good bye").await
}
