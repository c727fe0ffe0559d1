//! The clock is set wrong and right again while messages wait.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Ledger, Plan, Rows, row};
use crate::clock::Clock;
use crate::http::Http;
use crate::load::sign_up;
use crate::server::Server;

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

const SIZE: usize = 512;

/// Long enough for the server's upkeep to come by a few times.
const MEANWHILE: Duration = Duration::from_millis(800);

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let clock = Clock::standing();
    let server = Server::start_with(clock.for_server(), |config| {
        config.storage.cleanup_interval_minutes = 1;
        config.limits.max_pending_messages = 0;
    })
    .await?;
    let (address, messages) = (server.address(), plan.size.of(50, 2_000));
    let mut http = Http::connect(address).await?;
    let mut ledger = Ledger::open(&mut http, &server.admin(), "pair", SIZE).await?;
    let mut rows = Vec::new();
    for (name, jump) in [("a day ahead", DAY), ("a day behind", -DAY), ("a year ahead", YEAR), ("a year behind", -YEAR)]
    {
        ledger.send_more(address, messages).await?;
        clock.jumps(jump);
        // More than the minute between two cleanups passes too.
        clock.advance(61);
        tokio::time::sleep(MEANWHILE).await;
        // A session lasts 30 days: a year ahead nobody is signed in, but everybody can sign in.
        if jump < YEAR {
            ledger.send_more(address, messages).await?;
        }
        let newcomer = format!("newcomer-{}", rows.len());
        sign_up(&mut http, &server.admin(), &newcomer).await?;
        clock.jumps(-jump);
        tokio::time::sleep(MEANWHILE).await;
        ledger.send_more(address, messages).await?;
        ledger.collect(address).await?;
        let account = ledger.close();
        ensure!(account.lost + account.again == 0, "{name}: {account:?}");
        let what = format!("clock {name} and back: acknowledged messages, lost, doubled");
        rows.push(row(what, format!("{}, 0, 0", account.acknowledged)));
    }
    Ok(rows)
}
