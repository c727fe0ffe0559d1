//! Attacks that have succeeded once, and their neighbours: by whoever runs the server, and by other users of an honest one.

mod deliveries;
mod device_lists;
mod first_contact;
mod joins;
mod newcomers;
mod other_groups;
mod other_people;
mod own_devices;
mod requests;
mod senders;
mod strangers;
mod the_past;
mod vandals;

use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_client::{ClientError, MessageKind};
use privmsg_protocol::rest::GroupKind;
use privmsg_protocol::{Incarnation, UserId};
use privmsg_testkit::hostile::{Claim, Forged, HostileMember, HostileServer, Operator, Verdict, Who};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

/// What a client does by itself after it has taken a message is done within this time.
const SETTLING: Duration = Duration::from_secs(4);

/// Alice and Bob have talked. What she takes for the server is a hostile one that has not lied yet.
async fn alice_is_watched() -> Result<(Server, HostileServer, Person, Person)> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    bob.says(&alice, "Hi Alice").await?;
    alice.hears(&bob, "Hi Alice").await?;
    Ok((server, hostile, alice, bob))
}

/// Has a server invite somebody to a group that an honest one refuses, and something said in it.
async fn is_let_through(hostile: &HostileServer, operator: &Operator, made: &Forged, text: &str) -> Result<()> {
    operator.is_said_to_go_on(hostile, Incarnation::FIRST)?;
    let id = operator.group_id();
    operator.passes_on(hostile, made)?;
    hostile.is_asked(&format!("GET groups/{id}"), 1).await?;
    operator.says(hostile, text)
}

/// Waits until somebody has taken what the server has for them, and has done what follows from it.
async fn has_taken_all(person: &Person, server: &Server) -> Result<()> {
    let user = &person.account().user_id;
    until("that no message waits", PATIENCE, || async { Ok((server.waiting_for(user)? == 0).then_some(())) }).await?;
    tokio::time::sleep(SETTLING).await;
    Ok(())
}

/// Whether a line in the chat says that the server has led it back.
async fn has_gone_back(person: &Person, with: &Person) -> Result<bool> {
    Ok(person.messages(with).await?.iter().any(|message| message.kind == MessageKind::WentBack))
}

/// Nothing is known of somebody: no key is pinned, and no chat is there.
async fn knows_nothing_of(person: &Person, name: &str) -> Result<()> {
    let user: UserId = name.parse()?;
    let texts = person.texts(&user).await.unwrap_or_default();
    ensure!(texts.is_empty(), "in the chat with {user} stands {texts:?}");
    let contact = person.client().contact(&user).await;
    ensure!(matches!(contact, Err(ClientError::UnknownContact(_))), "{user} is a contact: {contact:?}");
    let chats = person.client().chats().await?;
    ensure!(chats.is_empty(), "{chats:?}");
    Ok(())
}

/// The tools themselves: what is changed by no rule arrives as it was sent.
#[tokio::test]
async fn a_hostile_server_that_does_not_lie_is_a_good_one() -> Result<()> {
    let (_server, hostile, alice, bob) = alice_is_watched().await?;
    let path = alice.file("film");
    std::fs::write(&path, vec![7; 3_000_000])?;
    alice.shows(&bob, "a film", &[&path]).await?;
    bob.hears(&alice, "a film").await?;
    bob.shows(&alice, "the same", &[&path]).await?;
    let film = alice.hears(&bob, "the same").await?;
    alice.client().wait_files(film.id).await?;
    hostile.becomes_honest();
    let tablet = alice.takes_another_device(&hostile.url()).await?;
    bob.says(&alice, "and now?").await?;
    tablet.hears(&bob, "and now?").await?;
    ensure!(hostile.times_asked("POST groups/*/commits") > 0, "requests were counted");
    alice.hears(&bob, "and now?").await.map(drop)
}

/// The tools themselves: whoever keeps to the rules is heard, whatever their client is.
#[tokio::test]
async fn a_hostile_member_that_keeps_the_rules_is_heard() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let claim = Claim::direct(&Who::is(&alice).await?, &mallory.rogue().who())?;
    let mut group = mallory.rogue().founds(&claim)?;
    let packages = mallory.claims(&alice.account().user_id).await?;
    let made = group.commit(&packages, &[])?;
    let verdict = mallory.creates(GroupKind::Direct, &[&alice.account().user_id], &claim, &made).await?;
    ensure!(verdict == Verdict::Taken, "{verdict:?}");
    mallory.says(&mut group, "Hi, I am Mallory").await?;
    alice.hears(&mallory.rogue().who().user_id, "Hi, I am Mallory").await.map(drop)
}
