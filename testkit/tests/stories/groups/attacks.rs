//! Members, former members and operators of the server who want more than their role in a group.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Gone, Role};
use privmsg_e2ee::{OsRng, Participant, Roster};
use privmsg_protocol::{ErrorCode, GroupId, Incarnation};
use privmsg_testkit::hostile::{Answer, Claim, Frame, HostileMember, HostileServer, RogueGroup, Verdict};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{Room, names};

/// Mallory's client follows no rules, and is in a group of Alice and Bob as a member.
struct Scene {
    server: Server,
    hostile: HostileServer,
    alice: Person,
    bob: Person,
    mallory: HostileMember,
    room: Room,
    hers: RogueGroup,
    roster: Roster,
}

impl Scene {
    async fn begins() -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
        let bob = server.person("bob").await?;
        let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
        let people = [names(&[&bob]), vec![mallory.rogue().who().user_id]].concat();
        let chat = alice.client().create_group("Choir", &people).await?;
        alice.client().wait_group_made(chat).await?;
        let room = Room(alice.client().group(chat).await?.conversation);
        room.is_called(&bob, "Choir").await?;

        let id = privmsg_mls_public::group_id(&room.0, Incarnation::FIRST);
        let state = mallory.state(id).await?;
        let roster = Roster::decode(&state.roster.context("a roster")?.decode().context("base64")?)?;
        let claim = Claim::with_roster(&roster, &roster);
        let (hers, joined) = mallory.rogue().joins(&claim, &state.state)?;
        let verdict = mallory.commits(id, &joined).await?;
        ensure!(verdict == Verdict::Taken, "{verdict:?}");
        room.all_talk("before", &[&alice, &bob]).await?;
        Ok(Self { server, hostile, alice, bob, mallory, room, hers, roster })
    }

    /// After what the server has not taken, Mallory's own state is good for nothing.
    async fn comes_again(&mut self) -> Result<()> {
        let id = self.id();
        let state = self.mallory.state(id).await?;
        let (hers, joined) = self.mallory.rogue().joins(self.hers.claim(), &state.state)?;
        let verdict = self.mallory.commits(id, &joined).await?;
        ensure!(verdict == Verdict::Taken, "{verdict:?}");
        self.hers = hers;
        Ok(())
    }

    fn id(&self) -> GroupId {
        self.hers.group_id()
    }

    /// What Mallory makes of the roster, with her own key.
    fn step(&self, people: Vec<Participant>) -> Result<Roster> {
        Ok(self.mallory.rogue().signing_key().next_roster(&[&self.roster], people, &mut OsRng)?)
    }

    fn without(&self, user: &str) -> Vec<Participant> {
        let people = self.roster.participants().iter();
        people.filter(|place| place.user_id().as_str() != user).cloned().collect()
    }

    async fn is_as_before(&self) -> Result<()> {
        let all = [("alice", Role::Owner), ("bob", Role::Member), ("mallory", Role::Member)];
        for who in [&self.alice, &self.bob] {
            self.room.has_people(who, &all).await?;
        }
        self.room.all_talk("after", &[&self.alice, &self.bob]).await
    }
}

/// A member makes itself the owner, and sends the owner away. An honest server takes neither; where it would, no member does.
#[tokio::test]
async fn a_member_does_not_take_a_group_over() -> Result<()> {
    let mut scene = Box::pin(Scene::begins()).await?;
    let own = scene.mallory.rogue().place(Role::Owner);
    let alices = scene.alice.client().whoami().await?.device_id.context("a device")?;
    let takes_over = scene.step([scene.without("mallory"), vec![own.clone()]].concat())?;
    let others = scene.without("mallory").into_iter().filter(|place| place.user_id().as_str() != "alice");
    let sends_away = scene.step(others.chain([own]).collect())?;
    for (step, gone) in [(&takes_over, vec![]), (&sends_away, vec![&alices])] {
        let made = scene.hers.commit_step(step, &[], &gone)?;
        let verdict = scene.mallory.commits(scene.id(), &made).await?;
        ensure!(verdict == Verdict::INVALID, "{verdict:?}");
        scene.comes_again().await?;
    }
    scene.is_as_before().await
}

