//! A contact whose identity changes.

use anyhow::Result;
use privmsg_client::{Acknowledged, ClientError, Event, HeldBy, Recipient, SafetyNumber};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{accepts, alice_and_bob, verifies};

/// Bob loses everything and begins anew; says so to Alice.
async fn bob_begins_anew(server: &Server, bob: &mut Person) -> Result<Person> {
    bob.goes_offline().await?;
    let mut again = bob.starts_anew(server).await?;
    again.goes_online().await?;
    Ok(again)
}

#[tokio::test]
async fn both_sides_see_the_same_safety_number() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let ours = alice.client().contact(&bob.account().user_id).await?;
    let theirs = bob.client().contact(&alice.account().user_id).await?;
    assert_eq!(ours.safety_number, theirs.safety_number);
    assert!(!ours.verified && ours.changed.is_none());
    Ok(())
}

#[tokio::test]
async fn an_unverified_contact_with_a_new_identity_is_shown() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let before = alice.client().contact(&bob.account().user_id).await?;

    let again = bob_begins_anew(&server, &mut bob).await?;
    again.says(&alice, "I lost my phone").await?;
    let changed =
        alice.sees("the change", |event| matches!(event, Event::IdentityChanged { blocked: false, .. })).await?;
    assert!(matches!(changed, Event::IdentityChanged { user, .. } if user == bob.account().user_id));
    alice.hears(&bob, "I lost my phone").await?;
    let after = alice.client().contact(&bob.account().user_id).await?;
    assert_ne!(before.safety_number, after.safety_number);
    alice.says(&bob, "poor you").await?;
    again.hears(&alice, "poor you").await.map(drop)
}

/// Alice wrote to the Bob whom she knew, and it was not out yet. Whoever has his name now is told it if she says so.
#[tokio::test]
async fn what_was_written_for_the_former_key_waits_for_a_word() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    alice.goes_offline().await?;
    let said = alice.says(&bob, "for the Bob I know").await?;
    let again = bob_begins_anew(&server, &mut bob).await?;
    alice.goes_online().await?;
    let held = Acknowledged::Held(HeldBy::OthersCame);
    assert_eq!(alice.client().wait_acknowledged(&said.said()).await?, held);
    alice.says(&bob, "for whoever it is").await?;
    again.hears(&alice, "for whoever it is").await?;
    assert_eq!(again.texts(&alice).await?, ["for whoever it is"]);

    let to = Recipient::User(bob.account().user_id.clone());
    let held = alice.client().held_messages(&to).await?;
    alice.client().send_held(&to, &held).await?;
    again.hears(&alice, "for the Bob I know").await.map(drop)
}

#[tokio::test]
async fn to_a_verified_contact_with_a_new_identity_nothing_is_sent_until_it_is_accepted() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let name = bob.account().user_id.clone();
    verifies(&alice, &name).await?;

    let again = bob_begins_anew(&server, &mut bob).await?;
    again.says(&alice, "it is me, honestly").await?;
    alice.sees("the change", |event| matches!(event, Event::IdentityChanged { blocked: true, .. })).await?;
    let waiting = alice.says(&bob, "a secret").await?;
    assert!(alice.client().contact(&name).await?.changed.is_some());
    // What Alice wrote later, elsewhere, is out by now.
    let note = alice.says(&alice, "meanwhile").await?;
    alice.delivered(&note).await?;
    let message = alice.client().message(waiting.id).await?;
    assert!(message.is_some_and(|message| message.state == privmsg_client::MessageState::Queued));
    assert!(!again.texts(&alice).await?.contains(&"a secret".to_owned()));

    assert!(accepts(&alice, &name).await?);
    alice.delivered(&waiting).await?;
    again.hears(&alice, "a secret").await.map(drop)
}

/// The server changes the key between showing and comparing: what is confirmed is what was seen, or nothing.
#[tokio::test]
async fn another_key_than_the_one_that_was_seen_is_not_confirmed() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let name = bob.account().user_id.clone();
    let seen = alice.client().contact(&name).await?.safety_number;
    let again = bob_begins_anew(&server, &mut bob).await?;
    again.says(&alice, "I lost my phone").await?;
    alice.sees("the change", |event| matches!(event, Event::IdentityChanged { blocked: false, .. })).await?;
    let refused = alice.client().mark_verified(&name, &seen).await;
    assert!(matches!(refused, Err(ClientError::AnotherNumber(_))), "{refused:?}");
    assert!(!alice.client().contact(&name).await?.verified);
    Ok(())
}

/// Nor, where the key changes once more between showing the change and answering it, is the new one accepted or refused.
#[tokio::test]
async fn another_change_than_the_one_that_was_seen_is_neither_accepted_nor_refused() -> Result<()> {
    let (server, alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let name = bob.account().user_id.clone();
    verifies(&alice, &name).await?;
    let other_than = async |known: Option<&SafetyNumber>| {
        let look = || async {
            let changed = alice.client().contact(&name).await?.changed;
            Ok(changed.filter(|changed| Some(changed) != known))
        };
        until("another number", PATIENCE, look).await
    };
    let mut again = bob_begins_anew(&server, &mut bob).await?;
    again.says(&alice, "I lost my phone").await?;
    let seen = other_than(None).await?;
    let once_more = bob_begins_anew(&server, &mut again).await?;
    once_more.says(&alice, "and the next one").await?;
    let now = other_than(Some(&seen)).await?;

    let accepted = alice.client().accept_identity_change(&name, &seen).await;
    let refused = alice.client().refuse_identity_change(&name, &seen).await;
    for answer in [accepted, refused] {
        assert!(matches!(answer, Err(ClientError::AnotherNumber(_))), "{answer:?}");
    }
    let contact = alice.client().contact(&name).await?;
    assert_eq!((contact.verified, contact.changed), (true, Some(now)));
    Ok(())
}
