//! A server that gives a false identity before two have ever talked. Nothing that goes through the server can tell that from
//! the true one; what came another way can: a contact link.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{ChangedBy, ContactLink, Event, Known, LinkFrom, MessageState, Sent};
use privmsg_testkit::hostile::{HostileServer, Who};
use privmsg_testkit::{Person, Server};
use serde_json::json;

use super::SETTLING;

const SECRET: &str = "the door code is 31-41-59";

/// What Alice's server shows her: a "bob" who is its operator, with an identity and devices of his own, and all of whose
/// signatures hold. The true Bob sees another world, in which nothing is wrong.
struct World {
    hostile: HostileServer,
    alice: Person,
    operator: Person,
    link: ContactLink,
    _servers: [Server; 2],
}

async fn a_false_bob() -> Result<World> {
    let (shown, true_one) = (Server::start().await?, Server::start().await?);
    let hostile = HostileServer::before(&shown).await?;
    let alice = Person::signs_in(&hostile.url(), &shown.admin().creates("alice").await?).await?;
    let operator = shown.person("bob").await?;
    let bob = true_one.person("bob").await?;
    // For Bob, too, the server stands where it stands for her.
    let link = ContactLink { server: hostile.url(), ..bob.client().contact_link().await? };
    ensure!(link.identity != Who::is(&operator).await?.identity);
    Ok(World { hostile, alice, operator, link, _servers: [shown, true_one] })
}

impl World {
    /// Alice adds Bob by his link, as the program does: she asks the server as well.
    async fn alice_adds_bob(&self) -> Result<()> {
        let client = self.alice.client();
        let published = client.published_key(&self.link.user_id).await?;
        let added = client.add_contact(&self.link, LinkFrom::Anywhere, published).await?;
        ensure!(added.known() == Known::ByLink);
        Ok(())
    }

    /// What Alice says waits, what the operator says is not shown as Bob's, and Bob's key stays the one of his link.
    async fn nothing_passes(&mut self, sent: &Sent) -> Result<()> {
        let bob = self.link.user_id.clone();
        let right = self.alice.client().contact(&bob).await?.safety_number;
        self.operator.says(&self.alice, "Hi Alice, it is Bob").await?;
        tokio::time::sleep(SETTLING).await;
        let read = self.operator.texts(&self.alice).await.unwrap_or_default();
        ensure!(!read.iter().any(|text| text == SECRET), "the operator has read {read:?}");
        let state = self.alice.client().message(sent.id).await?.map(|message| message.state);
        ensure!(state == Some(MessageState::Queued), "{state:?}");
        let shown = self.alice.texts(&bob).await?;
        ensure!(shown == [SECRET], "Alice is shown {shown:?}");
        let contact = self.alice.client().contact(&bob).await?;
        ensure!(contact.safety_number == right && contact.known() == Known::ByLink && contact.changed.is_some());
        ensure!(self.alice.client().is_held(&bob).await?);
        Ok(())
    }
}

/// What cannot be prevented by what the server serves, and why there are links and safety numbers.
#[tokio::test]
async fn a_false_identity_reads_whoever_has_nothing_to_compare_it_with() -> Result<()> {
    let world = a_false_bob().await?;
    world.alice.says(&world.link.user_id, SECRET).await?;
    world.operator.hears(&world.alice, SECRET).await?;
    let contact = world.alice.client().contact(&world.link.user_id).await?;
    ensure!(contact.known() == Known::SeenFirst && contact.changed.is_none());
    // Too late for the link to keep that secret, but it uncovers it, and keeps all that follow.
    let added = world.alice.client().add_contact(&world.link, LinkFrom::InPerson, None).await?;
    ensure!(added.changed_by == Some(ChangedBy::InPerson) && added.safety_number == contact.safety_number);
    let next = world.alice.says(&world.link.user_id, "and where").await?;
    let note = world.alice.says(&world.alice, "meanwhile").await?;
    world.alice.delivered(&note).await?;
    ensure!(!world.operator.texts(&world.alice).await?.contains(&"and where".to_owned()));
    let state = world.alice.client().message(next.id).await?.map(|message| message.state);
    ensure!(state == Some(MessageState::Queued), "{state:?}");
    Ok(())
}

