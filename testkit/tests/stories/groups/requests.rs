//! Being brought into a group by somebody one does not talk to.

use anyhow::{Result, ensure};
use privmsg_client::{Consent, Role};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{Room, names};

/// Whoever is blocked made a group, in which everything was heard.
#[tokio::test]
async fn a_group_of_somebody_who_is_blocked_is_kept_away() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, bob) = (server.person("mallory").await?, server.person("bob").await?);
    // In a group of only two, whoever has blocked the other hears nothing of them either.
    let carol = server.person("carol").await?;
    bob.says(&mallory, "Hi").await?;
    mallory.hears(&bob, "Hi").await?;
    bob.client().block(&mallory.account().user_id).await?;
    let chat = mallory.client().create_group("You cannot escape", &names(&[&bob, &carol])).await?;
    mallory.client().wait_group_made(chat).await?;
    let room = Room(mallory.client().group(chat).await?.conversation);
    let said = room.says(&mallory, "Hear me").await?;
    mallory.delivered(&said).await?;
    // Time enough for what would come.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    ensure!(bob.client().chat_with(&room.recipient()).await?.is_none());
    ensure!(bob.client().requests().await?.is_empty());

    // He can look, and let it in, though not its maker.
    let kept = bob.client().kept_out().await?;
    ensure!(kept.len() == 1 && kept[0].conversation == room.0, "{kept:?}");
    ensure!(kept[0].by.as_ref() == Some(&mallory.account().user_id) && !kept[0].is_turned_down);
    bob.client().turn_down(&kept[0]).await?;
    ensure!(bob.client().kept_out().await?[0].is_turned_down);
    bob.client().let_in(&kept[0]).await?;
    let chat = tokio::time::timeout(PATIENCE, bob.client().wait_in_group(room.0)).await??;
    ensure!(bob.client().consent(chat).await? == Consent::Open && bob.client().kept_out().await?.is_empty());
    room.says(&mallory, "There you are").await?;
    room.hears(&bob, "There you are").await?;
    ensure!(!room.texts(&bob).await?.contains(&"Hear me".to_owned()));
    Ok(())
}

/// In a group of only two, whoever has blocked the other hears nothing of them either, by their own device: a server that kept something
/// back of a group could hide others' words by that. It is no gap, as it is none to block.
#[tokio::test]
async fn who_is_blocked_is_not_heard_in_a_group_of_two() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, bob) = (server.person("mallory").await?, server.person("bob").await?);
    let carol = server.person("carol").await?;
    let room = Room::founded(&bob, "Book club", &[&mallory, &carol]).await?;
    room.all_talk("of three", &[&mallory, &bob, &carol]).await?;
    bob.client().block(&mallory.account().user_id).await?;
    room.done(&carol, carol.client().leave_group(room.chat(&carol).await?, None).await).await?;
    for who in [&bob, &mallory] {
        room.has_people(who, &[("bob", Role::Owner), ("mallory", Role::Member)]).await?;
    }
    let said = room.says(&mallory, "Hear me").await?;
    mallory.delivered(&said).await?;
    // Time enough for it to come.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    bob.client().unblock(&mallory.account().user_id).await?;
    room.says(&mallory, "There you are").await?;
    room.hears(&bob, "There you are").await?;
    ensure!(!room.texts(&bob).await?.contains(&"Hear me".to_owned()) && room.gaps(&bob).await? == 0);
    Ok(())
}

/// Whoever is declined had a third one in the group, who left.
#[tokio::test]
async fn a_group_that_comes_to_be_of_two_is_kept_from_who_has_declined_the_other() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, bob) = (server.person("mallory").await?, server.person("bob").await?);
    let carol = server.person("carol").await?;
    mallory.says(&bob, "Hi").await?;
    bob.hears(&mallory, "Hi").await?;
    let asked = bob.client().requests().await?[0].entry.summary.chat.id;
    bob.client().decline(asked).await?;
    let room = Room::founded(&mallory, "Book club", &[&bob, &carol]).await?;
    for who in [&bob, &carol] {
        who.client().accept(room.chat(who).await?).await?;
    }
    room.all_talk("of three", &[&mallory, &bob, &carol]).await?;
    let leaves = carol.client().leave_group(room.chat(&carol).await?, None).await;
    room.done(&carol, leaves).await?;
    let look = || async { Ok(bob.client().kept_out().await?.pop()) };
    let kept = until("that he is kept out", PATIENCE, look).await?;
    ensure!(kept.conversation == room.0 && kept.by.as_ref() == Some(&mallory.account().user_id) && !kept.is_blocked);
    ensure!(kept.title.as_deref() == Some("Book club"));
    let said = room.says(&mallory, "alone at last").await?;
    mallory.delivered(&said).await?;
    let look = || async { Ok(bob.client().group(room.chat(&bob).await?).await?.gone.map(drop)) };
    until("that his device has no part in it", PATIENCE, look).await?;

    bob.client().let_in(&kept).await?;
    tokio::time::timeout(PATIENCE, bob.client().wait_in_group(room.0)).await??;
    room.all_talk("of two", &[&mallory, &bob]).await?;
    ensure!(!room.texts(&bob).await?.contains(&"alone at last".to_owned()));
    Ok(())
}

