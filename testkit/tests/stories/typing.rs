//! Seeing that somebody writes.

use anyhow::{Result, ensure};
use privmsg_client::{Event, Setting};
use tokio::sync::broadcast::error::TryRecvError;

use super::alice_and_bob;

/// Whom one has never written to does not learn that one is about to, and nobody does if one does not want that.
#[tokio::test]
async fn whom_one_has_written_to_sees_that_one_writes() -> Result<()> {
    let (_server, alice, mut bob) = alice_and_bob().await?;
    let name = bob.account().user_id.clone();
    let mut events = bob.client().events();
    alice.client().typing(&name, true).await?;
    bob.says(&alice, "Hello?").await?;
    alice.hears(&bob, "Hello?").await?;
    alice.client().typing(&name, false).await?;
    alice.client().typing(&name, true).await?;
    alice.says(&bob, "Hi").await?;
    bob.hears(&alice, "Hi").await?;
    alice.client().set(Setting::Typing, false).await?;
    alice.client().typing(&name, false).await?;
    alice.client().typing(&name, true).await?;
    // What is said afterwards on the same connection arrives afterwards.
    alice.says(&bob, "Are you there?").await?;
    bob.hears(&alice, "Are you there?").await?;
    loop {
        match events.try_recv() {
            Ok(event) => ensure!(!matches!(event, Event::Typing { .. }), "{event:?}"),
            Err(TryRecvError::Empty) => break,
            Err(error) => return Err(error.into()),
        }
    }

    alice.client().typing(&name, false).await?;
    alice.client().set(Setting::Typing, true).await?;
    let writes = |is_typing| move |event: &Event| matches!(event, Event::Typing { user, is_typing: now, .. } if user.as_str() == "alice" && *now == is_typing);
    alice.client().typing(&name, true).await?;
    bob.sees("that she writes", writes(true)).await?;
    alice.client().typing(&name, false).await?;
    bob.sees("that she has stopped", writes(false)).await.map(drop)
}
