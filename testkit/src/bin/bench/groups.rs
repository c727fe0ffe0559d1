//! A group of two hundred and fifty people with a thousand devices, as two of them have it: real clients in this process, a
//! server beside it, and for the others devices that only ever publish key packages.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openmls_rust_crypto::MemoryStorage;
use privmsg_client::{Draft, Recipient, Role};
use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, Provider, generate_key_package};
use privmsg_protocol::rest::{PublishKeyPackages, UpdateProfile};
use privmsg_protocol::{Opaque, UserId};
use privmsg_testkit::figures::Times;
use privmsg_testkit::http::Http;
use privmsg_testkit::load::sign_in_as;
use privmsg_testkit::wait::until;
use privmsg_testkit::{Account, Person, procfs};
use tokio::net::{TcpListener, TcpStream};

use super::Bench;
use super::report::Goal;

/// Besides the two who are measured.
const OTHERS: usize = 248;

/// Of one person. Those who are measured have one each, and two of the others three more, so that it comes to a thousand leaves.
const DEVICES: usize = 4;

/// Messages of each figure.
const MESSAGES: usize = 100;

/// Commits between making the group and writing to it: more than epochs are kept of.
const CHANGES: usize = 3;

const LONG: Duration = Duration::from_secs(600);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let others = if bench.quick { 20 } else { OTHERS };
    let server = bench.server(dir).await?;
    let (admin, mut http) = (server.admin(), Http::connect(server.address()).await?);
    let wire = Wire::to(server.address()).await?;
    let mut users = Vec::new();
    for n in 0..others {
        let account = admin.creates_by(&mut http, &format!("user-{n:03}")).await?;
        users.push(publishes(&mut http, &account, if n < 2 { DEVICES + 3 } else { DEVICES }).await?);
    }
    let mut alice = Person::signs_in(&wire.url, &admin.creates("alice").await?).await?;
    let mut bob = Person::signs_in(&wire.url, &admin.creates("bob").await?).await?;
    users.push(bob.account().user_id.clone());
    bob.goes_offline().await?;
    let leaves = others * DEVICES + 6 + 2;
    let name = |what: &str| format!("group of {} people with {leaves} devices: {what}", others + 2);

    let (before, start) = (wire.counts(), Instant::now());
    let chat = alice.client().create_group("Everybody", &users).await?;
    alice.client().wait_group_made(chat).await?;
    let (made, used) = (start.elapsed(), wire.counts().since(before));
    let report = &mut bench.report;
    report.line(name("made"), made.as_secs_f64(), "s", Goal::AtMost(5.0));
    report.line(name("made, sent"), used.sent, "MB", Goal::AtMost(6.0));
    report.line(name("made, fetched: key packages"), used.fetched, "MB", Goal::None);

    let to = Recipient::Group(alice.client().group(chat).await?.conversation);
    let start = Instant::now();
    bob.starts().await?;
    let client = bob.client().clone();
    let its_chat = until("bob's group", LONG, || async { Ok(client.chat_with(&to).await?) }).await?;
    bob.client().wait_group_made(its_chat).await?;
    bench.report.line(
        name("joined, from the start of the engine"),
        start.elapsed().as_secs_f64(),
        "s",
        Goal::AtMost(0.5),
    );
    bob.client().accept(its_chat).await?;
    bob.goes_offline().await?;

    // Commits, so that there are epochs of the past, whose keys are kept: as in a group that is in use.
    let (before, start) = (wire.counts(), Instant::now());
    for (whom, role) in users.iter().take(CHANGES).zip([Role::Admin, Role::Owner].into_iter().cycle()) {
        for asked in alice.client().set_role(chat, whom, role).await? {
            alice.client().wait_group_changed(asked).await?;
        }
    }
    let (each, used) = (start.elapsed().as_secs_f64() / CHANGES as f64, wire.counts().since(before));
    bench.report.line(name("a role changed, in a tree without paths"), each, "s", Goal::None);
    bench.report.line(name("the same, sent"), used.sent * 1000.0 / CHANGES as f64, "kB", Goal::None);
    sends(&alice, &to, "first").await?;
    let (mut times, cpu) = (Times::default(), own_cpu()?);
    for n in 0..MESSAGES {
        times.note(sends(&alice, &to, &format!("message number {n}")).await?);
    }
    let cpu = own_cpu()?.saturating_sub(cpu).as_secs_f64() * 1000.0 / MESSAGES as f64;
    bench.report.line(name("a text until it is acknowledged, p50"), times.p50_ms(), "ms", Goal::None);
    bench.report.line(name("a text until it is acknowledged, p99"), times.p99_ms(), "ms", Goal::None);
    bench.report.line(name("a text, the sending client's processor time"), cpu, "ms", Goal::AtMost(5.0));
    alice.goes_offline().await?;

    let (start, cpu) = (Instant::now(), own_cpu()?);
    bob.goes_online().await?;
    let (elapsed, cpu) = (start.elapsed(), own_cpu()?.saturating_sub(cpu));
    let per_message = |time: Duration| time.as_secs_f64() * 1000.0 / (MESSAGES + 1) as f64;
    bench.report.line(name("a waiting text fetched, read and stored"), per_message(elapsed), "ms", Goal::None);
    bench.report.line(name("the same, processor time"), per_message(cpu), "ms", Goal::None);
    bob.goes_offline().await?;
    let before = wire.counts();
    bob.goes_online().await?;
    bob.goes_offline().await?;
    let used = wire.counts().since(before);
    let kilobytes = (used.sent + used.fetched) * 1000.0;
    bench.report.line(name("reconnected, nothing new"), kilobytes, "kB", Goal::AtMost(20.0));
    Ok(())
}