/// Mallory commits what the server cannot tell from a commit, and nobody can follow. Both join anew in the
/// epoch after it, and say whose it was: her device commits no more.
#[tokio::test]
async fn who_makes_commits_that_nobody_can_follow_makes_no_more() -> Result<()> {
    let mut scene = Box::pin(Scene::begins()).await?;
    let made = scene.hers.commit(&[], &[])?.spoiled();
    let verdict = scene.mallory.commits(scene.id(), &made).await?;
    ensure!(verdict == Verdict::Taken, "{verdict:?}");
    let id = scene.id();
    let start = std::time::Instant::now();
    let state = loop {
        let state = scene.mallory.state(id).await?;
        if state.epoch >= made.epoch.next().next().next() {
            break state;
        }
        ensure!(start.elapsed() < PATIENCE, "they have not joined anew: {:?}", state.epoch);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    scene.room.all_talk("after it", &[&scene.alice, &scene.bob]).await?;
    let (_, joined) = scene.mallory.rogue().joins(scene.hers.claim(), &state.state)?;
    let verdict = scene.mallory.commits(id, &joined).await?;
    ensure!(verdict == Verdict::Refused(ErrorCode::CommitsSuspended), "{verdict:?}");
    // Whoever answers for the group sees whose it was; it is nobody else's business but her own.
    let seen = scene.alice.client().suspended_devices(scene.room.chat(&scene.alice).await?).await?;
    ensure!(seen.len() == 1 && seen[0].user_id == scene.mallory.rogue().who().user_id, "{seen:?}");
    ensure!(seen[0].device_id == *scene.mallory.rogue().device_id(), "{seen:?}");
    let seen = scene.bob.client().suspended_devices(scene.room.chat(&scene.bob).await?).await?;
    ensure!(seen.is_empty(), "{seen:?}");
    scene.room.all_talk("without fear", &[&scene.alice, &scene.bob]).await?;
    for who in [&scene.alice, &scene.bob] {
        ensure!(scene.room.texts(who).await?.len() == 6, "{:?}", scene.room.texts(who).await?);
    }
    Ok(())
}

/// Whoever was sent away, together with the operator of the server, puts the state of before in the place of the group. Alice
/// comes into it, since such a roster has counted once, and says nothing there before a commit has sent Mallory away again.
#[tokio::test]
async fn who_was_sent_away_reads_nothing_in_the_state_of_before() -> Result<()> {
    let scene = Box::pin(Scene::begins()).await?;
    let chat = scene.room.chat(&scene.alice).await?;
    let out = vec![scene.mallory.rogue().who().user_id];
    scene.room.done(&scene.alice, scene.alice.client().remove_from_group(chat, &out).await).await?;
    scene.room.all_talk("without her", &[&scene.alice, &scene.bob]).await?;
    let Scene { server: _server, hostile, mut alice, room, hers, bob, .. } = scene;
    alice.goes_offline().await?;
    let operator = hostile.takes_over(hers)?;
    operator.greets_with("I am back");
    alice.goes_online().await?;
    room.says(&alice, "what was not for Mallory").await?;
    operator.learns_nothing().await?;
    ensure!(!room.texts(&alice).await?.contains(&"I am back".to_owned()), "Mallory was heard");
    room.has_people(&alice, &[("alice", Role::Owner), ("bob", Role::Member)]).await?;
    hostile.becomes_honest();
    drop(bob);
    Ok(())
}

/// A stranger founds a group with Alice, and with a "Bob" under a key of the stranger's own. The server is in it, too.
/// Nothing is pinned, and Alice writes nothing where somebody has Bob's name who is not the Bob that she knows.
#[tokio::test]
async fn a_false_namesake_in_a_group_keeps_everybody_from_writing_there() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    let known = alice.client().contact(&bob.account().user_id).await?;
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let her = privmsg_testkit::hostile::Who::is(&alice).await?;
    let fake = mallory.rogue().another("bob", "tablet")?;
    let claim = Claim::group(mallory.rogue(), &[&her, &fake.who()])?;
    let mut group = mallory.rogue().founds(&claim)?;
    let packages = mallory.claims(&her.user_id).await?;
    let made = group.commit(&packages, &[])?;
    let room = Room(claim.chat_id);
    let operator = hostile.takes_over(group)?;
    operator.is_said_to_go_on(&hostile, Incarnation::FIRST)?;
    operator.passes_on(&hostile, &made)?;
    let chat = room.chat(&alice).await?;
    room.says(&alice, "for the true Bob").await?;
    operator.learns_nothing().await?;
    ensure!(alice.client().contact(&bob.account().user_id).await? == known, "another key is pinned");
    let seen = alice.client().group(chat).await?;
    ensure!(seen.people.iter().any(|person| person.user_id.as_str() == "bob" && person.other_identity), "{seen:?}");
    Ok(())
}

