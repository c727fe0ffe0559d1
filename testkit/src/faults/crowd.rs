//! Many connections, and all of them at once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::{Ledger, Plan, Rows, megabytes, row, server};
use crate::Endpoint;
use crate::ServerProcess;
use crate::figures::Times;
use crate::http::Http;
use crate::load::{Connection, SignedIn, sign_up};

/// Connections that are being opened at the same time.
const AT_ONCE: usize = 32;

/// Devices that come back at the same moment, with so many messages waiting for each.
const REGULARS: usize = 200;
const WAITING: usize = 20;

/// Memory of one connection, and of the server beside.
const MOST_EACH: u64 = 16_000;
const MOST_BESIDE: u64 = 64_000_000;

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let count = plan.size.of(1_000, 10_000);
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    ensure!(descriptors > count as u64 + 300, "only {descriptors} open files allowed");
    let (_dir, mut server) = server(plan).await?;
    let address = server.address();
    let mut http = Http::connect(address).await?;
    let mut regulars = Vec::new();
    for n in 0..REGULARS {
        regulars.push(Ledger::open(&mut http, &server.admin(), &format!("regular-{n}"), 512).await?);
    }
    let idle = open_idle(&server, 0, count).await?;
    for ledger in &mut regulars {
        ledger.send_more(address, WAITING).await?;
    }
    let memory = server.resident_bytes()?;
    let ceiling = MOST_EACH * count as u64 + MOST_BESIDE;
    ensure!(memory < ceiling, "{} with {count} connections", megabytes(memory));
    server.kill()?;
    let who: Vec<SignedIn> = idle.into_iter().map(|(who, _)| who).collect();

    // All at once: the crowd, and among it the devices for which something waits.
    let restart = server.restart().await?;
    let start = Instant::now();
    let mut coming = JoinSet::new();
    for chunk in who.chunks(count.div_ceil(AT_ONCE)) {
        coming.spawn(come_back(server.endpoint(), chunk.to_vec()));
    }
    let caught_up = futures_util::future::join_all(regulars.iter().map(|ledger| async {
        ledger.collect(address).await?;
        anyhow::Ok(start.elapsed())
    }))
    .await;
    let mut times = Times::default();
    for time in caught_up {
        times.note(time?);
    }
    let mut back = Vec::new();
    while let Some(came) = coming.join_next().await {
        back.extend(came??);
    }
    let all = start.elapsed();
    ensure!(back.len() == count, "{} of {count} came back", back.len());
    let memory_after = server.resident_bytes()?;
    ensure!(memory_after < ceiling, "{} with all of them back", megabytes(memory_after));
    let (mut lost, mut again) = (0, 0);
    for ledger in &mut regulars {
        let account = ledger.close();
        (lost, again) = (lost + account.lost, again + account.again);
    }
    ensure!(lost + again == 0, "{lost} lost, {again} doubled");
    Ok(vec![
        row("connections", count),
        row("server memory with them", megabytes(memory)),
        row("restart after SIGKILL until it answered", format!("{} ms", restart.as_millis())),
        row(
            format!("{REGULARS} devices back at once among them, {WAITING} messages for each: all fetched, median"),
            format!("{:.0} ms", times.p50_ms()),
        ),
        row("the slowest of them", format!("{:.0} ms", times.percentile_us(100) / 1000.0)),
        row("all connections back", format!("{} ms", all.as_millis())),
        row("server memory after that", megabytes(memory_after)),
        row("lost or doubled", 0),
    ])
}

/// A patient client: whoever is refused tries again.
async fn come_back(server: Endpoint, who: Vec<SignedIn>) -> Result<Vec<Connection>> {
    let mut open = Vec::with_capacity(who.len());
    for one in &who {
        let start = Instant::now();
        open.push(loop {
            match Connection::open(server.clone(), one).await {
                Ok(connection) => break connection,
                Err(error) if start.elapsed() > Duration::from_secs(60) => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        });
    }
    Ok(open)
}

/// Opens connections, each of a new user, numbered `from..until`.
///
/// # Errors
/// If one cannot be opened.
pub async fn open_idle(server: &ServerProcess, from: usize, until: usize) -> Result<Vec<(SignedIn, Connection)>> {
    let mut workers = JoinSet::new();
    for first in 0..AT_ONCE {
        let (endpoint, admin) = (server.endpoint(), server.admin());
        workers.spawn(async move {
            let mut http = Http::connect(endpoint.clone()).await?;
            let mut mine = Vec::new();
            for number in (from + first..until).step_by(AT_ONCE) {
                let user = sign_up(&mut http, &admin, &format!("idle-{number}")).await?;
                let connection = Connection::open(endpoint.clone(), &user).await?;
                mine.push((user, connection));
            }
            anyhow::Ok(mine)
        });
    }
    let mut all = Vec::new();
    while let Some(worker) = workers.join_next().await {
        all.extend(worker??);
    }
    Ok(all)
}
