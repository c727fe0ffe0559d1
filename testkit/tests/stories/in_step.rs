//! What a device that says that it is in step takes part in, whatever keeps it from joining at once.

use anyhow::{Result, ensure};
use privmsg_client::Consent;
use privmsg_protocol::MessageId;
use privmsg_testkit::hostile::{Answer, Frame, HostileServer};
use privmsg_testkit::{Person, Server};
use serde_json::json;

use super::alice_and_bob;

/// What a client does by itself after it has taken a message is done within this time.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(3);

/// Alice and Bob have talked, and she gets her next device by way of a server that is about to be slow.
async fn about_to_link() -> Result<(Server, HostileServer, Person, Person)> {
    let (server, alice, bob) = alice_and_bob().await?;
    let slow = HostileServer::before(&server).await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    bob.says(&alice, "Hi Alice").await?;
    alice.hears(&bob, "Hi Alice").await?;
    Ok((server, slow, alice, bob))
}

/// The new device takes part where the others do, once it says so.
async fn comes_in(server: &Server, slow: &HostileServer, alice: &Person, bob: &Person) -> Result<()> {
    let tablet = alice.takes_another_device(&slow.url()).await?;
    let leaves = server.leaves_of(&["alice", "bob"])?;
    ensure!(leaves == 3, "it says that it is in step, and is not in the chat: {leaves} leaves");
    bob.says(alice, "to both").await?;
    tablet.hears(bob, "to both").await.map(drop)
}

fn refusal(status: u16, code: &str) -> Answer {
    let body = json!({ "type": "about:blank", "title": "", "status": status, "code": code, "detail": "" });
    Answer { status, body }
}

/// Something of another chat, or a notice, waits in the mailbox as the device is about to join: it reads that first. Once, it was
/// in step meanwhile.
#[tokio::test]
async fn a_device_that_reads_its_mailbox_before_it_joins_is_not_in_step_yet() -> Result<()> {
    let (server, slow, alice, bob) = about_to_link().await?;
    let mut looks = 0;
    slow.rewrites("GET messages/pending", move |_, answer| {
        looks += 1;
        if looks <= 4 {
            answer["messages"] = json!([{
                "message_id": "01890a5d-ac96-774b-bcce-b302099a8001", "sender_id": "alice", "encrypted_content": "",
                "message_type": "account_sync", "timestamp": 1,
            }]);
        }
    })?;
    comes_in(&server, &slow, &alice, &bob).await
}

/// Somebody talks to her without a pause, in whatever chat: there is always something in the mailbox. What lay there when the device was
/// about to join is read first, and not what comes since: once, it never joined.
#[tokio::test]
async fn somebody_who_talks_without_a_pause_keeps_no_device_from_joining() -> Result<()> {
    let (server, slow, alice, bob) = about_to_link().await?;
    let (says, mut said) = tokio::sync::mpsc::unbounded_channel();
    let mut number = 0;
    slow.rewrites("GET messages/pending", move |_, answer| {
        number += 1;
        let id = MessageId::from_bytes([number; 16]).to_string();
        let message = json!({
            "message_id": id, "sender_id": "bob", "encrypted_content": "", "message_type": "text", "timestamp": 1,
        });
        answer["newest"] = id.into();
        answer["messages"] = json!([message]);
        let _ = says.send(message);
    })?;
    let talks = async {
        while let Some(message) = said.recv().await {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            slow.tells(Frame::FromServer(json!({ "type": "message", "payload": message })))?;
        }
        anyhow::bail!("nobody asks any more")
    };
    tokio::select! {
        joined = comes_in(&server, &slow, &alice, &bob) => joined,
        ended = talks => ended,
    }
}

/// The server is busy, or others are faster: it is tried again in a moment.
#[tokio::test]
async fn a_device_that_tries_again_in_a_moment_is_not_in_step_yet() -> Result<()> {
    let between = Answer { status: 502, body: json!("a page of something on the way") };
    for answer in [refusal(429, "rate_limited"), refusal(500, "internal"), between] {
        let (server, slow, alice, bob) = about_to_link().await?;
        let mut left = 4;
        slow.answers("GET groups/*/state", move |_| {
            left -= 1;
            (left >= 0).then(|| answer.clone())
        })?;
        comes_in(&server, &slow, &alice, &bob).await?;
    }
    Ok(())
}

/// Nobody has answered a stranger: a new device hears of that before it joins, or it would show them that it is there.
#[tokio::test]
async fn a_new_device_joins_nothing_before_it_knows_what_was_answered() -> Result<()> {
    let (server, slow, alice, bob) = about_to_link().await?;
    let mallory = server.person("mallory").await?;
    mallory.says(&alice, "Are you there?").await?;
    alice.hears(&mallory, "Are you there?").await?;
    let mut left = 2;
    slow.answers("GET users/me/requests", move |_| {
        left -= 1;
        (left >= 0).then(|| refusal(503, "shutting_down"))
    })?;
    comes_in(&server, &slow, &alice, &bob).await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(server.leaves_of(&["alice", "mallory"])? == 2, "she is seen to be there");
    Ok(())
}

/// Somebody whom nobody had answered is answered on another device, after the new one has come: it is let in then.
#[tokio::test]
async fn a_new_device_comes_into_a_chat_that_is_answered_on_another_one() -> Result<()> {
    let (server, slow, alice, _bob) = about_to_link().await?;
    let mallory = server.person("mallory").await?;
    mallory.says(&alice, "Are you there?").await?;
    alice.hears(&mallory, "Are you there?").await?;
    let tablet = alice.takes_another_device(&slow.url()).await?;
    tablet.stands_to(&mallory, Consent::Asked).await?;
    tokio::time::sleep(SETTLING).await;
    alice.says(&mallory, "Yes").await?;
    mallory.hears(&alice, "Yes").await?;
    tablet.stands_to(&mallory, Consent::Open).await?;
    let is_in = || async { Ok((server.leaves_of(&["alice", "mallory"])? == 3).then_some(())) };
    privmsg_testkit::wait::until("that the tablet is in", privmsg_testkit::wait::PATIENCE, is_in).await?;
    mallory.says(&alice, "and to both").await?;
    tablet.hears(&mallory, "and to both").await.map(drop)
}
