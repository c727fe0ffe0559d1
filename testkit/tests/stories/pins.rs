//! What a user's devices know of contacts, together, and what is left when one of them was a thief's; links that contradict
//! what is known.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{
    ChangedBy, ClientError, ContactInfo, ContactLink, Known, LinkFrom, MessageKind, MessageState, Weight,
};
use privmsg_e2ee::{AccountKey, OsRng};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_testkit::hostile::HostileServer;
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{accepts, alice_and_bob, verifies};

async fn id_of(person: &Person) -> Result<DeviceId> {
    person.client().whoami().await?.device_id.context("a device id")
}

/// A link that is Bob's by its name, with a key of somebody else's.
async fn false_link(bob: &Person) -> Result<ContactLink> {
    let identity = AccountKey::generate(&mut OsRng).public();
    Ok(ContactLink { identity, ..bob.client().contact_link().await? })
}

/// Looks at the other number of a contact, and refuses it.
async fn refuses(who: &Person, contact: &UserId) -> Result<bool> {
    let seen = who.client().contact(contact).await?.to_compare().clone();
    Ok(who.client().refuse_identity_change(contact, &seen).await?)
}

/// What somebody has written before is out, where it can be.
async fn settles(who: &Person) -> Result<()> {
    let note = who.says(who, "meanwhile").await?;
    who.delivered(&note).await
}

async fn becomes(who: &Person, contact: &UserId, what: &str, like: impl Fn(&ContactInfo) -> bool) -> Result<()> {
    until(what, PATIENCE, || async {
        Ok(who.client().contact(contact).await.ok().filter(|contact| like(contact)).map(drop))
    })
    .await
}

#[tokio::test]
async fn a_new_device_begins_with_what_the_others_know_and_tells_what_it_learns() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let carol = server.person("carol").await?;
    let (name, carols) = (bob.account().user_id.clone(), carol.account().user_id.clone());
    for (with, text) in [(&bob, "hello Bob"), (&carol, "hello Carol")] {
        alice.says(with, text).await?;
        with.hears(&alice, text).await?;
    }
    verifies(&alice, &name).await?;

    // Before it has ever been online: a server has no moment in which to show it another key.
    let mut tablet = alice.links(&server.url()).await?;
    let known = tablet.client().contact(&name).await?;
    ensure!(known.verified && known.safety_number == alice.client().contact(&name).await?.safety_number);
    ensure!(tablet.client().contact(&carols).await?.known() == Known::SeenFirst);
    let words = tablet.client().contact_words(&name).await?;
    ensure!(words.len() == 1 && words[0].said_by == Some(id_of(&alice).await?), "{words:?}");

    tablet.goes_online().await?;
    verifies(&tablet, &carols).await?;
    becomes(&alice, &carols, "that the first device hears of it", |carol| carol.verified).await?;
    let words = alice.client().contact_words(&carols).await?;
    let of_tablet = words.iter().find(|word| word.said_by.is_some()).context("a word of the tablet's")?;
    ensure!(of_tablet.said_by == Some(id_of(&tablet).await?) && of_tablet.known == Known::Verified, "{words:?}");
    tablet.says(&bob, "from the tablet").await?;
    bob.hears(&alice, "from the tablet").await.map(drop)
}

/// The thief of an unlocked device says that Bob is somebody else. It is shown, nothing is sent, and after the recovery
/// everything is as it was.
#[tokio::test]
async fn what_a_stolen_device_says_of_contacts_does_not_outlast_the_recovery() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let name = bob.account().user_id.clone();
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    let before = alice.client().contact(&name).await?;
    let stolen = alice.takes_another_device(&server.url()).await?;
    let thief = id_of(&stolen).await?;
    verifies(&stolen, &name).await?;
    becomes(&alice, &name, "the mark", |bob| bob.verified).await?;
    stolen.client().add_contact(&false_link(&bob).await?, LinkFrom::InPerson, None).await?;
    ensure!(accepts(&stolen, &name).await?);

    let by = Some(ChangedBy::Device(thief.clone()));
    becomes(&alice, &name, "the contradiction", |bob| bob.changed_by == by).await?;
    let held = alice.client().contact(&name).await?;
    ensure!(held.safety_number == before.safety_number && held.changed.is_some(), "nothing was replaced");
    let line = alice.messages(&bob).await?.into_iter().find(|line| line.kind == MessageKind::KnownOtherwise);
    ensure!(line.is_some_and(|line| line.text == thief.as_str()), "a line names the device");
    let kept = alice.says(&bob, "is it you?").await?;
    settles(&alice).await?;
    ensure!(!bob.texts(&alice).await?.contains(&"is it you?".to_owned()));

    alice.client().remove_stolen(std::slice::from_ref(&thief), alice.words()?).await?;
    becomes(&alice, &name, "that it is as before", |bob| *bob == before).await?;
    alice.delivered(&kept).await?;
    bob.hears(&alice, "is it you?").await?;
    let waiting = alice.client().contacts_to_confirm().await?;
    ensure!(
        waiting.len() == 1 && waiting[0].said_by == Some(thief) && waiting[0].known == Known::Verified,
        "{waiting:?}"
    );
    let notes = alice.messages(&alice).await?;
    ensure!(notes.iter().any(|line| line.kind == MessageKind::ToConfirm), "a line says so");
    ensure!(alice.client().put_contact_words_aside(&name).await?);
    ensure!(alice.client().contacts_to_confirm().await?.is_empty());
    let words = alice.client().contact_words(&name).await?;
    ensure!(words.iter().any(|word| word.weight == Weight::Aside) && alice.client().contact(&name).await? == before);
    Ok(())
}

