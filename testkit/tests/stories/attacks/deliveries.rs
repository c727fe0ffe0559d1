//! What a server can do with messages that it cannot read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use anyhow::{Result, ensure};
use privmsg_client::Recipient;
use privmsg_testkit::Person;
use privmsg_testkit::hostile::{Frame, HostileServer};
use privmsg_testkit::wait::{PATIENCE, until};
use serde_json::json;

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

/// A server that withholds a message answers as if it had been Alice's own: what nobody had sent, and then what she had, under another
/// number and in another group than it was.
#[tokio::test]
async fn what_is_withheld_is_covered_by_no_answer() -> Result<()> {
    let (server, hostile, alice, bob) = alice_is_watched().await?;
    let group = server.group_of(&["alice", "bob"])?;
    let number = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&number);
    hostile.rewrites_frames(move |frame| {
        let seq = frame.payload("message").and_then(|message| message["seq"].as_u64());
        match (seq, &frame) {
            (Some(seq), Frame::FromServer(_)) => {
                seen.store(seq, SeqCst);
                Vec::new()
            }
            _ => vec![frame],
        }
    });
    let withheld = bob.says(&alice, "withheld").await?;
    bob.delivered(&withheld).await?;
    hostile.stops_lying();
    bob.says(&alice, "delivered").await?;
    alice.hears(&bob, "delivered").await?;
    let missed = || async { Ok((alice.missing(&bob).await? > 0).then_some(())) };
    until("that something is shown as missing", PATIENCE, missed).await?;
    let gap = number.load(SeqCst);
    ensure!(gap > 0);

    let nobodys = "0190a7d4-6f1c-7bbb-8ccc-0123456789ab";
    let place = json!([{ "message_id": nobodys, "group_id": group, "seq": gap }]);
    let answer = json!({ "type": "ack", "payload": { "message_ids": [nobodys], "accepted": place } });
    hostile.tells(Frame::FromServer(answer))?;
    let mut lies = vec![("seq", json!(gap)), ("group_id", json!("AAECAwQFBgcICQoLDA0ODw"))];
    hostile.rewrites_frames(move |mut frame| {
        let is_answer = matches!(frame, Frame::FromServer(_))
            && frame.payload("ack").is_some_and(|ack| ack["accepted"].as_array().is_some_and(|all| !all.is_empty()));
        if is_answer && let Some((field, lie)) = lies.pop() {
            frame.value_mut()["payload"]["accepted"][0][field] = lie;
        }
        vec![frame]
    });
    for text in ["in another group", "under the number of another"] {
        let sent = alice.says(&bob, text).await?;
        alice.delivered(&sent).await?;
        bob.hears(&alice, text).await?;
    }
    bob.says(&alice, "the last").await?;
    alice.hears(&bob, "the last").await?;
    ensure!(alice.missing(&bob).await? > 0, "it is not shown as missing any more");
    let texts = alice.texts(&bob).await?;
    let end = ["delivered", "in another group", "under the number of another", "the last"];
    ensure!(texts.ends_with(&end.map(str::to_owned)), "{texts:?}");
    Ok(())
}

/// What the server says about what it was sent gets lost.
fn without_answers(frame: Frame) -> Vec<Frame> {
    let is_answer = matches!(frame, Frame::FromServer(_)) && frame.payload("ack").is_some();
    if is_answer { Vec::new() } else { vec![frame] }
}

/// Bob is blocked, the server lies no more, and he is let in again.
async fn is_blocked_for_a_while(hostile: &HostileServer, alice: &Person, bob: &Person) -> Result<()> {
    let user = &bob.account().user_id;
    alice.client().block(user).await?;
    hostile.becomes_honest();
    let unblocked = || async { Ok(alice.client().unblock(user).await.ok()) };
    until("bob is let in again", PATIENCE, unblocked).await
}

/// The first of two words was put off, and the answer to the second one got lost: the one is not in the way of the other.
#[tokio::test]
async fn what_was_put_off_does_not_stand_before_what_has_to_be_repeated() -> Result<()> {
    let (_server, hostile, alice, bob) = alice_is_watched().await?;
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    let mut put_off = None;
    hostile.rewrites_frames(move |frame| {
        let Frame::FromClient(_) = frame else { return without_answers(frame) };
        let Some(message) = frame.payload("message") else { return vec![frame] };
        let id = message["message_id"].clone();
        if *put_off.get_or_insert_with(|| id.clone()) != id {
            return vec![frame];
        }
        let later = json!({ "code": "rate_limited", "message": "", "message_id": id, "retry_after_ms": 3_000 });
        vec![Frame::FromServer(json!({ "type": "error", "payload": later }))]
    });
    let first = alice.says(&bob, "put off").await?;
    let second = alice.says(&bob, "taken").await?;
    bob.hears(&alice, "taken").await?;
    hostile.becomes_honest();
    alice.delivered(&second).await?;
    alice.delivered(&first).await?;
    bob.hears(&alice, "put off").await.map(drop)
}

/// The answer to a word got lost before its recipient was blocked: it is held from then on, and keeps back nothing that is
/// said after they are let in again.
#[tokio::test]
async fn a_word_that_is_held_without_its_answer_keeps_back_no_later_one() -> Result<()> {
    let (_server, hostile, alice, bob) = alice_is_watched().await?;
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    hostile.rewrites_frames(without_answers);
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    is_blocked_for_a_while(&hostile, &alice, &bob).await?;
    let after = alice.says(&bob, "after").await?;
    alice.delivered(&after).await?;
    bob.hears(&alice, "after").await.map(drop)
}

/// A word that never came to the server before its recipient was blocked is held, whatever else is asked about later.
#[tokio::test]
async fn a_word_that_is_held_goes_out_by_no_repetition() -> Result<()> {
    let (_server, hostile, alice, bob) = alice_is_watched().await?;
    alice.says(&bob, "hello").await?;
    bob.hears(&alice, "hello").await?;
    hostile.rewrites_frames(|frame| {
        let is_word = matches!(frame, Frame::FromClient(_)) && frame.payload("message").is_some();
        if is_word { Vec::new() } else { vec![frame] }
    });
    alice.says(&bob, "never sent").await?;
    is_blocked_for_a_while(&hostile, &alice, &bob).await?;
    for text in ["one", "two"] {
        hostile.rewrites_frames(without_answers);
        let sent = alice.says(&bob, text).await?;
        bob.hears(&alice, text).await?;
        hostile.becomes_honest();
        alice.delivered(&sent).await?;
    }
    let texts = bob.texts(&alice).await?;
    ensure!(!texts.iter().any(|text| text == "never sent"), "{texts:?}");
    ensure!(
        alice.client().held_messages(&Recipient::User(bob.account().user_id.clone())).await?.len() == 1,
        "it is held no more"
    );
    Ok(())
}
