//! One message to a large group.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use privmsg_protocol::rest::{CreateGroup, DeviceWelcome, Group, GroupKind, PublicGroupState};
use privmsg_protocol::{Epoch, Incarnation, Opaque, UserId};
use privmsg_testkit::ServerProcess;
use privmsg_testkit::database::rows_in;
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
    let mut participants: Vec<UserId> = vec![account.user_id];
    let mut devices = Vec::new();
    for n in 0..USERS {
        let account = admin.creates_by(&mut http, &format!("user-{n}")).await?;
        for _ in 0..DEVICES {
            devices.push(sign_in(&mut http, &account).await?);
        }
        participants.push(account.user_id);
    }
    let opaque = || Opaque::encode(b"stands for what MLS makes");
    let request = CreateGroup {
        kind: GroupKind::Group,
        participants,
        incarnation: Incarnation::FIRST,
        founding_roster: Some(opaque()),
        epoch: Epoch(1),
        welcomes: devices
            .iter()
            .map(|device| DeviceWelcome { device_id: device.device_id.clone(), welcome: opaque() })
            .collect(),
        state: PublicGroupState { group_info: opaque(), ratchet_tree: opaque() },
    };
    let made: Group = http.send("POST", "/api/v1/groups", Some(&sender.token), &request).await?.json()?;
    if made.participants.len() != USERS + 1 {
        bail!("the group is another one");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok((sender, devices, To::Group(made.group_id, made.epoch)))
}
