//! A client that comes back to a full mailbox.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use privmsg_testkit::Person;
use privmsg_testkit::wait::until;

use super::Bench;
use super::report::Goal;

const MESSAGES: usize = 10_000;

/// Longer than a client that misses its goal by far.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let admin = server.admin();
    let alice = Person::signs_in(&server.url(), &admin.creates("alice").await?).await?;
    let mut bob = Person::signs_in_offline(&server.url(), &admin.creates("bob").await?).await?;

    let start = Instant::now();
    let mut last = None;
    for n in 0..MESSAGES {
        last = Some(alice.says(&bob, &format!("message number {n}, as long as people write on an average day")).await?);
    }
    let written = start.elapsed();
    let Some(last) = last else { bail!("nothing was sent") };
    tokio::time::timeout(PATIENCE, alice.client().wait_acknowledged(&last.said())).await??;
    let sent = start.elapsed();

    let start = Instant::now();
    bob.starts().await?;
    let from = &alice.account().user_id;
    until("all messages", PATIENCE, || async {
        let chats = bob.client().chats().await?;
        Ok((chats.first().is_some_and(|chat| chat.summary.messages >= MESSAGES as u64)).then_some(()))
    })
    .await?;
    let received = start.elapsed();
    let texts = bob.texts(from).await?;
    let report = &mut bench.report;
    report.line(
        format!("client: {MESSAGES} waiting messages fetched, decrypted and stored"),
        received.as_secs_f64(),
        "s",
        Goal::AtMost(1.0),
    );
    report.line(
        "client: of them missing or doubled",
        (texts.len() as f64 - MESSAGES as f64).abs(),
        "",
        Goal::AtMost(0.0),
    );
    let each = |time: Duration| time.as_secs_f64() * 1e6 / MESSAGES as f64;
    report.line("client: a message written and durably queued", each(written), "µs", Goal::None);
    report.line("client: until acknowledged, encryption and network included", each(sent), "µs", Goal::None);
    Ok(())
}
