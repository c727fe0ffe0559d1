//! What it costs to come back.

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Draft, Recipient};
use privmsg_testkit::wait::PATIENCE;
use privmsg_testkit::{Person, Proxy, Server};

/// Bytes both ways.
const LITTLE: u64 = 20_000;

/// How often it may be something new.
const TRIES: usize = 30;

/// Groups of people that Alice is in.
const GROUPS: usize = 100;

/// Somebody who comes back to a hundred groups in which nothing has happened reads little, and misses nothing in the one where
/// something has. Once, all of them were described anew, with each of their devices.
#[tokio::test]
async fn nothing_new_in_a_hundred_groups_is_little_to_read() -> Result<()> {
    let without_limit = ("PRIVMSG_LIMITS_RATE_LIMIT_NEW_GROUPS_PER_HOUR", "0".to_owned());
    let server = Server::start_with(&[without_limit]).await?;
    let network = Proxy::start(server.address(), 1).await?;
    let mut alice = Person::signs_in(&network.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    // Nobody is asked a hundred times.
    alice.says(&bob, "shall we?").await?;
    bob.hears(&alice, "shall we?").await?;
    bob.says(&alice, "let us").await?;
    alice.hears(&bob, "let us").await?;
    let mut rooms = Vec::new();
    for number in 0..GROUPS {
        let founder = alice.client();
        let chat = founder.create_group(&format!("{number}"), std::slice::from_ref(&bob.account().user_id)).await?;
        tokio::time::timeout(PATIENCE, founder.wait_group_made(chat)).await.context("the group is made")??;
        rooms.push(Recipient::Group(founder.group(chat).await?.conversation));
    }
    // Everything that has come of it is here.
    alice.goes_offline().await?;
    alice.goes_online().await?;
    alice.goes_offline().await?;

    // Bob comes in by himself where his key packages were not there yet, which is something new.
    let mut used = (u64::MAX, 0);
    for _ in 0..TRIES {
        let before = network.done();
        alice.goes_online().await?;
        alice.goes_offline().await?;
        let after = network.done();
        used = (after.up - before.up, after.down - before.down);
        if used.0 + used.1 <= LITTLE {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
    let (up, down) = used;
    println!("a reconnect of a member of {GROUPS} groups: {up} bytes sent, {down} bytes received");
    ensure!(up.saturating_add(down) <= LITTLE, "{up} bytes sent, {down} bytes received");

    // What is said meanwhile, and who has come to a group, is not overlooked.
    let tablet = bob.takes_another_device(&server.url()).await?;
    let said = bob.client().send(&rooms[7], Draft::text("while you were away")).await?;
    bob.delivered(&said).await?;
    alice.goes_online().await?;
    privmsg_testkit::wait::until("that she hears it", PATIENCE, || async {
        let items = alice.client().history(&rooms[7], 10).await?;
        let is_here =
            items.iter().filter_map(|item| item.message()).any(|message| message.text == "while you were away");
        Ok(is_here.then_some(()))
    })
    .await?;
    drop(tablet);
    Ok(())
}
