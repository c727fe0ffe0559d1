//! One user at all limits: what the server keeps and holds for them, and what the others feel of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_protocol::UserId;
use privmsg_testkit::http::Http;
use privmsg_testkit::load::{self, Connection, Ids, Outcome, Plan, SignedIn, To, Writes, send_all, sign_in, sign_up};
use privmsg_testkit::{Account, ServerProcess, Setting};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::Bench;
use super::report::Goal;

/// As many as a user may have, all of the hostile one.
const DEVICES: usize = 32;
/// Away, and with mailboxes that hold a quarter each of what may wait of one sender.
const VICTIMS: usize = 6;
const SIZE: usize = 44_000;
/// More of them than any mailbox holds.
const MESSAGES: usize = 800;
/// Connections that ask for a mailbox and do not read it: as many as one address may have, less some.
const SLOW_READERS: usize = 240;
/// Friends who talk meanwhile, as much as they may.
const PAIRS: u16 = 16;
const RATE: u32 = 30;
/// Loopback is as many addresses as one likes: what is bounded by address is not to strike the friends.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let duration = Duration::from_secs(if bench.quick { 3 } else { 30 });
    let mut server = ServerProcess::start(&bench.binary, dir, &patient()).await?;
    let mut http = Http::connect(server.address()).await?;
    let account = server.admin().creates_by(&mut http, "eve").await?;
    let mut victims = Vec::new();
    for n in 0..VICTIMS {
        victims.push(sign_up(&mut http, &server.admin(), &format!("victim-{n}")).await?.user_id);
    }
    let before = stored(&server)?;
    let eve = fills(&server, &account, &victims).await?;
    let added = stored(&server)?.saturating_sub(before) as f64 / 1e6;
    let name = |what: &str| format!("a hostile user at all limits: {what}");
    bench.report.line(name("database with its log, added"), added, "MB", Goal::AtMost(200.0));

    // From here on with the rates of a server as it comes.
    server.configure(&[
        ("RUST_LOG", "error".to_owned()),
        ("PRIVMSG_LIMITS_RATE_LIMIT_MESSAGES_PER_MINUTE", "120".to_owned()),
    ]);
    server.restart().await?;
    let alone = friends(&server, duration).await?;
    let resident = server.resident_bytes()?;
    let mut attack = JoinSet::new();
    let held = holds(&server, &eve).await?;
    attack.spawn(insists(server.address(), eve[0].clone()));
    let beside = friends(&server, duration).await?;
    let grown = server.peak_resident_bytes()?.saturating_sub(resident) as f64 / 1e6;
    drop((attack, held));

    let report = &mut bench.report;
    report.line(name("memory, added at most"), grown, "MB", Goal::AtMost(64.0));
    let (without, with) = (alone.delivery.p99_ms(), beside.delivery.p99_ms());
    report.line(name("a friend's message without them, delivered, p99"), without, "ms", Goal::None);
    report.line(name("a friend's message beside them, delivered, p99"), with, "ms", Goal::None);
    report.line(name("delay of a friend's message, p99"), (with - without).max(0.0), "ms", Goal::AtMost(20.0));
    report.line(name("of the friends' messages lost, doubled, refused"), beside.faults() as f64, "", Goal::AtMost(0.0));
    Ok(())
}

/// What may be done in a minute or a day is lifted, so that a minute does what weeks would; what may be kept is as it comes.
fn patient() -> Vec<Setting> {
    let lifted = [
        "PRIVMSG_LIMITS_MAX_NEW_REQUESTS_PER_DAY",
        "PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY",
        "PRIVMSG_LIMITS_MAX_REQUEST_KB_PER_DAY",
        "PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND",
        "PRIVMSG_LIMITS_RATE_LIMIT_NEW_DEVICES_PER_MINUTE",
    ];
    lifted.map(|name| (name, "0".to_owned())).into()
}

/// Sends to oneself and to others until nothing more is taken.
async fn fills(server: &ServerProcess, account: &Account, victims: &[UserId]) -> Result<Vec<SignedIn>> {
    let mut http = Http::connect(server.address()).await?;
    let mut devices = Vec::new();
    for _ in 0..DEVICES {
        devices.push(sign_in(&mut http, account).await?);
    }
    for recipient in victims.iter().chain([&account.user_id]) {
        // Refused when the limit is reached: that is what is wanted.
        let _ = send_all(server.address(), &devices[0], &To::User(recipient.clone()), MESSAGES, 8, SIZE).await;
    }
    Ok(devices)
}

/// Sockets of all devices, and slow readers of what waits for them.
async fn holds(server: &ServerProcess, eve: &[SignedIn]) -> Result<(Vec<Connection>, Vec<TcpStream>)> {
    let (mut sockets, mut readers) = (Vec::new(), Vec::new());
    for device in eve {
        sockets.push(Connection::open(server.address(), device).await?);
    }
    for n in 0..SLOW_READERS {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((ELSEWHERE, 0)))?;
        let mut stream = socket.connect(server.address()).await.context("a slow reader")?;
        let token = &eve[n % eve.len()].token;
        let head = format!(
            "GET /api/v1/messages/pending HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        readers.push(stream);
    }
    Ok((sockets, readers))
}

/// Sends and asks without a pause, whatever is answered.
async fn insists(server: SocketAddr, eve: SignedIn) {
    let to = To::User(eve.user_id.clone());
    loop {
        let _ = send_all(server, &eve, &to, MESSAGES, 1, SIZE).await;
        let Ok(mut http) = Http::connect(server).await else { continue };
        while http.send("GET", "/api/v1/messages/pending", Some(&eve.token), &()).await.is_ok() {}
    }
}

async fn friends(server: &ServerProcess, duration: Duration) -> Result<Outcome> {
    let plan = Plan {
        pairs: PAIRS,
        window: 0,
        size: 512,
        duration,
        rate: Some(RATE),
        ids: Ids::Random,
        writes: Writes::Single,
    };
    load::run(server.address(), &server.admin(), plan).await
}

/// Bytes of the database and its log.
fn stored(server: &ServerProcess) -> Result<u64> {
    let database = server.database();
    let mut log = database.clone().into_os_string();
    log.push("-wal");
    let size = |path: &Path| std::fs::metadata(path).map(|file| file.len());
    Ok(size(&database)? + size(Path::new(&log)).unwrap_or(0))
}
