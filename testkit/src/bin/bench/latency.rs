//! One message at a time, between two clients in this process, each with an engine of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use privmsg_client::{Client, Draft, ListDiff, Recipient, Timeline};
use privmsg_testkit::Person;
use privmsg_testkit::figures::Times;

use super::Bench;
use super::report::Goal;

/// Messages that are measured.
const MESSAGES: usize = 500;

/// Messages before: the chat is opened, and keys are rotated.
const BEFORE: usize = 20;

/// Between two messages: as after a moment's thought, so that nothing waits for the one before.
const PAUSE: Duration = Duration::from_millis(10);

/// Longer than anything that works.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let admin = server.admin();
    let alice = Person::signs_in(&server.url(), &admin.creates("alice").await?).await?;
    let bob = Person::signs_in(&server.url(), &admin.creates("bob").await?).await?;
    let to = Recipient::User(bob.account().user_id.clone());
    let from = Recipient::User(alice.account().user_id.clone());
    let mut timeline = bob.client().watch_conversation(&from, 50).await?;
    let (mut queued, mut arrived) = (Times::default(), Times::default());
    for n in 0..BEFORE + MESSAGES {
        tokio::time::sleep(PAUSE).await;
        let (stored, seen) = send(alice.client(), &to, &mut timeline, format!("message number {n}")).await?;
        if n >= BEFORE {
            queued.note(stored);
            arrived.note(seen);
        }
    }
    let report = &mut bench.report;
    report.line("client: a text from call to durable outbox, p50", queued.p50_ms(), "ms", Goal::AtMost(3.0));
    report.line("client: a text from call to durable outbox, p99", queued.p99_ms(), "ms", Goal::None);
    report.line("client: a text from call to the other's screen, p50", arrived.p50_ms(), "ms", Goal::AtMost(15.0));
    report.line("client: a text from call to the other's screen, p99", arrived.p99_ms(), "ms", Goal::None);
    Ok(())
}

async fn send(alice: &Client, to: &Recipient, bob: &mut Timeline, text: String) -> Result<(Duration, Duration)> {
    let start = Instant::now();
    alice.send(to, Draft::text(&text)).await?;
    let stored = start.elapsed();
    let arrives = async {
        loop {
            let diffs = bob.next().await?.context("the profile is closed")?;
            let mut items = diffs.into_iter().flat_map(ListDiff::into_items);
            if items.any(|item| item.message().is_some_and(|message| message.text == text)) {
                return Ok::<_, anyhow::Error>(start.elapsed());
            }
        }
    };
    Ok((stored, tokio::time::timeout(PATIENCE, arrives).await.context("a message does not arrive")??))
}
