//! Memory of the server, alone and with idle connections of as many users.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_testkit::ServerProcess;
use privmsg_testkit::faults::open_idle;

use super::Bench;
use super::report::Goal;

/// Descriptors that this process needs besides.
const SPARE: u64 = 200;

/// What is measured of plain connections, and of those with TLS.
struct Kind {
    name: &'static str,
    /// Most kilobytes of one.
    goal: f64,
}

pub(super) async fn measure(bench: &mut Bench, dir: &Path, descriptors: u64) -> Result<()> {
    let server = bench.server(dir).await?;
    let kind = Kind { name: "idle plain connection", goal: 8.0 };
    connections(bench, &server, &kind, descriptors).await
}

pub(super) async fn measure_with_tls(bench: &mut Bench, dir: &Path, descriptors: u64) -> Result<()> {
    let server = bench.server_with_tls(dir).await?;
    let kind = Kind { name: "idle connection with TLS", goal: 20.0 };
    connections(bench, &server, &kind, descriptors).await
}

async fn connections(bench: &mut Bench, server: &ServerProcess, kind: &Kind, descriptors: u64) -> Result<()> {
    settle().await;
    let idle = server.resident_bytes()?;
    if kind.name.contains("plain") {
        bench.report.line("server memory, idle", idle as f64 / 1e6, "MB", Goal::AtMost(20.0));
    }
    let mut open = Vec::new();
    let counts: &[usize] = if bench.quick { &[1_000] } else { &[1_000, 10_000] };
    for &count in counts {
        let name = format!("memory per {}, at {count}", kind.name);
        if count as u64 + SPARE > descriptors {
            bench.report.remark(&name, &format!("not possible with {descriptors} open files"));
            continue;
        }
        open.extend(open_idle(server, open.len(), count).await.with_context(|| format!("{count} connections"))?);
        settle().await;
        let bytes = server.resident_bytes()?.saturating_sub(idle) as f64 / count as f64;
        bench.report.line(name, bytes / 1000.0, "kB", Goal::AtMost(kind.goal));
    }
    if !open.is_empty() {
        let name = format!("server memory with {} of them", open.len());
        bench.report.line(name, server.resident_bytes()? as f64 / 1e6, "MB", Goal::None);
    }
    Ok(())
}

/// Lets what was started come to rest: the first presence, the last write.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
