//! Durable messages between pairs.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use privmsg_testkit::load::{self, Plan};

use super::Bench;
use super::report::Goal;

const WINDOW: usize = 32;
const SIZE: usize = 512;

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let admin = server.admin();
    let duration = Duration::from_secs(bench.seconds);
    let ack_goal = bench.report.fdatasync_ms.map_or(Goal::None, |(p50, _)| Goal::AtMost(6.0 * p50 + 10.0));
    for pairs in [1, 16] {
        let before = server.cpu_time()?;
        let outcome =
            load::run(server.address(), &admin, Plan { pairs, window: WINDOW, size: SIZE, duration, rate: None })
                .await?;
        let cpu = server.cpu_time()?.saturating_sub(before);
        let count = outcome.acknowledged.max(1) as f64;
        let goal = |goal| if pairs == 16 { goal } else { Goal::None };
        let name = |what: &str| format!("relay, {pairs} × {WINDOW} × {SIZE} B: {what}");
        let report = &mut bench.report;
        let per_second = outcome.acknowledged as f64 / outcome.elapsed.as_secs_f64();
        report.line(name("durable messages"), per_second.round(), "/s", goal(Goal::AtLeast(40_000.0)));
        report.line(name("server CPU"), cpu.as_secs_f64() * 1e6 / count, "µs/message", goal(Goal::AtMost(20.0)));
        report.line(name("acknowledged, p50"), outcome.ack.p50_ms(), "ms", Goal::None);
        report.line(name("acknowledged, p99"), outcome.ack.p99_ms(), "ms", ack_goal);
        report.line(name("delivered, p50"), outcome.delivery.p50_ms(), "ms", Goal::None);
        report.line(name("delivered, p99"), outcome.delivery.p99_ms(), "ms", Goal::None);
        report.line(name("acknowledged and not delivered"), outcome.lost as f64, "", Goal::AtMost(0.0));
        report.line(name("delivered twice"), outcome.duplicates as f64, "", Goal::AtMost(0.0));
        report.line(name("errors"), outcome.errors as f64, "", Goal::AtMost(0.0));
    }
    report_memory(bench, &server)
}

fn report_memory(bench: &mut Bench, server: &privmsg_testkit::ServerProcess) -> Result<()> {
    let megabytes = server.resident_bytes()? as f64 / 1e6;
    bench.report.line("relay: server memory right afterwards", megabytes, "MB", Goal::None);
    Ok(())
}