fn own_cpu() -> Result<Duration> {
    procfs::cpu_time(std::process::id())
}

async fn sends(by: &Person, to: &Recipient, text: &str) -> Result<Duration> {
    let start = Instant::now();
    let sent = by.client().send(to, Draft::text(text)).await?;
    by.delivered(&sent).await?;
    Ok(start.elapsed())
}

/// Signs in on so many devices that hold one key package each.
async fn publishes(http: &mut Http, account: &Account, devices: usize) -> Result<UserId> {
    let identity = AccountKey::generate(&mut OsRng);
    let signing_key = identity.begin_generation(&account.user_id, 1, &mut OsRng)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let mut sessions = Vec::new();
    for _ in 0..devices {
        let keys = DeviceKeys::generate(&mut OsRng);
        let public = STANDARD.encode(keys.public().as_bytes());
        sessions.push((sign_in_as(http, account, Some(&public)).await?, keys));
    }
    let profile = UpdateProfile { public_key: Some(identity.public().to_string()), ..UpdateProfile::default() };
    let (first, _) = sessions.first().context("no device")?;
    asks(http, "users/me/profile", &first.token, &profile).await?;
    for (session, keys) in &sessions {
        let certificate = signing_key.certify(&session.device_id, &keys.public(), now);
        let disk = MemoryStorage::default();
        let made = generate_key_package(&Provider::new(&disk), keys, &certificate, false, now, now)?;
        let packages = PublishKeyPackages { key_packages: vec![Opaque::encode(&made.bytes)], last_resort: None };
        asks(http, "key-packages", &session.token, &packages).await?;
    }
    Ok(account.user_id.clone())
}

async fn asks<B: serde::Serialize + Sync>(http: &mut Http, path: &str, token: &str, body: &B) -> Result<()> {
    let answer = http.send("POST", &format!("/api/v1/{path}"), Some(token), body).await?;
    ensure!(answer.status < 300, "{path}: {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}

/// A way to the server on which bytes are counted.
struct Wire {
    url: String,
    bytes: Arc<[AtomicU64; 2]>,
    relay: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Copy)]
struct Counts([u64; 2]);

/// Megabytes.
struct Used {
    sent: f64,
    fetched: f64,
}

impl Counts {
    fn since(self, before: Self) -> Used {
        let [sent, fetched] = [0, 1].map(|at| (self.0[at] - before.0[at]) as f64 / 1e6);
        Used { sent, fetched }
    }
}

impl Wire {
    async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let bytes = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let counted = Arc::clone(&bytes);
        let relay = tokio::spawn(async move {
            let mut ways = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                ways.spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
                    tokio::join!(pass(near_reads, far_writes, &counted[0]), pass(far_reads, near_writes, &counted[1]));
                });
            }
        });
        Ok(Self { url, bytes, relay })
    }

    fn counts(&self) -> Counts {
        Counts([self.bytes[0].load(Ordering::SeqCst), self.bytes[1].load(Ordering::SeqCst)])
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, counted: &AtomicU64) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        counted.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}
