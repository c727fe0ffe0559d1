//! Strangers who make work for somebody who has never heard of them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use privmsg_protocol::rest::{GroupKind, GroupStateAt};
use privmsg_protocol::{Epoch, Seq};
use privmsg_testkit::hostile::{Answer, Claim, Forged, HostileMember, HostileServer, Verdict, Who};
use privmsg_testkit::{Clock, Person, Server};

use super::has_taken_all;

const STRANGERS: usize = 10;

/// Steps of time, and what passes between them for everything that has become due.
const STEP_S: i64 = 10 * 60;
const TIME_FOR_A_STEP: Duration = Duration::from_millis(200);
const STEPS_OF_AN_HOUR: usize = 6;

const STATE: &str = "GET groups/*/state";

/// Each has made a chat with Alice, and what she is given of it is nothing but garbage. An honest server takes no such chat;
/// one that serves it had her client ask for all of them every five seconds for ever, megabytes each time. It must ask less
/// and less often, and not begin again when it is restarted.
#[tokio::test]
async fn chats_that_cannot_be_joined_are_left_alone() -> Result<()> {
    let server = Server::start().await?;
    let hostile = HostileServer::before(&server).await?;
    let (clock, account) = (Clock::right(), server.admin().creates("alice").await?);
    let mut alice = Person::signs_in_by(&hostile.url(), &account, Arc::new(clock.clone())).await?;
    let (her, device) = (Who::is(&alice).await?, alice.client().whoami().await?.device_id);
    let garbage = Forged::garbage(Epoch(0), device.as_slice());
    let state = garbage.state.clone();
    let at = GroupStateAt { epoch: Epoch(1), seq: Seq(1), state, roster: None, founding_roster: None };
    hostile.answers(STATE, move |_| Answer::ok(&at).ok())?;
    for n in 0..STRANGERS {
        let mut stranger = HostileMember::signs_up(&server, &format!("stranger{n}")).await?;
        let claim = Claim::direct(&her, &stranger.rogue().who())?;
        let refused = stranger.creates(GroupKind::Direct, &[&her.user_id], &claim, &garbage).await?;
        ensure!(refused == Verdict::INVALID, "{refused:?}");
        let packages = stranger.claims(&her.user_id).await?;
        let made = stranger.rogue().founds(&claim)?.commit(&packages, &[])?;
        let taken = stranger.creates(GroupKind::Direct, &[&her.user_id], &claim, &made).await?;
        ensure!(taken == Verdict::Taken, "{taken:?}");
    }
    alice.starts().await?;
    has_taken_all(&alice, &server).await?;
    println!("asked {} times for {STRANGERS} invitations", hostile.times_asked(STATE));
    ensure!(hostile.times_asked(STATE) >= STRANGERS, "what is there to be read was never asked for");
    let hours = async |hours: usize| {
        let before = hostile.times_asked(STATE);
        for _ in 0..hours * STEPS_OF_AN_HOUR {
            clock.advance(STEP_S);
            tokio::time::sleep(TIME_FOR_A_STEP).await;
        }
        hostile.times_asked(STATE) - before
    };
    let (first, then) = (hours(2).await, hours(6).await);
    println!("{first} requests in two hours, {then} in the six after");
    let before = hostile.times_asked(STATE);
    for _ in 0..3 {
        alice.goes_offline().await?;
        alice.starts().await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let restarted = hostile.times_asked(STATE) - before;
    println!("{restarted} requests for three restarts");
    ensure!(then <= STRANGERS * 12, "asked {then} times in six hours");
    ensure!(restarted <= STRANGERS, "asked {restarted} times after restarts");
    Ok(())
}