/// A server says that the conversation goes on in a group that there is not. Alice's device took its word, and threw the keys of hers away,
/// without a line.
#[tokio::test]
async fn a_next_group_that_there_is_not_ends_no_chat() -> Result<()> {
    let Scene { server: _server, hostile, mut alice, bob, room, hers, .. } = Box::pin(Scene::begins()).await?;
    alice.goes_offline().await?;
    let (id, next) = (hers.group_id(), privmsg_mls_public::group_id(&room.0, Incarnation(2)));
    let invented = serde_json::json!({
        "group_id": next, "kind": "group", "chat_id": room.0, "incarnation": 2, "epoch": 1, "seq": 1,
        "participants": ["alice", "bob", "mallory"], "devices": [],
    });
    let named = serde_json::json!(id);
    hostile.rewrites("GET groups", move |_, answer| {
        for list in ["groups", "unchanged"] {
            if let Some(groups) = answer.get_mut(list).and_then(serde_json::Value::as_array_mut) {
                groups.retain(|group| group["group_id"] != named);
            }
        }
        if let Some(groups) = answer.get_mut("groups").and_then(serde_json::Value::as_array_mut) {
            groups.push(invented.clone());
        }
    })?;
    alice.goes_online().await?;
    room.says(&bob, "is the key still there?").await?;
    room.hears(&alice, "is the key still there?").await?;
    room.all_talk("after", &[&alice, &bob]).await
}

/// As long as the server takes no join, nobody is told that they are in.
#[tokio::test]
async fn that_a_device_is_in_a_group_is_told_once_it_is() -> Result<()> {
    let Scene { server: _server, hostile, alice, bob, room, hers, .. } = Box::pin(Scene::begins()).await?;
    let commits = format!("POST groups/{}/commits", hers.group_id());
    hostile.answers(&commits, |_| {
        let body = serde_json::json!({ "type": "about:blank", "title": "", "status": 422, "code": "invalid_handshake", "detail": "" });
        Some(Answer { status: 422, body })
    })?;
    let tablet = alice.takes_another_device(&hostile.url()).await?;
    hostile.is_asked(&commits, 1).await?;
    let told = async || -> Result<usize> {
        // Before it has come to the group there is no chat.
        let items = tablet.client().history(&room.recipient(), 100).await.unwrap_or_default();
        let news = items.iter().filter_map(|item| item.message()?.group_news.clone());
        Ok(news.filter(|news| news.came_in).count())
    };
    ensure!(told().await? == 0, "the server has not taken it");
    hostile.stops_lying();
    until("that it is told", PATIENCE, || async { Ok((told().await? == 1).then_some(())) }).await?;
    room.all_talk("with the tablet", &[&tablet, &bob]).await?;
    ensure!(told().await? == 1, "once");
    Ok(())
}

