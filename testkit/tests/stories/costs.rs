//! What things cost, as small seeds of what the benchmark measures in groups of a thousand devices.

use anyhow::{Result, ensure};
use privmsg_client::Role;
use privmsg_testkit::cost::{self, Crowd, Wire};
use privmsg_testkit::http::Http;
use privmsg_testkit::wait::PATIENCE;
use privmsg_testkit::{Person, Server};

/// Rows of a mailbox for a message, all receipts included.
const ROWS: f64 = 2.0;

/// Kilobytes that a commit sends in a tree of a thousand leaves that has been in use. What it holds grows with the tree's height.
const COMMIT: f64 = 60.0;

/// Where it was read at once, and that is told: not to have been delivered before that, and by one device of the reader's.
#[tokio::test]
async fn a_message_costs_two_rows_of_a_mailbox_at_most() -> Result<()> {
    for each in [1, 2] {
        let server = Server::start().await?;
        let rows = cost::of_a_direct_message(server.address(), &server.admin(), each, 4, true).await?;
        ensure!(rows <= ROWS, "{rows} rows for a message between two with {each} devices each");
    }
    let server = Server::start().await?;
    let rows = cost::of_a_group_message(server.address(), &server.admin(), 2, 4).await?;
    ensure!(rows <= ROWS, "{rows} rows for a message in a group");
    Ok(())
}

#[tokio::test]
async fn a_commit_in_a_tree_that_has_been_in_use_is_small() -> Result<()> {
    const PEOPLE: usize = 12;
    let server = Server::start().await?;
    let (wire, mut http) = (Wire::to(server.address()).await?, Http::connect(server.address()).await?);
    let alice = Person::signs_in(wire.url(), &server.admin().creates("alice").await?).await?;
    let (mut crowd, mut users) = (Crowd::default(), Vec::new());
    for number in 0..PEOPLE {
        users.push(crowd.gets(&mut http, &server.admin(), &format!("user-{number:02}"), 2).await?);
    }
    let chat = alice.client().create_group("Everybody", &users).await?;
    tokio::time::timeout(PATIENCE, alice.client().wait_group_made(chat)).await??;
    crowd.renews(&mut http, server.group_in(&alice.client().group(chat).await?.conversation)?).await?;
    let mut sent = 0.0;
    // The first one waits until everything of the others has been read.
    for user in &users[..2] {
        let before = wire.counts();
        for asked in alice.client().set_role(chat, user, Role::Admin).await? {
            tokio::time::timeout(PATIENCE, alice.client().wait_group_changed(asked)).await??;
        }
        sent = wire.counts().since(before).sent * 1000.0;
    }
    let leaves = 2.0f64.mul_add(PEOPLE as f64, 1.0);
    let bound = COMMIT * leaves.log2() / 1000f64.log2();
    println!("a commit in a tree of {leaves} leaves: {sent:.1} kB, at most {bound:.1}");
    ensure!(sent <= bound, "{sent} kB, at most {bound}");
    Ok(())
}
