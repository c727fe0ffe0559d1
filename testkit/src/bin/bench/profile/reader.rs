//! The process that reads: what it has measured is a line of JSON, then a line for each message that it has seen.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{
    ChatId, Client, Cursor, HistoryItem, ListDiff, Page, Position, Profile, Timeline, wait_until_closed,
};
use privmsg_testkit::figures::Times;
use privmsg_testkit::{Random, procfs};
use serde::{Deserialize, Serialize};

/// Messages of a page.
const PAGE: u32 = 50;

/// Pages of each sort.
const PAGES: usize = 200;

/// Pages that are turned in a timeline.
const TURNS: usize = 50;

/// A sort of pages: its name, and the one at a place.
type Sort = (&'static str, fn(Cursor) -> Page);

/// What one start of the process has come to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Read {
    pub(super) opened_ms: f64,
    pub(super) pages: Vec<Pages>,
    pub(super) resident_mb: f64,
    pub(super) anonymous_mb: f64,
}

/// Pages of one sort.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pages {
    pub(super) name: String,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Reads the profile, and then follows one of its chats until it has seen `writes` messages more.
pub(crate) async fn run(dir: &Path, writes: usize) -> Result<()> {
    let read = follow(dir, writes).await;
    // As every program with a database open.
    ensure!(wait_until_closed(Duration::from_secs(10)), "the database stays open");
    read
}

async fn follow(dir: &Path, writes: usize) -> Result<()> {
    let start = Instant::now();
    let client = Client::open(&Profile::at(dir), None).await?;
    let mut list = client.watch_chats().await?;
    let opened_ms = start.elapsed().as_secs_f64() * 1000.0;
    let chats: Vec<ChatId> = list.chats().iter().map(|entry| entry.summary.chat.id).collect();
    let messages: u64 = list.chats().iter().map(|entry| entry.summary.messages).sum();
    let pages = if writes == 0 { Vec::new() } else { pages(&client, &chats, messages).await? };
    let with = privmsg_client::Recipient::User(super::fill::peer(chats.len() as u64 / 2)?);
    let chat = client.chat_with(&with).await?.context("the chat that is followed")?;
    let mut timeline = client.watch_timeline(chat, Page::Newest, PAGE).await?;
    let status = std::fs::read_to_string("/proc/self/status").context("status of this process")?;
    let resident_mb = procfs::resident_bytes(std::process::id())? as f64 / 1e6;
    let read = Read { opened_ms, pages, resident_mb, anonymous_mb: anonymous(&status)? };
    say(&serde_json::to_string(&read)?)?;

    let mut seen = 0;
    while seen < writes {
        tokio::select! {
            diffs = timeline.next() => {
                for diff in diffs?.context("the profile is closed")? {
                    if let ListDiff::Insert { item: HistoryItem::Message(message), .. } = diff {
                        let said: u64 = message.text.parse().context("when it was said")?;
                        say(&super::now_us()?.saturating_sub(said).to_string())?;
                        seen += 1;
                    }
                }
            }
            diffs = list.next() => drop(diffs?),
        }
    }
    Ok(())
}

/// Turns pages all over the profile, and in timelines.
async fn pages(client: &Client, chats: &[ChatId], messages: u64) -> Result<Vec<Pages>> {
    let mut random = Random::new(3);
    let sorts: [Sort; 4] = [
        ("newest", |_| Page::Newest),
        ("oldest", |_| Page::After(Cursor(Position::START, 0))),
        ("before anywhere", Page::Before),
        ("around anywhere", Page::Around),
    ];
    let mut measured = Vec::new();
    for (name, page) in sorts {
        let mut times = Times::default();
        for n in 0..PAGES {
            let (chat, cursor) = anywhere(client, &mut random, messages).await?;
            // The ends of all chats alike; places by how much is there.
            let chat = if page(cursor) == Page::Newest { chats[n % chats.len()] } else { chat };
            let start = Instant::now();
            client.page(chat, page(cursor), PAGE).await?;
            times.note(start.elapsed());
        }
        measured.push(Pages { name: name.to_owned(), p50_ms: times.p50_ms(), p99_ms: times.p99_ms() });
    }
    let mut times = Times::default();
    for _ in 0..TURNS {
        let (chat, cursor) = anywhere(client, &mut random, messages).await?;
        let mut timeline = client.watch_timeline(chat, Page::Around(cursor), PAGE).await?;
        turn(&mut timeline, &mut times).await?;
    }
    measured.push(Pages { name: "turned in a timeline".into(), p50_ms: times.p50_ms(), p99_ms: times.p99_ms() });
    Ok(measured)
}

async fn turn(timeline: &mut Timeline, times: &mut Times) -> Result<()> {
    let start = Instant::now();
    timeline.older(PAGE).await?;
    times.note(start.elapsed());
    let start = Instant::now();
    timeline.newer(PAGE).await?;
    times.note(start.elapsed());
    Ok(())
}

async fn anywhere(client: &Client, random: &mut Random, messages: u64) -> Result<(ChatId, Cursor)> {
    let row = i64::try_from(random.within(1..messages + 1))?;
    let message = client.message(row).await?.context("a message of the profile")?;
    Ok((message.chat.id, message.cursor))
}

/// Memory that is this process's alone: not what it shares with the file of the program.
fn anonymous(status: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kilobytes: f64 = line.split_whitespace().next().context("no figure")?.parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
