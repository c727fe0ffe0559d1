//! Delivery at a fixed rate, as on a busy evening: what a person feels, which a full window does not show.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use privmsg_testkit::load::{self, Ids, Plan, Writes};

use super::Bench;
use super::report::Goal;

const PAIRS: u16 = 16;
const RATE: u32 = 5_000;
const SIZE: usize = 512;

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let duration = Duration::from_secs(bench.seconds);
    let before = server.cpu_time()?;
    let plan = Plan {
        pairs: PAIRS,
        window: 0,
        size: SIZE,
        duration,
        rate: Some(RATE),
        ids: Ids::Ordered,
        writes: Writes::Batched,
    };
    let outcome = load::run(server.address(), &server.admin(), plan).await?;
    let cpu = server.cpu_time()?.saturating_sub(before);
    let name = |what: &str| format!("{RATE} messages/s, {PAIRS} pairs, {SIZE} B: {what}");
    let reached = outcome.acknowledged as f64 / f64::from(RATE) / duration.as_secs_f64();
    let report = &mut bench.report;
    report.line(name("of them acknowledged"), 100.0 * reached, "%", Goal::AtLeast(99.9));
    report.line(name("delivered, p50"), outcome.delivery.p50_ms(), "ms", Goal::None);
    report.line(name("delivered, p99"), outcome.delivery.p99_ms(), "ms", Goal::AtMost(20.0));
    report.line(name("delivered, slowest"), outcome.delivery.percentile_us(100) / 1000.0, "ms", Goal::None);
    report.line(name("acknowledged, p99"), outcome.ack.p99_ms(), "ms", Goal::None);
    report.line(name("server CPU, of one core"), 100.0 * cpu.as_secs_f64() / duration.as_secs_f64(), "%", Goal::None);
    report.line(name("lost, doubled, refused"), outcome.faults() as f64, "", Goal::AtMost(0.0));
    Ok(())
}
