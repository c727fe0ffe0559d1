//! Full mailboxes: starting with them, and fetching one.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{collect_mailbox, fill_mailbox, sign_up};
use privmsg_testkit::wait::{PATIENCE, until};

use super::Bench;
use super::report::Goal;

/// Mailboxes that are filled at the same time.
const RECIPIENTS: usize = 10;

/// What one of them is fetched again with.
const MAILBOX: usize = 10_000;
const SIZE: usize = 512;

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let all = if bench.quick { 100_000 } else { 1_000_000 };
    let mut server = bench.server(dir).await?;
    let (address, admin) = (server.address(), server.admin());
    let mut http = Http::connect(address).await?;
    let (mut fillings, mut recipients) = (tokio::task::JoinSet::new(), Vec::new());
    let start = Instant::now();
    for n in 0..RECIPIENTS {
        let from = sign_up(&mut http, &admin, &format!("from-{n}")).await?;
        let to = sign_up(&mut http, &admin, &format!("to-{n}")).await?;
        recipients.push(to.clone());
        // The first one has just what is fetched below.
        let count = if n == 0 { MAILBOX } else { (all - MAILBOX) / (RECIPIENTS - 1) };
        fillings.spawn(async move { fill_mailbox(address, &from, &to.user_id, count, SIZE).await });
    }
    while let Some(filling) = fillings.join_next().await {
        filling??;
    }
    let seconds = start.elapsed().as_secs_f64();
    let queued = admin.stats().await?.pending_messages;
    bench.report.line(format!("{queued} messages queued, all recipients offline"), seconds, "s", Goal::None);
    server.stop().await?;
    for (how, time) in [("after a stop", server.restart().await?), ("after SIGKILL", server.restart().await?)] {
        let name = format!("start until /health with {queued} queued messages, {how}");
        bench.report.line(name, time.as_secs_f64() * 1000.0, "ms", Goal::AtMost(300.0));
    }
    let megabytes = std::fs::metadata(server.database())?.len() as f64 / 1e6;
    bench.report.line("their database", megabytes, "MB", Goal::None);

    let (start, cpu) = (Instant::now(), server.cpu_time()?);
    let fetched = collect_mailbox(address, &recipients[0]).await?.len();
    let elapsed = start.elapsed().as_secs_f64();
    ensure!(fetched == MAILBOX, "{fetched} messages in a mailbox of {MAILBOX}");
    let name = |what: &str| format!("a mailbox of {MAILBOX} among them: {what}");
    let rest = queued - MAILBOX as u64;
    let emptied = || async { Ok((admin.stats().await?.pending_messages == rest).then_some(())) };
    bench.report.line(name("fetched"), (MAILBOX as f64 / elapsed).round(), "messages/s", Goal::AtLeast(50_000.0));
    until("the acknowledgements", PATIENCE, emptied).await?;
    let elapsed = start.elapsed().as_secs_f64();
    bench.report.line(name("fetched, and gone from the disk"), MAILBOX as f64 / elapsed, "messages/s", Goal::None);
    let cpu = server.cpu_time()?.saturating_sub(cpu).as_secs_f64() * 1e6 / MAILBOX as f64;
    bench.report.line(name("server CPU"), cpu, "µs/message", Goal::None);
    Ok(())
}
