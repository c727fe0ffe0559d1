//! Joining anew, without end.

use anyhow::{Result, ensure};
use privmsg_mls_public::direct_chat_id;
use privmsg_mls_public::incarnations::{MAX_AHEAD, MAX_SKIPPED};
use privmsg_protocol::rest::{CommitAccepted, Group, GroupKind};
use privmsg_protocol::{Epoch, Incarnation, Seq};
use privmsg_testkit::hostile::{Answer, Asked, Claim, HostileServer, Who};
use privmsg_testkit::{Person, Server};
use serde_json::json;

use super::{SETTLING, alice_is_watched, has_gone_back};

/// The server says at each turn that the chat has gone back a little, and agrees to everything. Each time the client came
/// back at once, as fast as it could make commits.
#[tokio::test]
async fn a_server_that_never_agrees_with_itself_is_not_followed_without_a_pause() -> Result<()> {
    let (server, hostile, alice, bob) = alice_is_watched().await?;
    let group = server.group_of(&["alice", "bob"])?;
    hostile.answers("POST groups/*/commits", |asked| {
        let epoch = asked.body["epoch"].as_u64()?.checked_add(1)?;
        Answer::ok(&CommitAccepted { epoch: Epoch(epoch), seq: Seq(1000 + epoch) }).ok()
    })?;
    hostile.claims_restore(group)?;
    let before = hostile.times_asked("POST groups/*/commits");
    alice.says(&bob, "are you there?").await?;
    tokio::time::sleep(SETTLING).await;
    let joined = hostile.times_asked("POST groups/*/commits") - before;
    ensure!(joined <= 8, "joined {joined} times in {:?}", SETTLING);
    hostile.becomes_honest();
    bob.hears(&alice, "are you there?").await.map(drop)
}

/// Alice and Bob, who have not talked. What she takes for the server is a hostile one.
async fn about_to_talk() -> Result<(Server, HostileServer, Person, Person)> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    Ok((server, hostile, alice, bob))
}

fn begins(asked: &Asked) -> Option<u32> {
    asked.body["incarnation"].as_u64()?.try_into().ok()
}

fn has_been(newest: u32) -> Answer {
    Answer {
        status: 409,
        body: json!({ "type": "about:blank", "title": "Conflict", "status": 409, "code": "stale_incarnation", "detail": "", "incarnation": newest }),
    }
}

/// One answer with a number that nobody has signed. Once, it was believed, and afterwards no honest server took the chat any
/// more: what was written was given up.
#[tokio::test]
async fn a_number_that_a_server_invents_ends_no_chat() -> Result<()> {
    for newest in [MAX_AHEAD, MAX_SKIPPED] {
        let (_server, hostile, alice, bob) = about_to_talk().await?;
        hostile.answers("POST groups", move |asked| {
            begins(asked).filter(|number| *number == 1).map(|_| has_been(newest))
        })?;
        if newest == MAX_SKIPPED {
            // The attempt that it leads to is lost.
            hostile.answers("POST groups", move |asked| {
                begins(asked).filter(|number| *number > 1).map(|_| Answer { status: 502, body: json!(null) })
            })?;
        }
        alice.says(&bob, "can you hear me?").await?;
        hostile.is_asked("POST groups", 1).await?;
        tokio::time::sleep(SETTLING).await;
        hostile.becomes_honest();
        bob.hears(&alice, "can you hear me?").await?;
        bob.says(&alice, "yes").await?;
        alice.hears(&bob, "yes").await?;
    }
    Ok(())
}

/// The server takes a group under a number that no honest one would, and forgets it. The chat comes down to where the honest one
/// is, and says so.
#[tokio::test]
async fn a_chat_comes_back_from_a_number_that_no_server_takes() -> Result<()> {
    let (_server, hostile, alice, bob) = about_to_talk().await?;
    let (hers, his) = (Who::is(&alice).await?, Who::is(&bob).await?);
    hostile.answers("POST groups", move |asked| match begins(asked)? {
        1 => Some(has_been(MAX_SKIPPED)),
        number => {
            let incarnation = Incarnation(number);
            let group_id = Claim::direct_in(&hers, &his, incarnation).ok()?.group_id;
            let participants = vec![hers.user_id.clone(), his.user_id.clone()];
            let (kind, epoch, seq) = (GroupKind::Direct, Epoch(1), Seq(1));
            let chat_id = direct_chat_id(&hers.user_id, &his.user_id);
            let (devices, roster, steps) = (Vec::new(), None, Vec::new());
            let group =
                Group { group_id, kind, chat_id, incarnation, epoch, seq, participants, devices, roster, steps };
            Answer::ok(&group).ok()
        }
    })?;
    alice.says(&bob, "can you hear me?").await?;
    hostile.is_asked("POST groups", 2).await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(!has_gone_back(&alice, &bob).await?, "nothing has gone back yet");
    hostile.becomes_honest();
    bob.hears(&alice, "can you hear me?").await?;
    ensure!(has_gone_back(&alice, &bob).await?, "nothing is shown");
    bob.says(&alice, "yes").await?;
    alice.hears(&bob, "yes").await.map(drop)
}
