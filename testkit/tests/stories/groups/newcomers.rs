//! What was written is for those who were there: whoever comes before the server has it is told only what its author wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Acknowledged, ClientError, HeldBy, MessageState, Sent};
use privmsg_protocol::ErrorCode;
use privmsg_testkit::hostile::{Frame, HostileServer};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{Room, names};

/// Somebody whose words a server holds back, as long as it likes.
struct Silenced {
    server: Server,
    hostile: HostileServer,
    is_silenced: Arc<AtomicBool>,
    alice: Person,
    bob: Person,
    carol: Person,
}

impl Silenced {
    async fn begins() -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let is_silenced = Arc::new(AtomicBool::new(false));
        let is_held_back = Arc::clone(&is_silenced);
        hostile.rewrites_frames(move |frame| {
            let is_said = matches!(frame, Frame::FromClient(_)) && frame.payload("message").is_some();
            if is_said && is_held_back.load(SeqCst) { Vec::new() } else { vec![frame] }
        });
        let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
        let (bob, carol) = (server.person("bob").await?, server.person("carol").await?);
        Ok(Self { server, hostile, is_silenced, alice, bob, carol })
    }

    fn is_heard_again(&self) {
        self.is_silenced.store(false, SeqCst);
        self.hostile.cuts_all();
    }

    async fn is_held(&self, sent: &Sent) -> Result<()> {
        let look = || async {
            let state = self.alice.client().message(sent.id).await?.map(|message| message.state);
            Ok((state == Some(MessageState::Held(HeldBy::OthersCame))).then_some(()))
        };
        until("it is held", PATIENCE, look).await
    }
}

/// A server holds up what Alice says to Bob until Bob has brought in Carol, who may be the server's.
#[tokio::test]
async fn what_was_said_before_somebody_came_is_not_told_to_them() -> Result<()> {
    let scene = Silenced::begins().await?;
    let (alice, bob, carol) = (&scene.alice, &scene.bob, &scene.carol);
    let room = Room::founded(bob, "Choir", &[alice]).await?;
    let first = room.says(alice, "hello").await?;
    room.hears(bob, "hello").await?;

    scene.is_silenced.store(true, SeqCst);
    let said = room.says(alice, "between us two").await?;
    let file = alice.file("plan.txt");
    std::fs::write(&file, "the plan")?;
    let draft = privmsg_client::Draft::files("our plan", vec![file]);
    let plan = alice.client().send(&room.recipient(), draft).await?;
    let edit = alice.client().edit(first.message_id, "hello, you".to_owned()).await?.context("an edit is said")?;
    let slip = room.says(alice, "with a slpi").await?;
    room.done(bob, bob.client().add_to_group(room.chat(bob).await?, &names(&[carol])).await).await?;
    room.is_called(carol, "Choir").await?;
    until("Alice knows of Carol", PATIENCE, || async { Ok((room.people(alice).await?.len() == 3).then_some(())) })
        .await?;

    scene.is_heard_again();
    scene.is_held(&said).await?;
    scene.is_held(&plan).await?;
    scene.is_held(&slip).await?;
    // The server has refused them: nobody has them, and nothing is said of what becomes of them.
    ensure!(alice.client().edit(said.message_id, "between the two of us".to_owned()).await?.is_none());
    ensure!(alice.client().delete(slip.message_id).await?.is_none());
    ensure!(alice.client().wait_acknowledged(&said.said()).await? == Acknowledged::Held(HeldBy::OthersCame));
    let refused = Acknowledged::Failed(ErrorCode::from("others_came"));
    ensure!(alice.client().wait_acknowledged(&edit).await? == refused, "what Carol would have of it is not said");
    room.says(alice, "to all of you").await?;
    room.hears(carol, "to all of you").await?;
    room.hears(bob, "to all of you").await?;
    ensure!(room.texts(carol).await? == ["to all of you"], "{:?}", room.texts(carol).await?);
    ensure!(room.texts(bob).await? == ["hello", "to all of you"], "{:?}", room.texts(bob).await?);

    let held = alice.client().held_messages(&room.recipient()).await?;
    ensure!(held.iter().all(|held| held.newcomers == names(&[carol])), "{held:?}");
    let sent = alice.client().send_held(&room.recipient(), &held).await?;
    ensure!(sent == [said, plan], "{sent:?}");
    for sent in sent {
        ensure!(alice.client().wait_acknowledged(&sent.said()).await? == Acknowledged::Sent);
    }
    room.hears(carol, "between the two of us").await?;
    ensure!(alice.client().held_messages(&room.recipient()).await?.is_empty());
    ensure!(room.texts(carol).await?.iter().all(|text| !text.contains("slpi")), "what was deleted goes out");
    ensure!(room.gaps(bob).await? == 0 && room.gaps(carol).await? == 0);
    drop(scene.server);
    Ok(())
}

