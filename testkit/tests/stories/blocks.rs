//! Hearing nothing of somebody, and of them again.

use anyhow::{Result, bail, ensure};
use privmsg_client::{ClientError, HeldBy, MessageState, Recipient};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};

use super::{alice_and_bob, numbered};

/// A device of hers knows that bob is blocked, or that he is not any more, and refuses to write to him accordingly.
async fn knows(device: &Person, blocked: bool) -> Result<()> {
    let bob = "bob".parse()?;
    until("that the device knows", PATIENCE, || async {
        Ok((device.client().is_blocked(&bob).await? == blocked).then_some(()))
    })
    .await
}

async fn is_refused(device: &Person, bob: &Person) -> Result<()> {
    match device.says(bob, "never said").await {
        Err(error) => match error.downcast_ref::<ClientError>() {
            Some(ClientError::Blocked(user)) => ensure!(*user == bob.account().user_id),
            _ => return Err(error),
        },
        Ok(_) => bail!("it was queued"),
    }
    ensure!(!device.texts(bob).await?.contains(&"never said".to_owned()), "it is in the chat");
    Ok(())
}

#[tokio::test]
async fn nothing_of_the_blocked_arrives_and_the_conversation_is_not_lost() -> Result<()> {
    let (server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    bob.says(&alice, "heard").await?;
    alice.hears(&bob, "heard").await?;
    let tablet = alice.takes_another_device(&server.url()).await?;
    bob.says(&alice, "to both").await?;
    for device in [&alice, &tablet] {
        device.hears(&bob, "to both").await?;
    }

    let name = bob.account().user_id.clone();
    alice.client().block(&name).await?;
    knows(&tablet, true).await?;
    for device in [&alice, &tablet] {
        is_refused(device, &bob).await?;
    }
    // One of hers is there, one comes back, and a device of his comes into the conversation meanwhile: it goes through other epochs.
    let mut unheard = Vec::new();
    for text in numbered("while she is there", 3) {
        unheard.push(bob.says(&alice, &text).await?);
    }
    for sent in &unheard {
        bob.delivered(sent).await?;
    }
    alice.goes_offline().await?;
    let phone = bob.takes_another_device(&server.url()).await?;
    for (from, text) in [(&phone, "from the phone"), (&bob, "while she is away")] {
        let sent = from.says(&alice, text).await?;
        from.delivered(&sent).await?;
        unheard.push(sent);
    }
    alice.goes_online().await?;

    alice.client().unblock(&name).await?;
    knows(&tablet, false).await?;
    for (from, text) in [(&bob, "again"), (&phone, "and from the phone")] {
        from.says(&alice, text).await?;
        for device in [&alice, &tablet] {
            device.hears(&bob, text).await?;
        }
    }
    for (device, text) in [(&alice, "I hear you"), (&tablet, "so do I")] {
        device.says(&bob, text).await?;
        for hears in [&bob, &phone] {
            hears.hears(&alice, text).await?;
        }
    }
    for device in [&alice, &tablet] {
        // What her other device has said comes here by itself.
        device.has(&bob, "so do I").await?;
        let texts = device.texts(&bob).await?;
        let heard: Vec<_> = texts.iter().filter(|text| *text != "before" && *text != "heard").collect();
        ensure!(heard == ["to both", "again", "and from the phone", "I hear you", "so do I"], "{texts:?}");
        ensure!(device.missing(&bob).await? == 0, "something is shown as missing");
    }
    // He was told nothing: to him they are as messages to somebody who was away.
    for sent in unheard {
        if let Some(message) = bob.client().message(sent.id).await? {
            ensure!(message.delivered_at().is_none(), "{message:?}");
        }
    }
    ensure!(bob.missing(&alice).await? == 0 && phone.missing(&alice).await? == 0);
    Ok(())
}

/// Blocked before a word was said: there is no chat with them, and there is one once they are heard.
#[tokio::test]
async fn a_stranger_can_be_blocked() -> Result<()> {
    let server = Server::start().await?;
    let alice = server.person("alice").await?;
    let bob = server.person("bob").await?;
    let name = bob.account().user_id.clone();
    alice.client().block(&name).await?;
    let blocked = alice.client().blocked().await?;
    ensure!(blocked.len() == 1 && blocked[0].user_id == name);
    let sent = bob.says(&alice, "unheard").await?;
    bob.delivered(&sent).await?;
    is_refused(&alice, &bob).await?;

    alice.client().unblock(&name).await?;
    ensure!(alice.client().blocked().await?.is_empty());
    bob.says(&alice, "hello").await?;
    alice.hears(&bob, "hello").await?;
    alice.says(&bob, "hello yourself").await?;
    bob.hears(&alice, "hello yourself").await?;
    ensure!(alice.texts(&bob).await? == ["hello", "hello yourself"]);
    ensure!(alice.missing(&bob).await? == 0);
    Ok(())
}

/// What she had written to him and was not out yet. Not when she hears him again either, unless she says so.
#[tokio::test]
async fn what_waited_before_a_block_does_not_go_out_after_it() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    alice.goes_offline().await?;
    let angry = alice.says(&bob, "written in anger").await?;
    let file = alice.file("plan.txt");
    std::fs::write(&file, "the plan")?;
    let plan = alice.shows(&bob, "our plan", &[&file]).await?;
    let name = bob.account().user_id.clone();
    let to = Recipient::User(name.clone());
    alice.client().block(&name).await?;
    alice.goes_online().await?;
    let held = async |alice: &Person| -> Result<()> {
        let note = alice.says(alice, "meanwhile").await?;
        alice.delivered(&note).await?;
        for sent in [&angry, &plan] {
            let message = alice.client().message(sent.id).await?;
            let state = message.map(|message| message.state);
            ensure!(state == Some(MessageState::Held(HeldBy::Block)), "it is not shown as held: {state:?}");
        }
        ensure!(alice.client().held_messages(&Recipient::User(bob.account().user_id.clone())).await?.len() == 2);
        ensure!(bob.texts(alice).await? == ["hello"], "he has heard it");
        Ok(())
    };
    held(&alice).await?;
    let shown = alice.client().held_messages(&to).await?;
    ensure!(matches!(alice.client().send_held(&to, &shown).await, Err(ClientError::Blocked(_))));

    alice.client().unblock(&name).await?;
    held(&alice).await?;
    // What she writes now does not take it along, and what she thinks better of never goes.
    alice.says(&bob, "let us talk").await?;
    bob.hears(&alice, "let us talk").await?;
    ensure!(alice.client().delete(angry.message_id).await?.is_none(), "nobody has it");
    alice.client().send_held(&to, &shown).await?;
    alice.delivered(&plan).await?;
    bob.hears(&alice, "our plan").await?;
    ensure!(bob.texts(&alice).await? == ["hello", "let us talk", "our plan"], "{:?}", bob.texts(&alice).await?);
    ensure!(alice.client().held_messages(&to).await?.is_empty());
    Ok(())
}
