//! A group of two hundred and fifty people with a thousand devices, as two of them have it: real clients in this process, a
//! server beside it, and for the others devices that only ever publish key packages.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use privmsg_client::{ChatId, Draft, Recipient, Role};
use privmsg_protocol::UserId;
use privmsg_testkit::cost::{self, Crowd, Wire};
use privmsg_testkit::figures::Times;
use privmsg_testkit::http::Http;
use privmsg_testkit::wait::until;
use privmsg_testkit::{Person, database, procfs};

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

/// Rows of a mailbox that a message is to cost a device, all receipts included.
const ROWS: f64 = 2.0;

const LONG: Duration = Duration::from_secs(600);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let others = if bench.quick { 20 } else { OTHERS };
    let server = bench.server(dir).await?;
    let (admin, mut http) = (server.admin(), Http::connect(server.address()).await?);
    let wire = Wire::to(server.address()).await?;
    let (mut users, mut crowd) = (Vec::new(), Crowd::default());
    for n in 0..others {
        let devices = if n < 2 { DEVICES + 3 } else { DEVICES };
        users.push(crowd.gets(&mut http, &admin, &format!("user-{n:03}"), devices).await?);
    }
    let mut alice = Person::signs_in(wire.url(), &admin.creates("alice").await?).await?;
    let mut bob = Person::signs_in(wire.url(), &admin.creates("bob").await?).await?;
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
    let changed = changes(&alice, chat, &users, &wire).await?;
    bench.report.line(name("a role changed, in a tree without paths"), changed.seconds, "s", Goal::None);
    bench.report.line(name("the same, sent"), changed.kilobytes, "kB", Goal::None);
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

    // As when it has been in use for some time.
    let group = database::group_in(&server, &alice.client().group(chat).await?.conversation)?;
    // The connection of before has been idle for too long.
    crowd.renews(&mut Http::connect(server.address()).await?, group).await?;
    alice.goes_online().await?;
    // She reads what they have changed first.
    changes(&alice, chat, &users[CHANGES..], &wire).await?;
    let changed = changes(&alice, chat, &users[2 * CHANGES..], &wire).await?;
    bench.report.line(name("a role changed, in a tree with paths"), changed.seconds, "s", Goal::None);
    bench.report.line(name("the same, sent"), changed.kilobytes, "kB", Goal::AtMost(60.0));
    alice.goes_offline().await?;
    drop(server);
    rows(bench, dir).await
}

/// Rows of a mailbox for each message, of the device that gets most.
async fn rows(bench: &mut Bench, dir: &Path) -> Result<()> {
    let texts = if bench.quick { 5 } else { 20 };
    for (number, (each, reads)) in [(1, false), (1, true), (2, false), (2, true)].into_iter().enumerate() {
        let server = bench.server(&subfolder(dir, number)?).await?;
        let rows = cost::of_a_direct_message(server.address(), &server.admin(), each, texts, reads).await?;
        let read = if reads { ", read at once, which both tell" } else { "" };
        let what = format!("message between two with {each} devices each{read}: rows of a mailbox");
        bench.report.line(what, rows, "", Goal::AtMost(ROWS));
    }
    let server = bench.server(&subfolder(dir, 4)?).await?;
    let rows = cost::of_a_group_message(server.address(), &server.admin(), 2, texts).await?;
    bench.report.line("message in a group: rows of a mailbox", rows, "", Goal::AtMost(ROWS));
    Ok(())
}

fn subfolder(dir: &Path, number: usize) -> Result<PathBuf> {
    let folder = dir.join(format!("rows-{number}"));
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// What one change of a role costs.
struct Changed {
    seconds: f64,
    kilobytes: f64,
}

async fn changes(by: &Person, chat: ChatId, users: &[UserId], wire: &Wire) -> Result<Changed> {
    let (before, start) = (wire.counts(), Instant::now());
    for (whom, role) in users.iter().take(CHANGES).zip([Role::Admin, Role::Owner].into_iter().cycle()) {
        for asked in by.client().set_role(chat, whom, role).await? {
            by.client().wait_group_changed(asked).await?;
        }
    }
    let (took, used) = (start.elapsed(), wire.counts().since(before));
    Ok(Changed { seconds: took.as_secs_f64() / CHANGES as f64, kilobytes: used.sent * 1000.0 / CHANGES as f64 })
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