/// Whoever brings somebody in makes them the owner and leaves: the way out would be to do the same to a third one, in a signed step.
#[tokio::test]
async fn who_was_made_the_owner_without_an_answer_leaves_without_a_successor() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, vic) = (server.person("mallory").await?, server.person("vic").await?);
    let (ann, bob) = (server.person("ann").await?, server.person("bob").await?);
    let room = Room::founded(&mallory, "Stolen goods", &[&vic, &ann, &bob]).await?;
    for who in [&ann, &bob] {
        who.client().accept(room.chat(who).await?).await?;
    }
    let his = room.chat(&mallory).await?;
    let raised = mallory.client().set_role(his, &vic.account().user_id, Role::Owner).await;
    room.done(&mallory, raised).await?;
    room.done(&mallory, mallory.client().leave_group(his, None).await).await?;
    // Whoever writes next carries his leaving.
    room.all_talk("without him", &[&ann, &bob]).await?;
    room.has_people(&vic, &[("ann", Role::Member), ("bob", Role::Member), ("vic", Role::Owner)]).await?;
    ensure!(vic.client().requests().await?.len() == 1);
    let asked = room.chat(&vic).await?;
    room.done(&vic, vic.client().leave_group(asked, None).await).await?;
    ensure!(vic.client().requests().await?.is_empty());
    // The others go on, and nobody has become an owner.
    room.all_talk("among ourselves", &[&ann, &bob]).await?;
    for who in [&ann, &bob] {
        room.has_people(who, &[("ann", Role::Member), ("bob", Role::Member)]).await?;
    }
    Ok(())
}

/// Being added by somebody one does not talk to asks, too; by a friend it does not.
#[tokio::test]
async fn a_group_of_strangers_is_a_request() -> Result<()> {
    let server = Server::start().await?;
    let (mallory, bob) = (server.person("mallory").await?, server.person("bob").await?);
    let (carol, dave) = (server.person("carol").await?, server.person("dave").await?);
    mallory.says(&carol, "Hi").await?;
    carol.hears(&mallory, "Hi").await?;
    carol.says(&mallory, "Hi").await?;
    let room = Room::founded(&mallory, "Prizes", &[&bob, &carol, &dave]).await?;
    let stands = |who: &Person, wanted: Consent| {
        let (client, to) = (who.client().clone(), room.recipient());
        async move {
            let Some(chat) = client.chat_with(&to).await? else { return Ok(false) };
            Ok::<_, anyhow::Error>(client.consent(chat).await? == wanted)
        }
    };
    ensure!(stands(&mallory, Consent::Open).await? && stands(&carol, Consent::Open).await?);
    let asks = bob.client().requests().await?;
    ensure!(asks.len() == 1 && asks[0].from == mallory.account().user_id, "{asks:?}");
    ensure!(asks[0].title.as_deref() == Some("Prizes") && asks[0].people == names(&[&bob, &carol, &dave, &mallory]));

    bob.client().accept(room.chat(&bob).await?).await?;
    ensure!(stands(&bob, Consent::Open).await? && bob.client().requests().await?.is_empty());
    let leaves = dave.client().leave_group(room.chat(&dave).await?, None).await;
    room.done(&dave, leaves).await?;
    ensure!(dave.client().requests().await?.is_empty());
    room.has_people(&bob, &[("bob", Role::Member), ("carol", Role::Member), ("mallory", Role::Owner)]).await?;
    // Whoever brings him in again asks again.
    let again = mallory.client().add_to_group(room.chat(&mallory).await?, &names(&[&dave])).await;
    room.done(&mallory, again).await?;
    until("that he is asked again", PATIENCE, || async { Ok(stands(&dave, Consent::Asked).await?.then_some(())) })
        .await?;
    room.says(&dave, "Let me be").await?;
    room.hears(&mallory, "Let me be").await?;
    ensure!(stands(&dave, Consent::Open).await?);
    Ok(())
}
