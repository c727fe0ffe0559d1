//! Each way in which somebody cannot be written to has a reason of its own.

use anyhow::{Result, ensure};
use privmsg_client::{Event, Reason, Unreachable};
use privmsg_testkit::{Person, Server};

use super::{accepts, alice_and_bob, verifies};

#[tokio::test]
async fn somebody_with_another_kind_of_client_has_left_no_keys() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let account = server.admin().creates("bob").await?;
    account.signs_in_with_something_else(server.address()).await?;
    let sent = alice.says(&account.user_id, "Hi").await?;
    alice.waits_because(&[Reason::Unreachable(Unreachable::NoKeyPackages)]).await?;
    // It waits, and goes out as soon as there is somebody.
    let bob = Person::signs_in(&server.url(), &account).await?;
    alice.delivered(&sent).await?;
    bob.hears(&alice, "Hi").await.map(drop)
}

/// Whoever has the name of a verified contact now is to be shown, and accepted, before anything is sent.
#[tokio::test]
async fn a_verified_contact_who_was_deleted_and_made_anew_is_asked_about() -> Result<()> {
    let (server, mut alice, mut bob) = alice_and_bob().await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    let name = bob.account().user_id.clone();
    verifies(&alice, &name).await?;
    bob.goes_offline().await?;
    server.admin().revokes(&name).await?;
    let another = Person::signs_in(&server.url(), &server.admin().creates("bob").await?).await?;

    // The engine has to notice that the conversation of before is gone.
    alice.goes_offline().await?;
    alice.goes_online().await?;
    let sent = alice.says(&name, "is it you?").await?;
    alice.sees("the change", |event| matches!(event, Event::IdentityChanged { blocked: true, .. })).await?;
    ensure!(alice.client().is_held(&name).await?);
    ensure!(alice.client().contact(&name).await?.changed.is_some(), "both keys can be compared");
    ensure!(another.texts(&alice).await?.is_empty(), "nothing is sent before it is accepted");
    ensure!(accepts(&alice, &name).await?);
    alice.delivered(&sent).await?;
    another.hears(&alice, "is it you?").await.map(drop)
}
