//! What a server can do with messages that it cannot read.

use anyhow::{Result, ensure};
use privmsg_testkit::wait::{PATIENCE, until};

use super::alice_is_watched;

/// A server that delivers a message again, under another name and in another place.
#[tokio::test]
async fn a_message_that_comes_again_under_another_name_is_shown_once() -> Result<()> {
    let (_server, hostile, alice, bob) = alice_is_watched().await?;
    hostile.rewrites_frames(|frame| {
        let mut again = frame.clone();
        let Some(seq) = frame.payload("message").and_then(|message| message["seq"].as_u64()) else {
            return vec![frame];
        };
        let payload = &mut again.value_mut()["payload"];
        payload["seq"] = (seq + 1).into();
        payload["message_id"] = "0190a7d4-6f1c-7bbb-8ccc-0123456789ab".into();
        vec![frame, again]
    });
    bob.says(&alice, "once").await?;
    alice.hears(&bob, "once").await?;
    hostile.becomes_honest();
    bob.says(&alice, "and on").await?;
    alice.hears(&bob, "and on").await?;
    let texts = alice.texts(&bob).await?;
    ensure!(texts.iter().filter(|text| *text == "once").count() == 1, "{texts:?}");
    Ok(())
}

/// A server that withholds a message is found out by the next one, and cannot hide the hole by going on.
#[tokio::test]
async fn a_message_that_is_withheld_is_missed() -> Result<()> {
    let (server, hostile, alice, bob) = alice_is_watched().await?;
    hostile.withholds(server.group_of(&["alice", "bob"])?);
    let withheld = bob.says(&alice, "withheld").await?;
    bob.delivered(&withheld).await?;
    hostile.stops_lying();
    bob.says(&alice, "delivered").await?;
    alice.hears(&bob, "delivered").await?;
    let missed = || async { Ok((alice.missing(&bob).await? > 0).then_some(())) };
    until("that something is shown as missing", PATIENCE, missed).await?;
    hostile.cuts_all();
    alice.hears(&bob, "withheld").await?;
    ensure!(alice.missing(&bob).await? == 0, "something is still missing");
    Ok(())
}
