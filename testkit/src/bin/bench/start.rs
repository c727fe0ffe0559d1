//! Starting with full mailboxes.

use std::path::Path;

use anyhow::Result;
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{fill_mailbox, sign_up};

use super::Bench;
use super::report::Goal;

const RECIPIENTS: usize = 4;
const EACH: usize = 25_000;
const SIZE: usize = 512;

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let mut server = bench.server(dir).await?;
    let (address, admin) = (server.address(), server.admin());
    let mut http = Http::connect(address).await?;
    let mut fillings = Vec::new();
    for n in 0..RECIPIENTS {
        let from = sign_up(&mut http, &admin, &format!("from-{n}")).await?;
        let to = sign_up(&mut http, &admin, &format!("to-{n}")).await?.user_id;
        fillings.push(tokio::spawn(async move { fill_mailbox(address, &from, &to, EACH, SIZE).await }));
    }
    for filling in fillings {
        filling.await??;
    }
    server.stop()?;
    let orderly = server.restart().await?;
    let after_kill = server.restart().await?;
    for (how, time) in [("after a stop", orderly), ("after SIGKILL", after_kill)] {
        let name = format!("start until /health with {} queued messages, {how}", RECIPIENTS * EACH);
        bench.report.line(name, time.as_secs_f64() * 1000.0, "ms", Goal::AtMost(300.0));
    }
    Ok(())
}