/// Alice has written something, and brings somebody in at once: they come once it is said.
#[tokio::test]
async fn whoever_is_brought_in_comes_after_what_was_written_before() -> Result<()> {
    let scene = Silenced::begins().await?;
    let (alice, bob, carol) = (&scene.alice, &scene.bob, &scene.carol);
    let room = Room::founded(alice, "Choir", &[bob]).await?;
    room.all_talk("before", &[alice, bob]).await?;

    scene.is_silenced.store(true, SeqCst);
    let said = room.says(alice, "between us two").await?;
    let chat = room.chat(alice).await?;
    let asked = alice.client().add_to_group(chat, &names(&[carol])).await?;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    ensure!(room.people(alice).await?.len() == 2, "she comes before it");
    scene.is_heard_again();
    room.done(alice, Ok(asked)).await?;
    alice.delivered(&said).await?;
    room.is_called(carol, "Choir").await?;
    room.hears(bob, "between us two").await?;
    room.says(bob, "hello, Carol").await?;
    room.hears(carol, "hello, Carol").await?;
    ensure!(room.texts(carol).await? == ["hello, Carol"], "{:?}", room.texts(carol).await?);
    Ok(())
}

/// What the user says to let it go is about Carol, of whom they were told. Dave comes a moment before.
#[tokio::test]
async fn what_is_let_go_goes_to_nobody_who_comes_between() -> Result<()> {
    let scene = Silenced::begins().await?;
    let (alice, bob, carol) = (&scene.alice, &scene.bob, &scene.carol);
    let dave = scene.server.person("dave").await?;
    let room = Room::founded(bob, "Choir", &[alice]).await?;
    room.all_talk("before", &[alice, bob]).await?;
    let chat = room.chat(bob).await?;
    scene.is_silenced.store(true, SeqCst);
    let said = room.says(alice, "between us two").await?;
    let knows = async |count: usize| {
        until("Alice knows of all", PATIENCE, || async { Ok((room.people(alice).await?.len() == count).then_some(())) })
            .await
    };
    room.done(bob, bob.client().add_to_group(chat, &names(&[carol])).await).await?;
    knows(3).await?;
    scene.is_heard_again();
    scene.is_held(&said).await?;
    room.done(bob, bob.client().add_to_group(chat, &names(&[&dave])).await).await?;
    knows(4).await?;
    let shown = alice.client().held_messages(&room.recipient()).await?;
    alice.client().send_held(&room.recipient(), &shown).await?;
    let named = || async {
        let held = alice.client().held_messages(&room.recipient()).await?;
        Ok(held.iter().any(|held| held.newcomers == names(&[&dave])).then_some(()))
    };
    until("it is held because of Dave", PATIENCE, named).await?;
    let sent = alice.client().send_held(&room.recipient(), &shown).await?;
    ensure!(sent.is_empty(), "a word about Carol is none about Dave");
    room.says(alice, "to all of you").await?;
    room.hears(carol, "to all of you").await?;
    room.hears(&dave, "to all of you").await?;
    ensure!(room.texts(carol).await?.len() == 1 && room.texts(&dave).await?.len() == 1);

    // Whoever leaves sends it to nobody.
    room.done(alice, alice.client().leave_group(room.chat(alice).await?, None).await).await?;
    let state = alice.client().message(said.id).await?.map(|message| message.state);
    ensure!(matches!(state, Some(MessageState::Failed(_))), "{state:?}");
    let refused = alice.client().send_held(&room.recipient(), &shown).await;
    ensure!(matches!(refused, Err(ClientError::NotInGroup)), "{refused:?}");
    Ok(())
}

/// Alice brings Carol in and greets her before that is done.
#[tokio::test]
async fn whom_one_brings_in_hears_what_is_written_from_then_on() -> Result<()> {
    let scene = Silenced::begins().await?;
    let (alice, bob, carol) = (&scene.alice, &scene.bob, &scene.carol);
    let room = Room::founded(alice, "Choir", &[bob]).await?;
    room.all_talk("before", &[alice, bob]).await?;
    scene.is_silenced.store(true, SeqCst);
    let chat = room.chat(alice).await?;
    let asked = alice.client().add_to_group(chat, &names(&[carol])).await?;
    let said = room.says(alice, "welcome, Carol").await?;
    room.done(alice, Ok(asked)).await?;
    scene.is_heard_again();
    alice.delivered(&said).await?;
    room.hears(carol, "welcome, Carol").await
}
