//! Joining anew, without end.

use anyhow::{Result, ensure};
use privmsg_protocol::rest::CommitAccepted;
use privmsg_protocol::{Epoch, Seq};
use privmsg_testkit::hostile::Answer;

use super::{SETTLING, alice_is_watched};

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
