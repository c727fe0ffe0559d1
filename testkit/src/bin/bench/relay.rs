//! Durable messages between pairs.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use privmsg_testkit::load::{self, Ids, Outcome, Plan, Writes};
use privmsg_testkit::{ServerProcess, procfs};

use super::Bench;
use super::report::{Goal, number};

const WINDOW: usize = 32;
const SIZE: usize = 512;

/// How often the ways to send are measured, in turns: what else the machine does changes from second to second, and
/// neighbours in time are compared with each other.
const ROUNDS: usize = 5;

/// How messages are sent: as the best of clients does, with ids that any client may make, and these one by one.
const WAYS: [(Ids, Writes); 3] =
    [(Ids::Ordered, Writes::Batched), (Ids::Random, Writes::Batched), (Ids::Random, Writes::Single)];

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
    for (runs, what, goal) in [(&rounds[1], "random ids", 0.9), (&rounds[2], "random ids, frame by frame", 0.6)] {
        let name = |of: &str| format!("relay, 16 × {WINDOW} × {SIZE} B, {what}: {of}");
        line(bench, name("durable messages"), runs.iter().map(Run::speed), "/s", Goal::None);
        report_cpu(bench, name, runs, Goal::None);
        let ratios = runs.iter().zip(&rounds[0]).map(|(run, plain)| run.speed() / plain.speed());
        line(bench, name("of the speed of ordered ids in batches"), ratios, "", Goal::AtLeast(goal));
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
    /// Processor time of the server and of the load generator, which is this process.
    server: Duration,
    generator: Duration,
}

impl Run {
    fn speed(&self) -> f64 {
        self.outcome.acknowledged as f64 / self.outcome.elapsed.as_secs_f64()
    }

    fn us_each(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.outcome.acknowledged.max(1) as f64
    }

    /// How much of the machine's processors the two had.
    fn percent_of_machine(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let cpu = self.server + self.generator;
        (100.0 * cpu.as_secs_f64() / self.outcome.elapsed.as_secs_f64() / cores).round()
    }
}

async fn run(bench: &Bench, server: &ServerProcess, pairs: u16, (ids, writes): (Ids, Writes)) -> Result<Run> {
    let duration = Duration::from_secs(bench.seconds);
    let plan = Plan { pairs, window: WINDOW, size: SIZE, duration, rate: None, ids, writes };
    let this = std::process::id();
    let before = (server.cpu_time()?, procfs::cpu_time(this)?);
    let outcome = load::run(server.address(), &server.admin(), plan).await?;
    let server = server.cpu_time()?.saturating_sub(before.0);
    let generator = procfs::cpu_time(this)?.saturating_sub(before.1);
    Ok(Run { outcome, server, generator })
}

/// Where the processors are the limit, the generator has the share that the server has not.
fn report_cpu(bench: &mut Bench, name: impl Fn(&str) -> String, runs: &[Run], goal: Goal) {
    let cpu = |of: fn(&Run) -> Duration| runs.iter().map(move |run| run.us_each(of(run)));
    line(bench, name("server CPU"), cpu(|run| run.server), "µs/message", goal);
    line(bench, name("load generator CPU"), cpu(|run| run.generator), "µs/message", Goal::None);
    line(bench, name("both, of all cores"), runs.iter().map(Run::percent_of_machine), "%", Goal::None);
}

fn report(bench: &mut Bench, pairs: u16, runs: &[Run]) {
    let ack_goal = bench.report.fdatasync_ms.map_or(Goal::None, |(p50, _)| Goal::AtMost(6.0 * p50 + 10.0));
    let goal = |goal| if pairs == 16 { goal } else { Goal::None };
    let name = |what: &str| format!("relay, {pairs} × {WINDOW} × {SIZE} B: {what}");
    let each = |of: fn(&Run) -> f64| runs.iter().map(of).collect::<Vec<_>>();
    line(bench, name("durable messages"), each(Run::speed), "/s", goal(Goal::AtLeast(40_000.0)));
    report_cpu(bench, name, runs, goal(Goal::AtMost(12.0)));
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
