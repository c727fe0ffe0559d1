//! What is said about messages: reactions, edits, deletions, answers, and whether they were read.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{ClientError, Draft, MessageView, Recipient, Setting};
use privmsg_testkit::Person;
use privmsg_testkit::wait::{PATIENCE, until};

use super::alice_and_bob;

/// Waits until a message of the chat with somebody is as wanted.
async fn sees(
    person: &Person,
    with: &Person,
    what: &str,
    wanted: impl Fn(&MessageView) -> bool,
) -> Result<MessageView> {
    until(what, PATIENCE, || async { Ok(person.messages(with).await?.into_iter().find(|message| wanted(message))) })
        .await
}

fn users(message: &MessageView, emoji: &str) -> Vec<String> {
    let found = message.reactions.iter().find(|reaction| reaction.emoji == emoji);
    found.map(|reaction| reaction.users.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

#[tokio::test]
async fn reactions_come_and_go() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let hi = alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    for emoji in ["👍", "❤️"] {
        let said = bob.client().react(hi.message_id, emoji.into(), false).await?;
        bob.acknowledged(&said).await?;
    }
    let again = bob.client().react(hi.message_id, "👍".into(), false).await;
    ensure!(matches!(again, Err(ClientError::Unchanged)), "{again:?}");
    alice.client().react(hi.message_id, "👍".into(), false).await?;
    let message = sees(&alice, &bob, "both reactions", |m| users(m, "❤️").len() == 1).await?;
    ensure!(users(&message, "👍").contains(&"bob".to_owned()), "once each: {:?}", message.reactions);
    bob.client().react(hi.message_id, "👍".into(), true).await?;
    for (who, with) in [(&alice, &bob), (&bob, &alice)] {
        sees(who, with, "alice's reaction alone", |m| users(m, "👍") == ["alice"] && users(m, "❤️") == ["bob"]).await?;
    }
    let refused = alice.client().react(hi.message_id, "well done".into(), false).await;
    ensure!(matches!(refused, Err(ClientError::Content(_))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn an_edit_is_the_authors_and_shown_as_one() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let hi = alice.says(&bob, "Hello Rob").await?;
    bob.hears(&alice, "Hello Rob").await?;
    let refused = bob.client().edit(hi.message_id, "Goodbye".into()).await;
    ensure!(matches!(refused, Err(ClientError::NotTheAuthor)), "{refused:?}");
    alice.client().edit(hi.message_id, "Hello Bbo".into()).await?;
    alice.client().edit(hi.message_id, "Hello Bob".into()).await?;
    for (who, with) in [(&alice, &bob), (&bob, &alice)] {
        let message = sees(who, with, "the last edit", |m| m.text == "Hello Bob").await?;
        ensure!(message.edited_at.is_some());
    }
    Ok(())
}

/// Whoever comes later never sees it, and whoever has it is told that there was something.
#[tokio::test]
async fn what_is_deleted_is_gone_for_everybody() -> Result<()> {
    let (_server, alice, mut bob) = alice_and_bob().await?;
    let first = alice.says(&bob, "a slip").await?;
    bob.hears(&alice, "a slip").await?;
    bob.client().react(first.message_id, "😮".into(), false).await?;
    bob.goes_offline().await?;
    let second = alice.says(&bob, "another slip").await?;
    alice.delivered(&second).await?;
    for message in [first, second] {
        let said = alice.client().delete(message.message_id).await?.context("it had been sent")?;
        alice.acknowledged(&said).await?;
    }
    bob.goes_online().await?;
    for (who, with) in [(&alice, &bob), (&bob, &alice)] {
        until("that both are deleted", PATIENCE, || async {
            let all = who.messages(with).await?;
            let gone = all.iter().all(|m| m.deleted && m.text.is_empty() && m.reactions.is_empty());
            Ok((all.len() == 2 && gone).then_some(()))
        })
        .await?;
    }
    let refused = bob.client().react(second.message_id, "👍".into(), false).await;
    ensure!(matches!(refused, Err(ClientError::NotChangeable)), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn what_has_not_left_the_device_is_simply_not_sent() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    alice.goes_offline().await?;
    let slip = alice.says(&bob, "a slip").await?;
    ensure!(alice.client().delete(slip.message_id).await?.is_none());
    alice.goes_online().await?;
    let after = alice.says(&bob, "after").await?;
    alice.delivered(&after).await?;
    bob.hears(&alice, "after").await?;
    ensure!(bob.texts(&alice).await? == ["Hi", "after"]);
    ensure!(alice.texts(&bob).await? == ["Hi", "after"]);
    Ok(())
}

#[tokio::test]
async fn removed_here_is_there_still() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let hi = alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    bob.client().delete_for_me(hi.message_id).await?;
    ensure!(bob.texts(&alice).await?.is_empty());
    let again = bob.client().delete_for_me(hi.message_id).await;
    ensure!(matches!(again, Err(ClientError::NoSuchMessage)), "{again:?}");
    ensure!(alice.texts(&bob).await? == ["Hi"]);
    Ok(())
}

#[tokio::test]
async fn an_answer_names_what_it_answers() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let question = alice.says(&bob, "tea?").await?;
    bob.hears(&alice, "tea?").await?;
    let draft = Draft { reply_to: Some(question.message_id.into()), ..Draft::text("yes") };
    bob.client().send(&Recipient::User(alice.account().user_id.clone()), draft).await?;
    let answer = alice.hears(&bob, "yes").await?;
    let about = answer.reply_to.context("it is an answer")?;
    ensure!(about.message_id == question.message_id && about.author.as_str() == "alice");
    Ok(())
}

/// Nobody is told of what somebody reads, unless they want that.
#[tokio::test]
async fn reading_is_told_only_by_who_wants_it() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "one").await?;
    bob.hears(&alice, "one").await?;
    bob.lets_in(&alice).await?;
    let chat = bob.chat(&alice).await?;
    ensure!(bob.client().mark_read(chat, None).await? == 1);
    ensure!(bob.client().mark_read(chat, None).await? == 0);
    bob.client().set(Setting::ReadReceipts, true).await?;
    alice.says(&bob, "two").await?;
    bob.hears(&alice, "two").await?;
    ensure!(bob.client().mark_read(chat, None).await? == 1);
    sees(&alice, &bob, "that he has read it", |m| m.text == "two" && m.read_at().is_some()).await?;
    let first =
        sees(&alice, &bob, "that the first one has come", |m| m.text == "one" && m.delivered_at().is_some()).await?;
    ensure!(first.read_at().is_none());
    Ok(())
}

/// What has arrived is told a moment later, for it may be read at once; who goes offline before that tells it on the way.
#[tokio::test]
async fn who_goes_offline_has_told_what_has_arrived() -> Result<()> {
    let (_server, alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "one").await?;
    bob.hears(&alice, "one").await?;
    bob.lets_in(&alice).await?;
    sees(&alice, &bob, "that it has come", |m| m.text == "one" && m.delivered_at().is_some()).await?;
    alice.says(&bob, "two").await?;
    bob.hears(&alice, "two").await?;
    bob.goes_offline().await?;
    sees(&alice, &bob, "that the second one has come", |m| m.text == "two" && m.delivered_at().is_some()).await?;
    Ok(())
}
