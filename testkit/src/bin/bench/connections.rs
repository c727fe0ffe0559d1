//! Memory of the server, alone and with idle connections of as many users.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{Connection, sign_up};
use privmsg_testkit::{Admin, ServerProcess};

use super::Bench;
use super::report::Goal;

/// Connections that are being opened at the same time.
const AT_ONCE: usize = 32;

/// Descriptors that this process needs besides.
const SPARE: u64 = 200;

pub(super) async fn measure(bench: &mut Bench, dir: &Path, descriptors: u64) -> Result<()> {
    let server = bench.server(dir).await?;
    settle().await;
    let idle = server.resident_bytes()?;
    bench.report.line("server memory, idle", idle as f64 / 1e6, "MB", Goal::AtMost(20.0));
    let mut open = Vec::new();
    for count in [1_000, 10_000] {
        let name = format!("memory per idle connection, at {count}");
        if count as u64 + SPARE > descriptors {
            bench.report.remark(&name, &format!("not possible with {descriptors} open files"));
            continue;
        }
        open.extend(open_more(&server, open.len(), count).await.with_context(|| format!("{count} connections"))?);
        settle().await;
        let bytes = server.resident_bytes()?.saturating_sub(idle) as f64 / count as f64;
        bench.report.line(name, bytes / 1000.0, "kB", Goal::AtMost(10.0));
    }
    if !open.is_empty() {
        bench.report.line("server memory with them", server.resident_bytes()? as f64 / 1e6, "MB", Goal::None);
    }
    Ok(())
}

/// Lets what was started come to rest: the first presence, the last write.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Opens connections, each of a new user, until there are `until`.
async fn open_more(server: &ServerProcess, from: usize, until: usize) -> Result<Vec<Connection>> {
    let next = Arc::new(AtomicUsize::new(from));
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| tokio::spawn(open_some(server.address(), server.admin(), Arc::clone(&next), until)))
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await??);
    }
    Ok(all)
}

async fn open_some(address: SocketAddr, admin: Admin, next: Arc<AtomicUsize>, until: usize) -> Result<Vec<Connection>> {
    let mut http = Http::connect(address).await?;
    let mut mine = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= until {
            return Ok(mine);
        }
        let user = sign_up(&mut http, &admin, &format!("idle-{number}")).await?;
        mine.push(Connection::open(address, &user).await?);
    }
}
