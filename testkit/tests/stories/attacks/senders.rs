//! Who has written a message: by MLS, by the envelope, and by the keys that are pinned. Where they differ, it is not shown.

use anyhow::{Result, ensure};
use privmsg_client::{ChatId, ClientError, Which};
use privmsg_protocol::UserId;
use privmsg_protocol::rest::GroupKind;
use privmsg_testkit::hostile::{Claim, HostileMember, HostileServer, Rogue, Verdict, Who};
use privmsg_testkit::{Person, Server};

use super::{alice_is_watched, has_taken_all, is_let_through};

/// A server that delivers one person's message in another one's envelope, or in that of another device.
#[tokio::test]
async fn a_message_in_another_envelope_is_not_shown() -> Result<()> {
    for (field, other) in [("sender_id", "carol"), ("sender_device_id", "another-device")] {
        let (_server, hostile, alice, bob) = alice_is_watched().await?;
        hostile.rewrites_frames(move |mut frame| {
            if frame.payload("message").is_some_and(|message| message["sender_id"] == "bob") {
                frame.value_mut()["payload"][field] = other.into();
            }
            vec![frame]
        });
        let sent = bob.says(&alice, "in a false envelope").await?;
        bob.delivered(&sent).await?;
        tokio::time::sleep(super::SETTLING).await;
        ensure!(!alice.texts(&bob).await?.contains(&"in a false envelope".to_owned()), "{field} was not looked at");
        hostile.becomes_honest();
        bob.says(&alice, "in one of his own").await?;
        alice.hears(&bob, "in one of his own").await?;
    }
    Ok(())
}

/// A user of an honest server who would write as another device than the one that is signed in: one that nobody can sign
/// out. The server takes no group from it, and where another has let it in, nothing of it is shown.
#[tokio::test]
async fn a_message_of_another_device_than_the_session_s_is_not_shown() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let (her, hidden) = (Who::is(&alice).await?, mallory.rogue().another("mallory", "hidden")?);
    let claim = Claim::direct(&her, &hidden.who())?;
    let packages = mallory.claims(&her.user_id).await?;
    let mut group = hidden.founds(&claim)?;
    let made = group.commit(&packages, &[])?;
    let verdict = mallory.creates(GroupKind::Direct, &[&her.user_id], &claim, &made).await?;
    ensure!(verdict == Verdict::INVALID, "{verdict:?}");
    // The envelope names the session's device.
    let operator = hostile.takes_over(group)?;
    operator.posts_from(mallory.rogue().device_id());
    is_let_through(&hostile, &operator, &made, "from nowhere").await?;
    has_taken_all(&alice, &server).await?;
    let texts = alice.texts(&hidden.who().user_id).await.unwrap_or_default();
    ensure!(texts.is_empty(), "{texts:?}");
    Ok(())
}

/// A server that leads Alice back into her chat with Bob, in which she has a second device now: of a key that is not hers.
/// What it wrote stood in her history as her own, sent from elsewhere.
#[tokio::test]
async fn nobody_writes_as_oneself_under_another_key() -> Result<()> {
    let (server, hostile, alice, bob) = alice_is_watched().await?;
    let mut accomplice = HostileMember::signs_up(&server, "mallory").await?;
    let fake = Rogue::named("alice", "new-phone")?;
    let (her, him) = (Who::is(&alice).await?, Who::is(&bob).await?);
    let claim = Claim::direct(&her, &him)?.under(server.group_of(&["alice", "bob"])?);
    let mut group = fake.founds(&claim)?;
    group.commit(&accomplice.claims(&him.user_id).await?, &[])?;
    let operator = hostile.takes_over(group)?;
    operator.greets_with("I never want to see you again");
    alice.says(&bob, "shall we meet?").await?;
    operator.learns_nothing().await?;
    let shown = alice.texts(&bob).await?.contains(&"I never want to see you again".to_owned());
    ensure!(!shown, "a device under another key has written as Alice");
    hostile.becomes_honest();
    bob.hears(&alice, "shall we meet?").await?;
    bob.says(&alice, "yes").await?;
    alice.hears(&bob, "yes").await.map(drop)
}

/// Mallory gives her words the id of Bob's: Alice says whose she means, and reacts to Bob's, and removes Mallory's.
#[tokio::test]
async fn an_id_that_somebody_has_given_out_again_shields_nobody() -> Result<()> {
    let (server, alice, bob) = crate::alice_and_bob().await?;
    let said = bob.says(&alice, "Hi Alice").await?;
    let his = alice.hears(&bob, "Hi Alice").await?;
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let claim = Claim::direct(&Who::is(&alice).await?, &mallory.rogue().who())?;
    let mut group = mallory.rogue().founds(&claim)?;
    let packages = mallory.claims(&alice.account().user_id).await?;
    let made = group.commit(&packages, &[])?;
    mallory.creates(GroupKind::Direct, &[&alice.account().user_id], &claim, &made).await?;
    let bytes = group.says(said.message_id, "you are a fool")?;
    mallory.sends(said.message_id, group.group_id(), group.epoch(), &bytes).await?;
    let she = mallory.rogue().who().user_id;
    let hers = alice.hears(&she, "you are a fool").await?;
    ensure!(hers.message_id == his.message_id);

    let id = his.message_id;
    let unsaid =
        [alice.client().react(id, "👍".into(), false).await.err(), alice.client().delete_for_me(id).await.err()];
    ensure!(unsaid.iter().all(|error| matches!(error, Some(ClientError::AmbiguousMessage))), "{unsaid:?}");
    let of = |from: Option<&UserId>, chat: Option<ChatId>| Which { message: id, from: from.cloned(), chat };
    alice.client().react(of(Some(&bob.account().user_id), None), "👍".into(), false).await?;
    alice.client().delete_for_me(of(None, Some(hers.chat.id))).await?;
    ensure!(alice.texts(&she).await?.is_empty() && alice.texts(&bob).await? == ["Hi Alice"]);
    alice.client().react(id, "🎉".into(), false).await?;
    let reacted = alice.hears(&bob, "Hi Alice").await?;
    ensure!(reacted.reactions.len() == 2, "{:?}", reacted.reactions);
    Ok(())
}
