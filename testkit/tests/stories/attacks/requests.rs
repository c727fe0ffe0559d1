//! What a server says of who has answered whom.

use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_client::{Consent, Draft, Recipient};
use privmsg_protocol::GroupId;
use privmsg_protocol::rest::Requests;
use privmsg_testkit::hostile::{Answer, Frame};
use privmsg_testkit::wait::{PATIENCE, until};

use super::{alice_is_watched, has_taken_all};

const ASKED: &str = "GET users/me/requests";

fn says(unanswered: &[GroupId], declined: &[GroupId]) -> Result<Answer> {
    Answer::ok(&Requests { unanswered: unanswered.to_vec(), declined: declined.to_vec(), kept_out: Vec::new() })
}

/// A server that is a stranger's friend says that there was an answer.
#[tokio::test]
async fn the_servers_word_sends_no_receipt() -> Result<()> {
    let (server, hostile, mut alice, _bob) = alice_is_watched().await?;
    let mallory = server.person("mallory").await?;
    let answer = says(&[], &[])?;
    hostile.answers(ASKED, move |_| Some(answer.clone()))?;
    mallory.says(&alice, "Are you there?").await?;
    alice.hears(&mallory, "Are you there?").await?;
    let group = server.group_of(&["alice", "mallory"])?;
    let before = server.last_seq(group)?;
    let asked = hostile.times_asked(ASKED);
    alice.goes_offline().await?;
    alice.goes_online().await?;
    hostile.is_asked(ASKED, asked + 1).await?;
    has_taken_all(&alice, &server).await?;
    ensure!(server.last_seq(group)? == before, "a receipt was sent");
    alice.stands_to(&mallory, Consent::Asked).await?;
    ensure!(mallory.has(&alice, "Are you there?").await?.delivered_at().is_none());
    Ok(())
}

/// And of one who was answered, that nobody has, and that she has declined him. It keeps back what he says then.
#[tokio::test]
async fn the_servers_word_declines_nobody_and_hides_no_loss() -> Result<()> {
    let (server, hostile, mut alice, bob) = alice_is_watched().await?;
    let group = server.group_of(&["alice", "bob"])?;
    let answer = says(&[group], &[group])?;
    hostile.answers(ASKED, move |_| Some(answer.clone()))?;
    let asked = hostile.times_asked(ASKED);
    alice.goes_offline().await?;
    alice.goes_online().await?;
    hostile.is_asked(ASKED, asked + 1).await?;
    alice.stands_to(&bob, Consent::Open).await?;
    bob.says(&alice, "I am here").await?;
    alice.hears(&bob, "I am here").await?;
    until("the receipt", PATIENCE, || async { Ok(bob.has(&alice, "I am here").await?.delivered_at().map(drop)) })
        .await?;

    hostile.rewrites_frames(move |mut frame| {
        let is_bobs = frame.payload("message").is_some_and(|message| message["sender_id"] == "bob");
        if is_bobs {
            let payload = &mut frame.value_mut()["payload"];
            payload["first_seq"] = payload["seq"].clone();
            payload["message_type"] = "withheld".into();
            payload["encrypted_content"] = "".into();
            for name in ["sender_device_id", "epoch"] {
                payload.as_object_mut().map(|payload| payload.remove(name));
            }
        }
        vec![frame]
    });
    bob.delivered(&bob.says(&alice, "Where are you?").await?).await?;
    until("that something is missing", PATIENCE, || async { Ok((alice.missing(&bob).await? > 0).then_some(())) })
        .await?;
    alice.stands_to(&bob, Consent::Open).await
}

/// Whoever is invited and cannot use the invitation would come in by themselves, and be seen to be there: not before they have
/// answered.
#[tokio::test]
async fn an_invitation_that_was_spoiled_shows_nobody_that_one_is_there() -> Result<()> {
    let (server, hostile, mut alice, _bob) = alice_is_watched().await?;
    let mallory = server.person("mallory").await?;
    let answer = says(&[], &[])?;
    hostile.answers(ASKED, move |_| Some(answer.clone()))?;
    hostile.rewrites_frames(|mut frame| {
        if frame.payload("message").is_some_and(|message| message["message_type"] == "key_exchange") {
            let content = &mut frame.value_mut()["payload"]["encrypted_content"];
            let spoiled = content.as_str().map(|content| format!("{}AAAA", &content[..content.len() / 8 * 4]));
            *content = spoiled.into();
        }
        vec![frame]
    });
    mallory.delivered(&mallory.says(&alice, "Are you there?").await?).await?;
    let joins = format!("POST groups/{}/commits", server.group_of(&["alice", "mallory"])?);
    until("that she is asked", PATIENCE, || async {
        let asks = alice.client().requests().await?;
        Ok((asks.len() == 1 && asks[0].is_unread).then_some(()))
    })
    .await?;
    hostile.stops_lying();
    mallory.delivered(&mallory.says(&alice, "And now?").await?).await?;
    alice.goes_offline().await?;
    alice.goes_online().await?;
    has_taken_all(&alice, &server).await?;
    alice.stands_to(&mallory, Consent::Asked).await?;
    let chat = alice.client().requests().await?[0].entry.summary.chat.id;
    alice.client().decline(chat).await?;
    alice.goes_offline().await?;
    alice.goes_online().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    ensure!(hostile.times_asked(&joins) == 0, "he sees that she is there");

    alice.client().accept(chat).await?;
    hostile.is_asked(&joins, 1).await?;
    mallory.says(&alice, "At last").await?;
    alice.hears(&mallory, "At last").await?;
    ensure!(alice.client().requests().await?.is_empty());
    Ok(())
}

