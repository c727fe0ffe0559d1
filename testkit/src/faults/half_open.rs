//! Connections that are open and over which nothing comes any more, as when a NAT has forgotten them.

use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Ledger, Plan, Rows, row, server};
use crate::http::Http;
use crate::load::Connection;
use crate::proxy::Proxy;
use crate::wait::{PATIENCE, until};

/// What each one is sent while nothing comes through.
const MESSAGES: usize = 20;
const SIZE: usize = 512;

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let devices = plan.size.of(20, 200);
    let (_dir, server) = server(plan).await?;
    let proxy = Proxy::start(server.address(), plan.seed).await?;
    let mut http = Http::connect(server.address()).await?;
    let (mut ledgers, mut readers) = (Vec::new(), tokio::task::JoinSet::new());
    for n in 0..devices {
        let ledger = Ledger::open(&mut http, &server.admin(), &format!("device-{n}"), SIZE).await?;
        readers.spawn(ledger.reader(Connection::open(proxy.address(), &ledger.to).await?));
        ledgers.push(ledger);
    }
    let before = server.open_files()?;
    proxy.goes_silent();
    for ledger in &mut ledgers {
        ledger.send_more(server.address(), MESSAGES).await?;
    }
    ensure!(ledgers.iter().all(|ledger| ledger.arrived() == 0), "the network is silent");
    let start = Instant::now();
    let mut anew = tokio::task::JoinSet::new();
    for ledger in &ledgers {
        anew.spawn(ledger.reader(Connection::open(proxy.address(), &ledger.to).await?));
    }
    until("everything on the new connections", PATIENCE, || async {
        Ok(ledgers.iter().all(|ledger| ledger.arrived() == MESSAGES).then_some(()))
    })
    .await?;
    let elapsed = start.elapsed();
    // A few come and go: the connections of this check.
    until("the end of the half-open connections", PATIENCE, || async {
        Ok((server.open_files()? <= before + 2).then_some(()))
    })
    .await?;
    let again: usize = ledgers.iter_mut().map(|ledger| ledger.close().again).sum();
    ensure!(again == 0, "{again} came twice");
    Ok(vec![
        row("half-open connections", devices),
        row("messages sent meanwhile, all of which arrived on new connections", devices * MESSAGES),
        row("from the first new connection until then", format!("{} ms", elapsed.as_millis())),
        row("half-open connections that the server still held after that", 0),
    ])
}
