//! Durable messages between pairs.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use privmsg_testkit::ServerProcess;
use privmsg_testkit::load::{self, Ids, Outcome, Plan, Writes};

use super::Bench;
use super::report::{Goal, number};

const WINDOW: usize = 32;
const SIZE: usize = 512;

/// How often the ways to send are measured, in turns: what else the machine does changes from second to second, and
/// neighbours in time are compared with each other.
const ROUNDS: usize = 5;

/// How messages are sent: as the best of clients does, with ids that any client may make, and one by one.
const WAYS: [(Ids, Writes); 3] =
    [(Ids::Ordered, Writes::Batched), (Ids::Random, Writes::Batched), (Ids::Ordered, Writes::Single)];

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let one = run(bench, &server, 1, WAYS[0]).await?;
    report(bench, 1, &[one]);
    let mut rounds: [Vec<Run>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (way, runs) in WAYS.into_iter().zip(&mut rounds) {
            runs.push(run(bench, &server, 16, way).await?);
        }
    }
    report(bench, 16, &rounds[0]);
    for (runs, what, goal) in [(&rounds[1], "random ids", 0.9), (&rounds[2], "each frame written by itself", 0.6)] {
        let name = |of: &str| format!("relay, 16 × {WINDOW} × {SIZE} B, {what}: {of}");
        line(bench, name("durable messages"), runs.iter().map(Run::speed), "/s", Goal::None);
        line(bench, name("server CPU"), runs.iter().map(|run| run.cpu_us), "µs/message", Goal::None);
        let ratios = runs.iter().zip(&rounds[0]).map(|(run, plain)| run.speed() / plain.speed());
        line(bench, name("of the speed without"), ratios, "", Goal::AtLeast(goal));
        let faults: u64 = runs.iter().map(|run| run.outcome.faults()).sum();
        bench.report.line(name("lost, doubled, refused"), faults as f64, "", Goal::AtMost(0.0));
    }
    let megabytes = server.resident_bytes()? as f64 / 1e6;
    bench.report.line("relay: server memory right afterwards", megabytes, "MB", Goal::None);
    Ok(())
}

/// One measurement.
struct Run {
    outcome: Outcome,
    cpu_us: f64,
}

impl Run {
    fn speed(&self) -> f64 {
        self.outcome.acknowledged as f64 / self.outcome.elapsed.as_secs_f64()
    }
}

async fn run(bench: &Bench, server: &ServerProcess, pairs: u16, (ids, writes): (Ids, Writes)) -> Result<Run> {
    let duration = Duration::from_secs(bench.seconds);
    let plan = Plan { pairs, window: WINDOW, size: SIZE, duration, rate: None, ids, writes };
    let before = server.cpu_time()?;
    let outcome = load::run(server.address(), &server.admin(), plan).await?;
    let cpu = server.cpu_time()?.saturating_sub(before);
    let cpu_us = cpu.as_secs_f64() * 1e6 / outcome.acknowledged.max(1) as f64;
    Ok(Run { outcome, cpu_us })
}

fn report(bench: &mut Bench, pairs: u16, runs: &[Run]) {
    let ack_goal = bench.report.fdatasync_ms.map_or(Goal::None, |(p50, _)| Goal::AtMost(6.0 * p50 + 10.0));
    let goal = |goal| if pairs == 16 { goal } else { Goal::None };
    let name = |what: &str| format!("relay, {pairs} × {WINDOW} × {SIZE} B: {what}");
    let each = |of: fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<_>>();
    line(bench, name("durable messages"), each(Run::speed), "/s", goal(Goal::AtLeast(40_000.0)));
    line(bench, name("server CPU"), each(|run| run.cpu_us), "µs/message", goal(Goal::AtMost(12.0)));
    line(bench, name("acknowledged, p50"), each(|run| run.outcome.ack.p50_ms()), "ms", Goal::None);
    line(bench, name("acknowledged, p99"), each(|run| run.outcome.ack.p99_ms()), "ms", ack_goal);
    line(bench, name("delivered, p50"), each(|run| run.outcome.delivery.p50_ms()), "ms", Goal::None);
    line(bench, name("delivered, p99"), each(|run| run.outcome.delivery.p99_ms()), "ms", Goal::None);
    let sum = |of: fn(&Outcome) -> u64| runs.iter().map(|run| of(&run.outcome)).sum::<u64>() as f64;
    let report = &mut bench.report;
    report.line(name("acknowledged and not delivered"), sum(|outcome| outcome.lost), "", Goal::AtMost(0.0));
    report.line(name("delivered twice"), sum(|outcome| outcome.duplicates), "", Goal::AtMost(0.0));
    report.line(name("errors"), sum(|outcome| outcome.errors), "", Goal::AtMost(0.0));
}

/// The median of some figures, and how far they lie apart.
fn line(bench: &mut Bench, name: String, values: impl IntoIterator<Item = f64>, unit: &'static str, goal: Goal) {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let spread = match values.as_slice() {
        [least, .., most] => format!(" ({} to {})", number(*least), number(*most)),
        _ => String::new(),
    };
    bench.report.line(format!("{name}{spread}"), values[values.len() / 2], unit, goal);
}
