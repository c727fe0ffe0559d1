//! What changes in a group is told, whichever way it comes.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{GroupNews, MessageView, Role};
use privmsg_e2ee::{OsRng, Participant, Roster};
use privmsg_protocol::{Incarnation, UserId};
use privmsg_testkit::hostile::{Claim, HostileMember, Verdict, Who};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Clock, Person, Server};

use super::{Room, names};

/// Waits until somebody is told of this, by whose word it is.
async fn is_told(room: Room, who: &Person, by: &UserId, wanted: &GroupNews) -> Result<()> {
    let look = || async {
        let told = room.news(who).await?;
        Ok(told.iter().any(|(sender, news)| sender == by && news == wanted).then_some(()))
    };
    match until("that it is told", PATIENCE, look).await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(format!("{wanted:?}; told is {:?}", room.news(who).await?))),
    }
}

/// An admin lets somebody in and wants nobody to see it: no commit says so, but a group in which the conversation goes on. Everybody
/// wrote for Eve, and not one line said that she was there; whoever had been away was told besides that they were put out.
#[tokio::test]
async fn who_comes_with_the_next_group_is_told() -> Result<()> {
    let server = Server::start().await?;
    let (alice, mut bob, eve) =
        (server.person("alice").await?, server.person("bob").await?, server.person("eve").await?);
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let (her, hers) = (Who::is(&eve).await?, mallory.rogue().who().user_id);
    let chat = alice.client().create_group("Choir", &[names(&[&bob]), vec![hers.clone()]].concat()).await?;
    alice.client().wait_group_made(chat).await?;
    let room = Room(alice.client().group(chat).await?.conversation);
    room.is_called(&bob, "Choir").await?;
    room.done(&alice, alice.client().set_role(chat, &hers, Role::Admin).await).await?;
    room.all_talk("before", &[&alice, &bob]).await?;
    bob.goes_offline().await?;

    let state = mallory.state(privmsg_mls_public::group_id(&room.0, Incarnation::FIRST)).await?;
    let read = |roster: Option<&privmsg_protocol::Opaque>| -> Result<Roster> {
        Ok(Roster::decode(&roster.context("a roster")?.decode().context("base64")?)?)
    };
    let (founding, roster) = (read(state.founding_roster.as_ref())?, read(state.roster.as_ref())?);
    let people =
        [roster.participants().to_vec(), vec![Participant::member(her.user_id.clone(), her.identity)]].concat();
    let step = mallory.rogue().signing_key().next_roster(&[&roster], people, &mut OsRng)?;
    let claim = Claim::with_roster_in(&founding, &step, Incarnation(2));
    let mut packages = Vec::new();
    for user in names(&[&alice, &bob, &eve]) {
        packages.extend(mallory.claims(&user).await?);
    }
    let made = mallory.rogue().founds(&claim)?.commit(&packages, &[])?;
    let verdict = mallory.leads_on(Incarnation(2), &claim, &made).await?;
    ensure!(verdict == Verdict::Taken, "{verdict:?}");

    let went_on = GroupNews { went_on: true, ..GroupNews::default() };
    let added = GroupNews { added: vec![her.user_id], ..GroupNews::default() };
    bob.goes_online().await?;
    for who in [&alice, &bob] {
        is_told(room, who, &who.account().user_id, &went_on).await?;
        is_told(room, who, &hers, &added).await?;
        let told = room.news(who).await?;
        let lost = told.iter().filter(|(_, news)| news.unknown_to_server || news.came_in || news.unseen);
        ensure!(lost.count() == 0, "{told:?}");
        ensure!(told.iter().filter(|(_, news)| news.went_on).count() == 1, "{told:?}");
    }
    room.all_talk("with Eve", &[&alice, &bob]).await
}

/// Bob is away for longer than commits wait for him, and joins anew.
#[tokio::test]
async fn what_has_changed_before_one_joins_anew_is_told_by_whose_word() -> Result<()> {
    let server = Server::start_with(&[("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "24".to_owned())]).await?;
    let (alice, mut bob) = (server.person("alice").await?, server.person("bob").await?);
    let (carol, dave) = (server.person("carol").await?, server.person("dave").await?);
    let room = Room::founded(&alice, "Choir", &[&bob, &carol]).await?;
    let chat = room.chat(&alice).await?;
    room.all_talk("before", &[&alice, &bob, &carol]).await?;
    bob.goes_offline().await?;
    let [carols, daves] = [&carol, &dave].map(|person| person.account().user_id.clone());
    room.done(&alice, alice.client().set_role(chat, &carols, Role::Admin).await).await?;
    let hers = room.chat(&carol).await?;
    room.done(&carol, carol.client().add_to_group(hers, std::slice::from_ref(&daves)).await).await?;
    for number in 0..30 {
        let said = room.says(&alice, &format!("line {number}")).await?;
        alice.delivered(&said).await?;
    }
    bob.goes_online().await?;
    let added = GroupNews { added: vec![daves], ..GroupNews::default() };
    is_told(room, &bob, &carols, &added).await?;
    let role = GroupNews { roles: vec![(carols, "admin".to_owned())], ..GroupNews::default() };
    is_told(room, &bob, &alice.account().user_id, &role).await?;
    room.all_talk("after", &[&alice, &bob, &carol, &dave]).await?;
    let told = room.news(&bob).await?;
    ensure!(
        told.iter().all(|(_, news)| !(news.came_in || news.unknown_to_server || news.went_on || news.unseen)),
        "{told:?}"
    );
    ensure!(told.iter().filter(|(_, news)| *news == added).count() == 1, "once: {told:?}");
    Ok(())
}

/// Whoever was away is told when something was changed, not when they hear of it; and on another device of one's own it is news.
#[tokio::test]
async fn a_change_is_dated_when_it_was_made() -> Result<()> {
    const AWAY_S: i64 = 3 * 3600;
    let server = Server::start().await?;
    let (alice, clock) = (server.person("alice").await?, Clock::right());
    let (carol, account) = (server.person("carol").await?, server.admin().creates("bob").await?);
    let mut bob = Person::signs_in_by(&server.url(), &account, Arc::new(clock.clone())).await?;
    bob.goes_online().await?;
    let room = Room::founded(&alice, "Choir", &[&bob]).await?;
    let phone = alice.takes_another_device(&server.url()).await?;
    room.is_called(&phone, "Choir").await?;
    room.all_talk("before", &[&alice, &bob, &phone]).await?;
    bob.goes_offline().await?;
    let chat = room.chat(&alice).await?;
    room.done(&alice, alice.client().add_to_group(chat, &names(&[&carol])).await).await?;
    room.all_talk("since", &[&alice, &phone, &carol]).await?;
    clock.advance(AWAY_S);
    bob.goes_online().await?;
    room.hears(&bob, "since, carol 2").await?;
    let added = |message: &MessageView| {
        message.group_news.as_ref().is_some_and(|news| news.added == names(&[&carol])).then(|| message.clone())
    };
    let late = room.messages(&bob).await?.iter().find_map(added).context("bob is told")?;
    let age_s = (privmsg_client::Clock::now_ms(&clock) - late.sent_at) / 1000;
    ensure!(age_s >= AWAY_S - 60, "it is dated {age_s} seconds ago");
    for (who, here) in [(&alice, true), (&phone, false), (&bob, false)] {
        let told = room.messages(who).await?.iter().find_map(added).context("each is told")?;
        ensure!(told.group_news.is_some_and(|news| news.here == here), "{}", who.account().user_id);
    }
    Ok(())
}
