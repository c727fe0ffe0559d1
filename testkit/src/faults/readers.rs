//! Recipients that read slowly, or not at all, while much is sent to them.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Ledger, Plan, Rows, megabytes, row, server};
use crate::http::Http;
use crate::load::Connection;
use crate::wait::{PATIENCE, until};

/// What is sent to each: far more than the buffers of a socket.
const MESSAGES: usize = 120;
const SIZE: usize = 40 * 1024;

/// Memory that one of them may cost: half a megabyte that waits, a page of the mailbox, and frames being written.
const MOST_EACH: u64 = 1_000_000;

/// And all together: the database's caches.
const MOST_BESIDE: u64 = 32_000_000;

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let count = plan.size.of(12, 60);
    let (_dir, server) = server(plan).await?;
    let address = server.address();
    let mut http = Http::connect(address).await?;
    let (mut ledgers, mut stalled) = (Vec::new(), Vec::new());
    for n in 0..count {
        let ledger = Ledger::open(&mut http, &server.admin(), &format!("stalled-{n}"), SIZE).await?;
        stalled.push(Connection::open(address, &ledger.to).await?);
        ledgers.push(ledger);
    }
    let mut healthy = Ledger::open(&mut http, &server.admin(), "healthy", 512).await?;
    let mut reader = tokio::task::JoinSet::new();
    reader.spawn(healthy.reader(Connection::open(address, &healthy.to).await?));

    let before = server.resident_bytes()?;
    for ledger in &mut ledgers {
        ledger.send_more(address, MESSAGES).await?;
    }
    let start = Instant::now();
    healthy.send_more(address, 2_000).await?;
    until("what the others are sent", PATIENCE, || async { Ok((healthy.arrived() == 2_000).then_some(())) }).await?;
    let others = start.elapsed();
    let peak = server.peak_resident_bytes()?;
    let (ceiling, sent) = (MOST_EACH * count as u64 + MOST_BESIDE, (count * MESSAGES * SIZE * 4 / 3) as u64);
    ensure!(peak < before + ceiling, "{} with {count} stalled readers", megabytes(peak));

    // Half of them read slowly at first, then all as fast as they can.
    for (connection, ledger) in stalled.into_iter().zip(&ledgers) {
        reader.spawn(ledger.reader(connection));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("everything, in the end", PATIENCE, || async {
        Ok(ledgers.iter().all(|ledger| ledger.arrived() == MESSAGES).then_some(()))
    })
    .await?;
    let again: usize = ledgers.iter_mut().map(|ledger| ledger.close().again).sum();
    ensure!(again == 0, "{again} came twice");
    Ok(vec![
        row("stalled readers", count),
        row("sent to them", megabytes(sent)),
        row("server memory before, and at most", format!("{}, {}", megabytes(before), megabytes(peak))),
        row("2,000 messages between two others meanwhile", format!("{} ms", others.as_millis())),
        row("lost or doubled once they read on", 0),
    ])
}
