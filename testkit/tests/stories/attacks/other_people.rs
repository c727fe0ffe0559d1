//! Users of an honest server who say that they are somebody else. A certificate for any name is valid under one's own key;
//! what tells them apart is who the server says has a group, and which keys are pinned.

use anyhow::{Result, ensure};
use privmsg_client::{ClientError, Event};
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::GroupKind;
use privmsg_testkit::hostile::{Claim, HostileMember, HostileServer, Verdict, Who};
use privmsg_testkit::{Account, Person, Server};

use super::{alice_is_watched, has_taken_all, is_let_through, knows_nothing_of};

/// The server has a chat of Alice and Mallory; in it, by its own words, talk Alice and Bob. Once, Alice had a chat with
/// "bob" then, with Mallory's key pinned as his, and the real Bob could not reach her any more. An honest server takes no
/// such chat; one that lets it through gains nothing.
#[tokio::test]
async fn nobody_begins_a_chat_as_somebody_else() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let (her, fake) = (Who::is(&alice).await?, mallory.rogue().poses_as("bob")?);
    let true_one = Claim::direct(&her, &mallory.rogue().who())?;
    let claim = Claim::direct(&her, &fake.who())?.under(true_one.group_id);
    let claim = Claim { people: true_one.people, ..claim };
    let packages = mallory.claims(&her.user_id).await?;
    let mut group = fake.founds(&claim)?;
    let made = group.commit(&packages, &[])?;
    let verdict = mallory.creates(GroupKind::Direct, &[&her.user_id], &claim, &made).await?;
    ensure!(verdict == Verdict::INVALID, "{verdict:?}");
    let text = "Hi Alice, it is Bob. Send me the door code?";
    is_let_through(&hostile, &hostile.takes_over(group)?, &made, text).await?;
    has_taken_all(&alice, &server).await?;
    // Mallory has asked, by the server's word; nothing of it can be read, and it is not about Bob.
    let asked = alice.client().requests().await?;
    ensure!(asked.iter().all(|request| request.is_unread && request.from.as_str() == "mallory"), "{asked:?}");
    let bobs = alice.client().contact(&bob.account().user_id).await;
    ensure!(matches!(bobs, Err(ClientError::UnknownContact(_))), "{bobs:?}");
    hostile.becomes_honest();
    bob.says(&alice, "this is the real Bob").await?;
    alice.hears(&bob, "this is the real Bob").await?;
    let contact = alice.client().contact(&bob.account().user_id).await?;
    ensure!(contact.safety_number == bob.client().contact(&her.user_id).await?.safety_number, "another key is pinned");
    Ok(())
}

/// The same without a client of one's own: Mallory's network swaps two names. What begins her identity is signed for a name.
#[tokio::test]
async fn nobody_begins_a_chat_as_somebody_else_by_renaming() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob) = (server.person("alice").await?, server.person("bob").await?);
    let network = HostileServer::before(&server).await?;
    network.renames("mallory", "bob");
    let access_key = server.admin().creates("mallory").await?.access_key;
    let account = Account { user_id: bob.account().user_id.clone(), access_key };
    let refused = Person::signs_in(&network.url(), &account).await.map(drop);
    ensure!(format!("{refused:?}").contains("another user's"), "{refused:?}");
    ensure!(network.times_asked("POST users/me/identity") == 1);
    has_taken_all(&alice, &server).await?;
    knows_nothing_of(&alice, "bob").await?;
    bob.says(&alice, "this is the real Bob").await?;
    alice.hears(&bob, "this is the real Bob").await.map(drop)
}

/// A group of several, with a device of "bob" in it under Mallory's key, makes nobody who knows Bob doubt him. Once, it
/// replaced his key, or had Alice asked whether she accepts the new one, and threw his devices out of their chat. An honest
/// server takes no group with somebody under another key than the one that they have published.
async fn a_group_says_nothing_about(verified: bool) -> Result<()> {
    let (server, hostile, mut alice, bob) = alice_is_watched().await?;
    let his = bob.account().user_id.clone();
    if verified {
        super::super::verifies(&alice, &his).await?;
    }
    let (before, leaves) = (alice.client().contact(&his).await?, server.leaves()?);
    let mut mallory = HostileMember::signs_up(&server, "mallory").await?;
    let (her, fake) = (Who::is(&alice).await?, mallory.rogue().another("bob", "tablet")?);
    let claim = Claim::group(mallory.rogue(), &[&her, &fake.who()])?;
    let mut group = mallory.rogue().founds(&claim)?;
    let mut packages = mallory.claims(&her.user_id).await?;
    packages.push(fake.key_package()?);
    let made = group.commit(&packages, &[])?;
    let verdict = mallory.creates(GroupKind::Group, &[&her.user_id], &claim, &made).await?;
    ensure!(verdict == Verdict::Refused(ErrorCode::InvalidRoster), "{verdict:?}");
    is_let_through(&hostile, &hostile.takes_over(group)?, &made, "welcome to the club").await?;
    has_taken_all(&alice, &server).await?;
    let after = alice.client().contact(&his).await?;
    ensure!(after == before, "{before:?} has become {after:?}");
    let told = async { alice.sees("a change", |event| matches!(event, Event::IdentityChanged { .. })).await };
    ensure!(tokio::time::timeout(std::time::Duration::from_millis(10), told).await.is_err(), "a change was shown");
    ensure!(server.leaves()? == leaves, "leaves have come or gone");
    hostile.becomes_honest();
    alice.says(&bob, "are you still there?").await?;
    bob.hears(&alice, "are you still there?").await?;
    bob.says(&alice, "of course").await?;
    alice.hears(&bob, "of course").await.map(drop)
}

#[tokio::test]
async fn a_group_with_a_false_device_of_a_contact_changes_no_key() -> Result<()> {
    Box::pin(a_group_says_nothing_about(false)).await
}

#[tokio::test]
async fn a_group_with_a_false_device_of_a_verified_contact_stops_nothing() -> Result<()> {
    Box::pin(a_group_says_nothing_about(true)).await
}
