//! Signing in on connections that stay open: everybody after a restart of the server, or of a mobile network.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use privmsg_testkit::Account;
use privmsg_testkit::figures::Times;
use privmsg_testkit::http::Http;
use privmsg_testkit::load::sign_in_as;

use super::Bench;
use super::report::Goal;

const USERS: usize = 500;

/// Connections that sign in at the same time.
const AT_ONCE: usize = 32;

/// What every device calls its key here.
const PUBLIC_KEY: &str = "a public key in place of a real one";

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let (admin, mut http) = (server.admin(), Http::connect(server.address()).await?);
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(admin.creates_by(&mut http, &format!("user-{n}")).await?);
    }
    let users: Arc<[Account]> = users.into();
    let forever = Duration::from_secs(bench.seconds);
    for (device, rounds, time, goal) in [
        ("a new device", 1, Duration::MAX, Goal::None),
        ("a device that is known", usize::MAX, forever, Goal::AtLeast(2_000.0)),
    ] {
        let (before, start) = (server.cpu_time()?, Instant::now());
        let mut workers = tokio::task::JoinSet::new();
        for first in 0..AT_ONCE {
            let (users, mut http) = (Arc::clone(&users), Http::connect(server.address()).await?);
            workers.spawn(async move {
                let mut times = Times::default();
                for _ in 0..rounds {
                    for account in users.iter().skip(first).step_by(AT_ONCE) {
                        if start.elapsed() > time {
                            return anyhow::Ok(times);
                        }
                        let begin = Instant::now();
                        sign_in_as(&mut http, account, Some(PUBLIC_KEY)).await?;
                        times.note(begin.elapsed());
                    }
                }
                Ok(times)
            });
        }
        let mut times = Times::default();
        while let Some(worker) = workers.join_next().await {
            times.extend(&worker??);
        }
        let (elapsed, cpu) = (start.elapsed(), server.cpu_time()?.saturating_sub(before));
        let count = times.count() as f64;
        let name = |what: &str| format!("logins on {device}, {AT_ONCE} at a time: {what}");
        bench.report.line(name("logins"), (count / elapsed.as_secs_f64()).round(), "/s", goal);
        bench.report.line(name("server CPU"), cpu.as_secs_f64() * 1e6 / count, "µs/login", Goal::None);
        bench.report.line(name("answered, p99"), times.p99_ms(), "ms", Goal::None);
    }
    Ok(())
}