/// What was seen first is nobody's but the server's word: a link against it is not thrown away.
#[tokio::test]
async fn a_link_that_contradicts_stops_what_is_sent_until_the_user_decides() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let name = bob.account().user_id.clone();
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    let before = alice.client().contact(&name).await?;
    let link = false_link(&bob).await?;
    let published = alice.client().published_key(&name).await?;
    let added = alice.client().add_contact(&link, LinkFrom::Anywhere, published).await?;
    ensure!(added.changed_by == Some(ChangedBy::Link) && added.safety_number == before.safety_number, "{added:?}");
    let kept = alice.says(&bob, "which of you?").await?;
    settles(&alice).await?;
    ensure!(!bob.texts(&alice).await?.contains(&"which of you?".to_owned()));
    // What comes from him meanwhile decides nothing.
    bob.says(&alice, "me, honestly").await?;
    alice.hears(&bob, "me, honestly").await?;
    ensure!(alice.client().is_held(&name).await?);
    ensure!(refuses(&alice, &name).await?);
    alice.delivered(&kept).await?;
    bob.hears(&alice, "which of you?").await?;
    ensure!(as_before(alice.client().contact(&name).await?, 1)? == before);
    Ok(())
}

/// A key that was refused comes into no group of the user's making, whatever the server says.
#[tokio::test]
async fn a_refused_key_is_brought_into_no_group() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    let name = bob.account().user_id.clone();
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    let server_of_alice = alice.client().contact_link().await?.server;
    let link = ContactLink { server: server_of_alice, ..false_link(&bob).await? };
    let published = alice.client().published_key(&name).await?;
    alice.client().add_contact(&link, LinkFrom::Anywhere, published).await?;
    ensure!(refuses(&alice, &name).await?);
    let other = link.identity.to_string();
    hostile.rewrites("GET users/bob", move |_, profile| profile["public_key"] = other.clone().into())?;
    let made = alice.client().create_group("Choir", std::slice::from_ref(&name)).await;
    ensure!(matches!(&made, Err(ClientError::KeyChanged(user)) if *user == name), "{made:?}");
    Ok(())
}

/// The server, or somebody with his access key, puts another identity in his place: she can say no to it, and is not asked
/// again, and nothing goes there.
#[tokio::test]
async fn a_false_change_of_a_verified_contact_can_be_refused() -> Result<()> {
    let (server, alice, mut bob) = alice_and_bob().await?;
    let name = bob.account().user_id.clone();
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    verifies(&alice, &name).await?;
    let before = alice.client().contact(&name).await?;
    bob.goes_offline().await?;
    let mut impostor = bob.starts_anew(&server).await?;
    impostor.goes_online().await?;
    impostor.says(&alice, "I am Bob").await?;
    becomes(&alice, &name, "the change", |bob| bob.changed.is_some()).await?;
    let kept = alice.says(&bob, "a secret").await?;
    ensure!(refuses(&alice, &name).await? && !refuses(&alice, &name).await?);
    impostor.says(&alice, "believe me").await?;
    settles(&alice).await?;
    ensure!(as_before(alice.client().contact(&name).await?, 1)? == before, "the question comes again");
    let message = alice.client().message(kept.id).await?.context("a message")?;
    ensure!(message.state == MessageState::Queued, "{:?}", message.state);
    ensure!(!impostor.texts(&alice).await?.contains(&"a secret".to_owned()));
    ensure!(!alice.texts(&bob).await?.contains(&"believe me".to_owned()), "nor is it heard");
    Ok(())
}

/// A contact without the keys that were refused since, of which there are so many.
fn as_before(mut contact: ContactInfo, refused: usize) -> Result<ContactInfo> {
    ensure!(contact.refused.len() == refused, "{contact:?}");
    contact.refused.clear();
    Ok(contact)
}
