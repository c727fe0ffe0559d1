//! One message to a large group.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use privmsg_protocol::Epoch;
use privmsg_testkit::ServerProcess;
use privmsg_testkit::database::{adds_group_of_all, rows_in};
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{Connection, SignedIn, To, receive_each, send_all, sign_in};
use privmsg_testkit::wait::{PATIENCE, until};

use super::Bench;
use super::report::Goal;

const USERS: usize = 200;
const DEVICES: usize = 2;
const MESSAGES: usize = 500;
const SIZE: usize = 512;

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let server = bench.server(dir).await?;
    let (sender, others, to) = group(&server).await?;
    let name = |what: String| format!("group message to {USERS} users × {DEVICES} devices: {what}");
    // One at a time, and as many at once as a busy group has.
    for window in [1, 16] {
        let (cpu, bodies) = (server.cpu_time()?, rows_in(&server, "body")?);
        send_all(server.address(), &sender, &to, MESSAGES, window, SIZE).await?;
        let cpu = server.cpu_time()?.saturating_sub(cpu).as_secs_f64() * 1000.0 / MESSAGES as f64;
        let bodies = (rows_in(&server, "body")? - bodies) as f64 / MESSAGES as f64;
        if window == 1 {
            bench.report.line(name("stored bodies".to_owned()), bodies, "", Goal::AtMost(1.0));
        }
        let what = format!("all offline, {window} at a time: server CPU");
        bench.report.line(name(what), cpu, "ms/message", Goal::AtMost(2.0));
    }

    let received = Arc::new(AtomicUsize::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for device in &others {
        let (connection, received) = (Connection::open(server.address(), device).await?, Arc::clone(&received));
        readers.spawn(receive_each(connection, move |_| {
            received.fetch_add(1, Ordering::SeqCst);
        }));
    }
    let emptied = || async { Ok((server.admin().stats().await?.pending_messages == 0).then_some(())) };
    until("empty mailboxes", PATIENCE, emptied).await?;
    for window in [1, 16] {
        let before = received.load(Ordering::SeqCst);
        let cpu = server.cpu_time()?;
        send_all(server.address(), &sender, &to, MESSAGES, window, SIZE).await?;
        until("empty mailboxes", PATIENCE, emptied).await?;
        let cpu = server.cpu_time()?.saturating_sub(cpu).as_secs_f64() * 1000.0 / MESSAGES as f64;
        let what = format!("all online, {window} at a time, until all have acknowledged: server CPU");
        bench.report.line(name(what), cpu, "ms/message", Goal::None);
        let missing = (MESSAGES * others.len()).abs_diff(received.load(Ordering::SeqCst) - before);
        bench.report.line(name("missing or doubled".to_owned()), missing as f64, "", Goal::AtMost(0.0));
    }
    Ok(())
}

/// A group of all users, made by one more.
async fn group(server: &ServerProcess) -> Result<(SignedIn, Vec<SignedIn>, To)> {
    let (admin, mut http) = (server.admin(), Http::connect(server.address()).await?);
    let account = admin.creates_by(&mut http, "sender").await?;
    let sender = sign_in(&mut http, &account).await?;
    let mut devices = Vec::new();
    for n in 0..USERS {
        let account = admin.creates_by(&mut http, &format!("user-{n}")).await?;
        for _ in 0..DEVICES {
            devices.push(sign_in(&mut http, &account).await?);
        }
    }
    // The server would not take it from a client: it cannot check what such a group is yet.
    Ok((sender, devices, To::Group(adds_group_of_all(server)?, Epoch(1))))
}
