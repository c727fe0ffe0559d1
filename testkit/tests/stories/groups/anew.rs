//! A group that goes on in another one, because what there was of it is good for nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::Role;
use privmsg_protocol::{Epoch, GroupId, Incarnation};
use privmsg_testkit::hostile::{Forged, HostileServer};
use privmsg_testkit::{Clock, Person, Server};

use super::{Room, names};

/// Bob and Carol, members without a role, take a hostile server for theirs, which has not lied yet.
struct Scene {
    server: Server,
    hostile: HostileServer,
    clock: Clock,
    alice: Person,
    bob: Person,
    carol: Person,
    dave: Person,
    room: Room,
}

impl Scene {
    async fn begins() -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let clock = Clock::right();
        let mut watched = Vec::new();
        for name in ["bob", "carol"] {
            let account = server.admin().creates(name).await?;
            let mut person = Person::signs_in_by(&hostile.url(), &account, Arc::new(clock.clone())).await?;
            person.starts().await?;
            watched.push(person);
        }
        let (carol, bob) = (watched.pop().expect("two were pushed"), watched.pop().expect("two were pushed"));
        let (alice, dave) = (server.person("alice").await?, server.person("dave").await?);
        let room = Room::founded(&alice, "Choir", &[&bob, &carol, &dave]).await?;
        let chat = room.chat(&dave).await?;
        room.done(&dave, dave.client().leave_group(chat, None).await).await?;
        room.all_talk("before", &[&alice, &bob, &carol]).await?;
        Ok(Self { server, hostile, clock, alice, bob, carol, dave, room })
    }

    fn id(&self, incarnation: u32) -> GroupId {
        privmsg_mls_public::group_id(&self.room.0, Incarnation(incarnation))
    }

    /// Says of the group that it is older than those know who ask, and shows garbage to whoever would join it.
    fn spoils(&self, incarnation: u32) -> Result<()> {
        let group = self.id(incarnation);
        let garbage = serde_json::to_value(Forged::garbage(Epoch(0), &[]).state)?;
        self.hostile.rewrites(&format!("GET groups/{group}/state"), move |_, answer| {
            if answer.get("state").is_some() {
                answer["state"] = garbage.clone();
            }
        })?;
        self.hostile.claims_restore(group)
    }

    /// Everybody hears each of them, without waiting for the pauses between what is tried.
    async fn all_talk(&self, round: &str, people: &[&Person]) -> Result<()> {
        self.sooner(self.room.all_talk(round, people)).await
    }

    /// What comes after pauses comes without them.
    async fn sooner(&self, what: impl Future<Output = Result<()>>) -> Result<()> {
        let hurry = async {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                self.clock.advance(30);
            }
        };
        tokio::select! {
            done = what => done,
            () = hurry => Ok(()),
        }
    }

    fn newest(&self) -> Result<GroupId> {
        self.server.group_of(&["alice", "bob", "carol"])
    }
}

/// No role is needed for it, and nobody gets another one by it: who had left is not in, and the owner owns the next one.
#[tokio::test]
async fn a_group_that_is_garbage_goes_on_in_another_as_it_was() -> Result<()> {
    let scene = Box::pin(Scene::begins()).await?;
    let Scene { alice, bob, carol, dave, room, .. } = &scene;
    scene.spoils(1)?;
    scene.all_talk("in the next", &[bob, alice, carol]).await?;
    ensure!(scene.newest()? == scene.id(2), "it has gone on in {}", scene.newest()?);
    let all = [("alice", Role::Owner), ("bob", Role::Member), ("carol", Role::Member)];
    for who in [alice, bob, carol] {
        room.has_people(who, &all).await?;
        room.is_called(who, "Choir").await?;
        ensure!(room.texts(who).await?.len() == 6, "{:?}", room.texts(who).await?);
    }
    ensure!(room.texts(dave).await?.is_empty(), "dave had left");
    let chat = room.chat(alice).await?;
    room.done(alice, alice.client().add_to_group(chat, &names(&[dave])).await).await?;
    scene.all_talk("with dave", &[alice, bob, carol, dave]).await
}

/// Whoever cannot be in it any more does not read there what somebody says who leaves, and has it go on all the same without them.
#[tokio::test]
async fn who_has_left_is_not_brought_back_by_whoever_has_not_heard_of_it() -> Result<()> {
    let mut scene = Box::pin(Scene::begins()).await?;
    for away in [&mut scene.bob, &mut scene.carol] {
        away.goes_offline().await?;
    }
    scene.spoils(1)?;
    let state = format!("GET groups/{}/state", scene.id(1));
    let asked = scene.hostile.times_asked(&state);
    scene.bob.starts().await?;
    scene.hostile.is_asked(&state, asked + 1).await?;
    scene.bob.goes_offline().await?;
    let (chat, heir) = (scene.room.chat(&scene.alice).await?, scene.bob.account().user_id.clone());
    scene.room.done(&scene.alice, scene.alice.client().leave_group(chat, Some(heir)).await).await?;
    ensure!(scene.server.group_of(&["bob", "carol"])? == scene.id(1), "it has gone on before she left");
    scene.bob.starts().await?;
    let said = scene.room.says(&scene.bob, "without alice: where is carol?").await?;
    scene.sooner(scene.bob.delivered(&said)).await?;
    scene.carol.starts().await?;
    let Scene { alice, bob, carol, room, .. } = &scene;
    scene.all_talk("without alice", &[bob, carol]).await?;
    ensure!(scene.server.group_of(&["bob", "carol"])? == scene.id(2), "it has gone on more often than once");
    for who in [bob, carol] {
        room.has_people(who, &[("bob", Role::Owner), ("carol", Role::Member)]).await?;
    }
    ensure!(!room.texts(alice).await?.iter().any(|text| text.contains("without alice")), "she had left");
    Ok(())
}

/// Each of them finds that it cannot go on as it is, and both begin the next one.
#[tokio::test]
async fn who_goes_on_at_the_same_time_meets_in_one() -> Result<()> {
    let scene = Box::pin(Scene::begins()).await?;
    let Scene { alice, bob, carol, room, .. } = &scene;
    scene.spoils(1)?;
    tokio::try_join!(room.says(bob, "here"), room.says(carol, "here, too"))?;
    for text in ["here", "here, too"] {
        for who in [alice, bob, carol] {
            scene.sooner(room.hears(who, text)).await?;
        }
    }
    ensure!(scene.newest()? == scene.id(2), "it has gone on in {}", scene.newest()?);
    scene.all_talk("in one", &[alice, bob, carol]).await?;
    ensure!(scene.newest()? == scene.id(2), "it has gone on once more");
    Ok(())
}

/// A server that spoils whatever group they go on in is an outage, and costs each of them no more than three groups a day.
#[tokio::test]
async fn nobody_goes_on_without_end() -> Result<()> {
    let scene = Box::pin(Scene::begins()).await?;
    let Scene { alice, bob, room, .. } = &scene;
    for incarnation in 1..20 {
        scene.spoils(incarnation)?;
    }
    room.says(bob, "is anybody there?").await?;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        scene.clock.advance(30);
    }
    let newest = scene.newest()?;
    let begun = (1..20).find(|number| scene.id(*number) == newest).context("one of them")?;
    ensure!((2..=7).contains(&begun), "it has gone on in {begun}");
    scene.hostile.becomes_honest();
    scene.clock.advance(25 * 3600);
    scene.all_talk("after it", &[bob, alice]).await?;
    room.hears(alice, "is anybody there?").await
}
