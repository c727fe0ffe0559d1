//! Writing to somebody who has no device at the moment, and coming back with another identity while the others sleep.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Event, MessageState, Reason, Unreachable};
use privmsg_protocol::ErrorCode;
use privmsg_testkit::{Person, Server};

use super::{alice_and_bob, verifies};

async fn state_of(person: &Person, id: i64) -> Result<MessageState> {
    Ok(person.client().message(id).await?.context("the message is there")?.state)
}

/// Bob signs his only device out, say to change phones. What is written to him then must not be taken by a server that
/// has nobody to give it to.
#[tokio::test]
async fn what_is_written_to_somebody_without_a_device_waits() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    bob.says(&alice, "Hi, Alice").await?;
    alice.hears(&bob, "Hi, Alice").await?;
    let name = bob.account().user_id.clone();
    bob.client().logout().await?;

    let waiting = alice.says(&name, "are you there?").await?;
    let nobody = Reason::Unreachable(Unreachable::NobodyThere);
    alice.waits_because(&[nobody, Reason::Refused(ErrorCode::RecipientHasNoDevices)]).await?;
    ensure!(state_of(&alice, waiting.id).await? == MessageState::Queued, "nothing was sent to nobody");
    let mut again = bob.recovers(&server.url()).await?;
    again.goes_online().await?;
    again.hears(&alice, "are you there?").await?;
    alice.delivered(&waiting).await
}

/// Somebody who has never signed in costs the writer nothing, least of all its own key packages.
#[tokio::test]
async fn what_is_written_before_the_first_sign_in_waits() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let account = server.admin().creates("bob").await?;
    alice.says(&account.user_id, "welcome").await?;
    alice.waits_because(&[Reason::Refused(ErrorCode::RecipientHasNoDevices)]).await?;
    let bob = Person::signs_in(&server.url(), &account).await?;
    bob.hears(&alice, "welcome").await.map(drop)
}

/// Bob begins anew while Alice sleeps: his notes and the chat with her still have his old device in them, which nobody
/// but he himself can take out.
#[tokio::test]
async fn with_a_new_identity_back_into_the_old_conversations() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let note = bob.says(&bob, "a note").await?;
    bob.delivered(&note).await?;
    alice.goes_offline().await?;
    bob.goes_offline().await?;

    let mut again = bob.starts_anew(&server).await?;
    again.goes_online().await?;
    let note = again.says(&again, "a new note").await?;
    again.delivered(&note).await?;
    let sent = again.says(&alice, "I lost everything").await?;
    again.delivered(&sent).await?;

    alice.goes_online().await?;
    alice.hears(&again, "I lost everything").await?;
    alice.says(&again, "good to see you").await?;
    again.hears(&alice, "good to see you").await.map(drop)
}

/// Alice verifies Bob, then somebody begins to write under another identity of his. She says that the first one was right:
/// what she writes never reaches the other one, nor does she hear it, and she is asked again.
#[tokio::test]
async fn whoever_has_a_wrong_identity_is_not_heard() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let name = bob.account().user_id.clone();
    verifies(&alice, &name).await?;
    let right = alice.client().contact(&name).await?.safety_number;

    // Whoever has Bob's access key, or is the administrator, can do this.
    bob.goes_offline().await?;
    let mut intruder = bob.starts_anew(&server).await?;
    intruder.goes_online().await?;
    let sent = intruder.says(&alice, "it is me, Bob").await?;
    intruder.delivered(&sent).await?;
    let asked = |event: &Event| matches!(event, Event::IdentityChanged { blocked: true, .. });
    alice.sees("the change", asked).await?;

    verifies(&alice, &name).await?;
    let secret = alice.says(&name, "a secret").await?;
    alice.sees("that the intruder is still there", asked).await?;
    let sent = intruder.says(&alice, "do you hear me?").await?;
    intruder.delivered(&sent).await?;
    let note = alice.says(&alice, "meanwhile").await?;
    alice.delivered(&note).await?;
    ensure!(!alice.texts(&name).await?.iter().any(|text| text.contains("me")));
    ensure!(state_of(&alice, secret.id).await? == MessageState::Queued);
    ensure!(!intruder.texts(&alice).await?.contains(&"a secret".to_owned()));
    let contact = alice.client().contact(&name).await?;
    ensure!(contact.safety_number == right && contact.verified && contact.changed.is_some());
    Ok(())
}
