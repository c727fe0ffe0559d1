//! Users of an honest server who want nothing but that others cannot talk any more.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_protocol::rest::GroupStateAt;
use privmsg_protocol::{Epoch, Incarnation, Seq};
use privmsg_testkit::hostile::{Answer, Claim, Forged, HostileMember, HostileServer, Verdict, Who};
use privmsg_testkit::{Clock, Person, Server};
use serde_json::json;

/// Alice, by a clock that the test moves, and Bob, who have talked.
async fn talking() -> Result<(Server, Clock, Person, Person)> {
    let server = Server::start().await?;
    let (clock, alice, bob) = talking_by(&server, &server.url()).await?;
    Ok((server, clock, alice, bob))
}

/// The same; this is Alice's way to the server.
async fn talking_by(server: &Server, url: &str) -> Result<(Clock, Person, Person)> {
    let (clock, account) = (Clock::right(), server.admin().creates("alice").await?);
    let mut alice = Person::signs_in_by(url, &account, Arc::new(clock.clone())).await?;
    alice.starts().await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "Hi Bob").await?;
    bob.hears(&alice, "Hi Bob").await?;
    Ok((clock, alice, bob))
}

/// They find back to each other, by themselves.
async fn talk_again(clock: &Clock, alice: &Person, bob: &Person) -> Result<()> {
    alice.says(bob, "are you there?").await?;
    // What is tried again after growing pauses comes sooner.
    let hurry = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            clock.advance(30);
        }
    };
    tokio::select! {
        heard = bob.hears(alice, "are you there?") => heard.map(drop)?,
        () = hurry => {}
    }
    bob.says(alice, "where else?").await?;
    alice.hears(bob, "where else?").await.map(drop)
}

/// Whoever knows Alice's access key, and none of her keys, comes nowhere near her chats.
#[tokio::test]
async fn an_access_key_alone_ends_no_chat() -> Result<()> {
    let (server, _clock, alice, bob) = talking().await?;
    let mut vandal = HostileMember::waits(&server, alice.account()).await?;
    for (method, path) in [("GET", "groups"), ("GET", "messages/pending"), ("POST", "users/bob/key-packages/claim")] {
        let answer = vandal.tries(method, path, &()).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 403 && said.contains("device_not_listed"), "{method} {path}: {said}");
    }
    goes_on_as_if_nothing_had_been(&server, &alice, &bob).await
}

/// A device that Alice has let in commits to all of her chats: garbage, and a real external commit under an identity of its
/// own. Once, garbage by which all devices left was taken, nobody could say anything in any of them any more, and no other
/// chat could be made in their place.
#[tokio::test]
async fn a_device_of_ones_own_ends_no_chat() -> Result<()> {
    let (server, _clock, alice, bob) = talking().await?;
    let mut vandal = HostileMember::is_let_in_by(&server, &alice).await?;
    let (claim, groups) = (Claim::direct(&Who::is(&alice).await?, &Who::is(&bob).await?)?, vandal.groups().await?);
    ensure!(!groups.is_empty());
    for group in groups {
        let state = vandal.state(group.group_id).await?.state;
        let (_, real) = vandal.rogue().joins(&claim, &state)?;
        let garbage = Forged { welcome: None, ..Forged::garbage(group.epoch, &[]) };
        for made in [garbage, real] {
            let verdict = vandal.commits(group.group_id, &made).await?;
            ensure!(verdict == Verdict::INVALID, "{verdict:?}");
        }
    }
    goes_on_as_if_nothing_had_been(&server, &alice, &bob).await
}

/// The same by groups in which the chat is to go on: one of garbage, and a real one of another "alice". The server takes that
/// one, for it does not say whose name is whose; nobody enters it.
#[tokio::test]
async fn a_device_of_ones_own_does_not_lead_a_chat_away() -> Result<()> {
    let (server, clock, alice, bob) = talking().await?;
    let mut vandal = HostileMember::is_let_in_by(&server, &alice).await?;
    let his = Who::is(&bob).await?;
    let claim = Claim::direct_in(&vandal.rogue().who(), &his, Incarnation(2))?;
    let garbage = Forged::garbage(Epoch(0), &[]);
    let verdict = vandal.goes_on(&his.user_id, Incarnation(2), &claim, &garbage).await?;
    ensure!(verdict == Verdict::INVALID, "{verdict:?}");
    goes_on_as_if_nothing_had_been(&server, &alice, &bob).await?;
    let packages = vandal.claims(&his.user_id).await?;
    let real = vandal.rogue().founds(&claim)?.commit(&packages, &[])?;
    let verdict = vandal.goes_on(&his.user_id, Incarnation(2), &claim, &real).await?;
    ensure!(verdict == Verdict::Taken, "{verdict:?}");
    talk_again(&clock, &alice, &bob).await
}

/// What an honest server has of a chat cannot become garbage. One that says so of it, and goes on saying so, ends nothing
/// either: the chat goes on in another group.
#[tokio::test]
async fn a_server_that_has_spoiled_a_group_ends_no_chat() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let (clock, alice, bob) = talking_by(&server, &hostile.url()).await?;
    let group = server.group_of(&["alice", "bob"])?;
    let garbage = Forged::garbage(Epoch(0), &[]);
    let state = garbage.state;
    let at = GroupStateAt { epoch: Epoch(1), seq: Seq(1), state, roster: None, founding_roster: None };
    hostile.answers(&format!("GET groups/{group}/state"), move |_| Answer::ok(&at).ok())?;
    hostile.claims_restore(group)?;
    talk_again(&clock, &alice, &bob).await?;
    ensure!(server.group_of(&["alice", "bob"])? != group, "the spoiled group is not needed any more");
    Ok(())
}

/// The server takes no commit by which she would come in, whatever it has been brought to by others: a state of the group that lets no
/// device of hers in any more. Once, she knocked once an hour for ever.
#[tokio::test]
async fn a_group_that_lets_nobody_in_ends_no_chat() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let (clock, alice, bob) = talking_by(&server, &hostile.url()).await?;
    let group = server.group_of(&["alice", "bob"])?;
    hostile.answers(&format!("POST groups/{group}/commits"), |_| {
        let body =
            json!({ "type": "about:blank", "title": "", "status": 422, "code": "invalid_handshake", "detail": "" });
        Some(Answer { status: 422, body })
    })?;
    hostile.claims_restore(group)?;
    talk_again(&clock, &alice, &bob).await?;
    ensure!(server.group_of(&["alice", "bob"])? != group, "the group is not needed any more");
    Ok(())
}

/// In the same group, with nobody having to find back.
async fn goes_on_as_if_nothing_had_been(server: &Server, alice: &Person, bob: &Person) -> Result<()> {
    let group = server.group_of(&["alice", "bob"])?;
    alice.says(bob, "did you notice anything?").await?;
    bob.hears(alice, "did you notice anything?").await?;
    bob.says(alice, "no").await?;
    alice.hears(bob, "no").await?;
    ensure!(server.group_of(&["alice", "bob"])? == group, "the chat has gone on elsewhere");
    Ok(())
}
