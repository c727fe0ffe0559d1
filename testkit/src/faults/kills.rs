//! SIGKILL at random times under raw load.
//!
//! Four senders always have messages open. Two of their recipients stay away, so that each message must be in the
//! mailbox exactly once; two are there and acknowledge, so that what they acknowledged shortly before a death may come
//! once more. After a death the senders send again what was open, with the same ids.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::{join_all, select};

use super::ledger::Account;
use super::{Ledger, Plan, Rows, row, server};
use crate::database;
use crate::http::Http;
use crate::load::Connection;
use crate::random::Random;

/// Deaths between two audits.
const AUDIT: u32 = 25;

/// Of a thousand deaths so many come while the server starts.
const WHILE_STARTING: u32 = 100;

const SIZE: usize = 512;

/// One of so many ends is a SIGTERM.
const IN_GOOD_ORDER: u32 = 8;

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let begin = Instant::now();
    let (_dir, mut server) = server(plan).await?;
    let (address, mut random) = (server.address(), Random::new(plan.seed));
    let mut http = Http::connect(address).await?;
    let (mut away, mut there) = (Vec::new(), Vec::new());
    for n in 0..2 {
        away.push(Ledger::open(&mut http, &server.admin(), &format!("away-{n}"), SIZE).await?);
        there.push(Ledger::open(&mut http, &server.admin(), &format!("there-{n}"), SIZE).await?);
    }
    let (mut kept, mut seen) = (Account::default(), Account::default());
    let (mut starting, mut stopped, mut audits, mut slowest) = (0_u32, 0_u32, 0_u32, Duration::ZERO);
    for kill in 1..=plan.kills {
        let pause = random.duration(&(Duration::ZERO..Duration::from_millis(250)));
        {
            let loads = away.iter_mut().map(|ledger| load(ledger, address, false));
            let loads = join_all(loads.chain(there.iter_mut().map(|ledger| load(ledger, address, true))));
            let (mut loads, sleep) = (std::pin::pin!(loads), std::pin::pin!(tokio::time::sleep(pause)));
            select(&mut loads, sleep).await;
            // What is under way must not be lost in good order either.
            if kill % IN_GOOD_ORDER == 0 {
                server.stop().await?;
                stopped += 1;
            } else {
                server.kill()?;
            }
            loads.await;
        }
        if random.permille(WHILE_STARTING) {
            server.die_while_starting(random.duration(&(Duration::ZERO..Duration::from_millis(12)))).await?;
            starting += 1;
        }
        let audit = kill % AUDIT == 0 || kill == plan.kills;
        if audit {
            let integrity = database::integrity(&server)?;
            ensure!(integrity == "ok", "after {kill} deaths: {integrity}");
            audits += 1;
        }
        slowest = slowest.max(server.restart().await?);
        if audit {
            for ledger in away.iter_mut().chain(&mut there) {
                ledger.send_more(address, 0).await?;
                ledger.collect(address).await?;
            }
            away.iter_mut().for_each(|ledger| kept += ledger.close());
            there.iter_mut().for_each(|ledger| seen += ledger.close());
            ensure!(kept.lost + seen.lost == 0, "lost: {kept:?} {seen:?}");
            ensure!(kept.again == 0, "twice in a mailbox: {kept:?}");
            server.forget_log()?;
        }
    }
    ensure!(kept.acknowledged > 0 && seen.acknowledged > 0, "there was no load");
    server.stop().await?;
    Ok(vec![
        row("SIGKILLs of the server under load", plan.kills - stopped),
        row("SIGTERMs under load", stopped),
        row("and while it started again", starting),
        row("messages acknowledged", kept.acknowledged + seen.acknowledged),
        row("of them lost", kept.lost + seen.lost),
        row("twice in a mailbox that nobody had read", kept.again),
        row("delivered again, because the recipient's acknowledgement died with the server", seen.again),
        row("slowest restart until it answered", format!("{} ms", slowest.as_millis())),
        row("`PRAGMA integrity_check` right after a death", format!("{audits} × ok")),
        row("seconds", begin.elapsed().as_secs()),
    ])
}

/// Works until the server is gone.
async fn load(ledger: &mut Ledger, address: std::net::SocketAddr, read: bool) {
    let reading = async {
        if read && let Ok(connection) = Connection::open(address, &ledger.to).await {
            Some(ledger.reader(connection))
        } else {
            None
        }
    }
    .await;
    let sending = ledger.send(address, |_, _| true);
    // That both break is what is waited for.
    let _ = match reading {
        Some(reading) => tokio::join!(sending, reading).0,
        None => sending.await,
    };
}