/// The answer that somebody takes no part in a group may have been on its way while they were brought in.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_answer_of_before_somebody_was_brought_in_keeps_them_out_of_nothing() -> Result<()> {
    let server = Server::start().await?;
    let hostile = Arc::new(HostileServer::before(&server).await?);
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    // In the place of the invitation a notice comes that she is in the group, as to a device without a key package.
    let notice = Arc::new(Mutex::new(None));
    let (seen, late, mut is_over) = (Arc::clone(&notice), Arc::clone(&hostile), false);
    hostile.rewrites_frames(move |mut frame| {
        let is_invitation = frame.payload("message").is_some_and(|message| message["message_type"] == "key_exchange");
        if matches!(frame, Frame::FromServer(_)) && is_invitation && !std::mem::replace(&mut is_over, true) {
            let message = &mut frame.value_mut()["payload"];
            message["message_type"] = "device_sync".into();
            message["encrypted_content"] = "".into();
            ["seq", "epoch", "sender_device_id"].iter().for_each(|part| message[*part] = serde_json::Value::Null);
            *seen.lock().unwrap() = Some(frame.clone());
        }
        vec![frame]
    });
    hostile.answers("GET groups/*", move |_| {
        let frame = notice.lock().unwrap().take()?;
        late.tells(frame).unwrap();
        tokio::task::block_in_place(|| std::thread::sleep(Duration::from_secs(1)));
        let body = serde_json::json!({ "type": "about:blank", "title": "", "status": 404, "code": "unknown_group", "detail": "" });
        Some(Answer { status: 404, body })
    })?;
    let chat = bob.client().create_group("Choir", &names(&[&alice])).await?;
    let room = Room(bob.client().group(chat).await?.conversation);
    // She comes by herself, and hears what is said from then on.
    room.chat(&alice).await?;
    room.all_talk("together", &[&bob, &alice]).await
}

/// How many numbers are shown to Alice as missing after Bob has removed her from a group with Carol: before that, she or he said
/// something, one after the other, and her server kept from her what says that it has come.
async fn missing_after_a_removal(
    is_kept_back: impl Fn(&Frame) -> bool + Send + 'static,
    said_by_alice: &[bool],
) -> Result<u64> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let (bob, carol) = (server.person("bob").await?, server.person("carol").await?);
    let room = Room::founded(&bob, "Choir", &[&alice, &carol]).await?;
    room.all_talk("first", &[&alice, &bob, &carol]).await?;
    hostile.rewrites_frames(move |frame| {
        let is_kept_back = matches!(frame, Frame::FromServer(_)) && is_kept_back(&frame);
        if is_kept_back { Vec::new() } else { vec![frame] }
    });
    for (number, is_alice) in said_by_alice.iter().enumerate() {
        let text = format!("last {number}");
        room.says(if *is_alice { &alice } else { &bob }, &text).await?;
        room.hears(&carol, &text).await?;
    }
    let (hers, his) = (room.chat(&alice).await?, room.chat(&bob).await?);
    room.done(&bob, bob.client().remove_from_group(his, &names(&[&alice])).await).await?;
    let is_out = || async { Ok((alice.client().group(hers).await?.gone == Some(Gone::Removed)).then_some(())) };
    until("alice is out", PATIENCE, is_out).await?;
    room.gaps(&alice).await
}

/// Nothing comes behind a removal by which somebody would miss what was withheld before it.
#[tokio::test]
async fn what_is_withheld_before_a_removal_is_missed() -> Result<()> {
    let is_text = |frame: &Frame| frame.payload("message").is_some_and(|message| message["message_type"] == "text");
    ensure!(missing_after_a_removal(is_text, &[false]).await? == 1);
    Ok(())
}

#[tokio::test]
async fn whose_own_words_were_not_answered_before_a_removal_misses_nothing() -> Result<()> {
    let is_answer = |frame: &Frame| frame.payload("ack").is_some();
    ensure!(missing_after_a_removal(is_answer, &[true]).await? == 0);
    ensure!(
        missing_after_a_removal(is_answer, &[true, false]).await? == 0,
        "also where others said something behind it"
    );
    Ok(())
}