/// Who has been in between goes on saying things, until Alice says something: they stood there as the verified contact's.
#[tokio::test]
async fn a_false_identity_is_not_heard_any_more_once_the_true_one_is_accepted() -> Result<()> {
    let world = a_false_bob().await?;
    let (alice, bob) = (&world.alice, world.link.user_id.clone());
    alice.says(&bob, SECRET).await?;
    world.operator.hears(alice, SECRET).await?;
    let mut sent = Vec::new();
    for text in ["the first", "the second"] {
        sent.push(world.operator.says(alice, text).await?);
        alice.hears(&bob, text).await?;
    }
    alice.client().add_contact(&world.link, LinkFrom::InPerson, None).await?;
    let changed = alice.client().contact(&bob).await?.changed.context("another key")?;
    ensure!(alice.client().accept_identity_change(&bob, &changed).await?);
    let contact = alice.client().contact(&bob).await?;
    ensure!(contact.verified && contact.changed.is_none());
    let next = world.operator.says(alice, "and now the code of the safe").await?;
    world.operator.delivered(&next).await?;
    world.operator.client().edit(sent[0].message_id, "something else".into()).await?;
    let said = world.operator.client().delete(sent[1].message_id).await?.context("it was sent")?;
    world.operator.acknowledged(&said).await?;
    world.operator.client().react(sent[0].message_id, "👍".into(), false).await?;
    let note = alice.says(alice, "meanwhile").await?;
    alice.delivered(&note).await?;
    tokio::time::sleep(SETTLING).await;
    let shown = alice.messages(&bob).await?;
    let shown: Vec<_> = shown.iter().filter(|message| !message.kind.is_notice() && !message.is_doubtful()).collect();
    let texts: Vec<_> = shown.iter().map(|message| message.text.as_str()).collect();
    ensure!(texts == [SECRET, "the first", "the second"], "{texts:?}");
    ensure!(shown.iter().all(|message| !message.deleted && message.reactions.is_empty()), "{shown:?}");
    ensure!(alice.client().contact(&bob).await?.safety_number == changed, "the true one counts");
    Ok(())
}

#[tokio::test]
async fn a_false_identity_reads_nothing_from_whoever_has_the_link() -> Result<()> {
    let mut world = a_false_bob().await?;
    world.alice_adds_bob().await?;
    let added = world.alice.client().contact(&world.link.user_id).await?;
    ensure!(added.changed.is_some(), "what the server says is not shown");
    let sent = world.alice.says(&world.link.user_id, SECRET).await?;
    world.nothing_passes(&sent).await
}

/// The server tells the truth when the link is added, and lies when something is said.
#[tokio::test]
async fn a_false_identity_that_comes_after_the_link_reads_nothing() -> Result<()> {
    let mut world = a_false_bob().await?;
    let truth = world.link.identity.to_string();
    world.hostile.rewrites("GET users/bob", move |_, profile| profile["public_key"] = json!(truth))?;
    world.alice_adds_bob().await?;
    ensure!(world.hostile.times_asked("GET users/bob") > 0, "the server was not asked");
    ensure!(world.alice.client().contact(&world.link.user_id).await?.changed.is_none());
    world.hostile.stops_lying();
    let sent = world.alice.says(&world.link.user_id, SECRET).await?;
    world.alice.sees("the change", |event| matches!(event, Event::IdentityChanged { blocked: true, .. })).await?;
    world.nothing_passes(&sent).await
}

/// The server goes on with the true profile, and has only the operator's devices to offer.
#[tokio::test]
async fn a_true_profile_with_false_devices_reads_nothing() -> Result<()> {
    let world = a_false_bob().await?;
    let truth = world.link.identity.to_string();
    world.hostile.rewrites("GET users/bob", move |_, profile| profile["public_key"] = json!(truth))?;
    world.alice_adds_bob().await?;
    let sent = world.alice.says(&world.link.user_id, SECRET).await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(!world.operator.texts(&world.alice).await.unwrap_or_default().iter().any(|text| text == SECRET));
    let state = world.alice.client().message(sent.id).await?.map(|message| message.state);
    ensure!(state == Some(MessageState::Queued), "{state:?}");
    ensure!(world.alice.client().contact(&world.link.user_id).await?.known() == Known::ByLink);
    Ok(())
}