/// A friend whom a stranger has put beside her leaves, and the newest roster is his. It is not he who has brought her in.
#[tokio::test]
async fn whose_roster_is_the_newest_has_not_brought_anybody_in_by_that() -> Result<()> {
    let (server, hostile, mut alice, bob) = alice_is_watched().await?;
    let mallory = server.person("mallory").await?;
    hostile.rewrites_frames(|mut frame| {
        if frame.payload("message").is_some_and(|message| message["message_type"] == "key_exchange") {
            let content = &mut frame.value_mut()["payload"]["encrypted_content"];
            let spoiled = content.as_str().map(|content| format!("{}AAAA", &content[..content.len() / 8 * 4]));
            *content = spoiled.into();
        }
        vec![frame]
    });
    alice.goes_offline().await?;
    let people = [&bob, &alice].map(|person| person.account().user_id.clone());
    let his = mallory.client().create_group("Look", &people).await?;
    mallory.client().wait_group_made(his).await?;
    let room = Recipient::Group(mallory.client().group(his).await?.conversation);
    let bobs = until("that bob is in", PATIENCE, || async { Ok(bob.client().chat_with(&room).await?) }).await?;
    for asked in bob.client().leave_group(bobs, None).await? {
        tokio::time::timeout(PATIENCE, bob.client().wait_group_changed(asked)).await??;
    }
    mallory.delivered(&mallory.client().send(&room, Draft::text("who is there?")).await?).await?;
    alice.goes_online().await?;
    let asks = until("that she is asked", PATIENCE, || async {
        let asks = alice.client().requests().await?;
        Ok((!asks.is_empty()).then_some(asks))
    });
    let asks = asks.await?;
    ensure!(asks.len() == 1 && asks[0].from == mallory.account().user_id && asks[0].is_unread, "{asks:?}");
    Ok(())
}

/// Nor does a commit that nobody can follow, in a chat that was never answered, or with somebody who is blocked.
#[tokio::test]
async fn a_commit_that_cannot_be_followed_shows_nobody_that_one_is_there() -> Result<()> {
    let (server, hostile, mut alice, bob) = alice_is_watched().await?;
    let mallory = server.person("mallory").await?;
    mallory.says(&alice, "Are you there?").await?;
    alice.hears(&mallory, "Are you there?").await?;
    alice.client().block(&bob.account().user_id).await?;
    let spoiled = |mut frame: Frame| {
        if frame.payload("message").is_some_and(|message| message["message_type"] == "key_exchange") {
            let content = &mut frame.value_mut()["payload"]["encrypted_content"];
            let spoiled = content.as_str().map(|content| format!("{}AAAA", &content[..content.len() / 8 * 4]));
            *content = spoiled.into();
        }
        vec![frame]
    };
    hostile.rewrites_frames(spoiled);
    let joins = ["bob", "mallory"].map(|name| server.group_of(&["alice", name]));
    let joins =
        joins.into_iter().map(|group| Ok(format!("POST groups/{}/commits", group?))).collect::<Result<Vec<_>>>()?;
    let before: usize = joins.iter().map(|path| hostile.times_asked(path)).sum();
    for stranger in [&bob, &mallory] {
        // What lets a device in is a commit.
        let tablet = stranger.takes_another_device(&server.url()).await?;
        until("that it is in", PATIENCE, || async {
            let leaves = server.leaves_of(&["alice", stranger.account().user_id.as_str()])?;
            Ok((leaves == 3).then_some(()))
        })
        .await?;
        drop(tablet);
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    alice.goes_offline().await?;
    alice.goes_online().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let since: usize = joins.iter().map(|path| hostile.times_asked(path)).sum();
    ensure!(since == before, "they see that she is there");
    hostile.stops_lying();
    alice.says(&mallory, "Yes").await?;
    mallory.hears(&alice, "Yes").await.map(drop)
}

/// A chat that this device does not know the beginning of is none that was answered, only because a server says nothing of it.
#[tokio::test]
async fn a_device_that_comes_later_tells_a_stranger_nothing() -> Result<()> {
    let (server, hostile, alice, _bob) = alice_is_watched().await?;
    let mallory = server.person("mallory").await?;
    mallory.says(&alice, "Are you there?").await?;
    alice.hears(&mallory, "Are you there?").await?;
    let answer = says(&[], &[])?;
    hostile.answers(ASKED, move |_| Some(answer.clone()))?;
    let tablet = alice.takes_another_device(&hostile.url()).await?;
    mallory.says(&alice, "And there?").await?;
    tablet.hears(&mallory, "And there?").await?;
    has_taken_all(&tablet, &server).await?;
    tablet.stands_to(&mallory, Consent::Unknown).await?;
    ensure!(mallory.has(&alice, "And there?").await?.delivered_at().is_none());
    Ok(())
}
