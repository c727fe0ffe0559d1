//! The real programs under load, killed at random.
//!
//! Alice and Bob each run `privmsg listen` and, beside it, `privmsg send` again and again. Meanwhile SIGKILL hits the
//! server, a `listen` or a `send`, and whatever was hit is started again. In the end the two histories are compared with
//! what `send` had promised.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use privmsg_protocol::UserId;
use tokio::process::Child;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Plan, Rows, row};
use crate::random::Random;
use crate::terminal::Terminal;
use crate::{ServerProcess, database};

/// `send` processes of one person at a time.
const SENDERS: usize = 2;

/// Seconds that a `send` may take.
const SEND_PATIENCE: &str = "60";

/// How long what is left may take to arrive once nobody is killed any more.
const SETTLING: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Debug, Default)]
struct Outcome {
    /// SIGKILLs of the server.
    server_kills: u32,
    /// SIGKILLs of a `listen`, which runs the engine.
    listen_kills: u32,
    /// SIGKILLs of a `send` while it ran.
    send_kills: u32,
    /// Messages whose `send` ended with 0.
    acknowledged: usize,
    /// Messages whose `send` was killed or gave up: they may arrive or not, but not twice.
    open: usize,
    /// Of these, those that arrived.
    open_arrived: usize,
    /// Acknowledged messages that are missing in a history.
    lost: Vec<String>,
    /// Messages that a history has more than once.
    doubled: Vec<String>,
    /// What SQLite says of the server's database.
    server_database: String,
    /// Longest time from the server's restart until it answered.
    slowest_restart: Duration,
    /// The whole run.
    elapsed: Duration,
}

impl Outcome {
    /// Whether everything promised was kept, and enough happened to tell.
    fn is_good(&self) -> bool {
        self.lost.is_empty()
            && self.doubled.is_empty()
            && self.server_database == "ok"
            && self.acknowledged > 0
            && self.server_kills > 0
            && self.listen_kills > 0
    }

    fn rows(&self) -> Rows {
        vec![
            row("SIGKILLs of the server", self.server_kills),
            row("SIGKILLs of a client that receives (`privmsg listen`)", self.listen_kills),
            row("SIGKILLs of a client that sends (`privmsg send`)", self.send_kills),
            row("messages acknowledged", self.acknowledged),
            row("acknowledged messages missing in a history", self.lost.len()),
            row("messages twice in a history", self.doubled.len()),
            row("messages whose `send` was killed or gave up", self.open),
            row("of these, arrived all the same", self.open_arrived),
            row("slowest restart of the server until it answered", format!("{} ms", self.slowest_restart.as_millis())),
            row("server's database by `PRAGMA integrity_check`", &self.server_database),
            row("seconds", self.elapsed.as_secs()),
        ]
    }
}

/// One of the two people.
struct Side {
    terminal: Terminal,
    peer: UserId,
    /// Rung to kill a running `send`.
    kill_send: Notify,
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    next: u32,
    acknowledged: BTreeSet<String>,
    open: BTreeSet<String>,
    kills: u32,
}

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    let program = crate::binaries::terminal()?;
    let start = Instant::now();
    let dir = crate::binaries::dir_on_disk()?;
    let data = dir.path().join("server");
    std::fs::create_dir(&data)?;
    let mut server = ServerProcess::start(&plan.server, &data, &[]).await?;
    let mut sides = Vec::new();
    for (name, peer) in [("alice", "bob"), ("bob", "alice")] {
        let account = server.admin().creates(name).await?;
        let terminal = Terminal::signs_in(&program, &dir.path().join(name), &server.url(), &account).await?;
        let kill_send = Notify::new();
        sides.push(Arc::new(Side { terminal, peer: peer.parse()?, kill_send, sent: Mutex::default() }));
    }
    let mut outcome = Outcome::default();
    let stop = CancellationToken::new();
    let mut load = tokio::task::JoinSet::new();
    for side in sides.iter().flat_map(|side| std::iter::repeat_n(side, SENDERS)) {
        load.spawn(send_until(Arc::clone(side), stop.clone()));
    }
    let mut listening = sides.iter().map(|side| listen(side)).collect::<Result<Vec<_>>>()?;
    let killing = kill_at_random(plan, &mut server, &sides, &mut listening, &mut outcome).await;
    stop.cancel();
    while let Some(ended) = load.join_next().await {
        ended.context("a sender")??;
    }
    killing?;
    settle(&sides).await?;
    for child in &mut listening {
        child.kill().await?;
    }
    check(&sides, &mut outcome).await?;
    server.stop().await?;
    outcome.server_database = database::integrity(&server)?;
    outcome.elapsed = start.elapsed();
    if !outcome.is_good() {
        bail!("{outcome:#?}");
    }
    Ok(outcome.rows())
}

fn listen(side: &Side) -> Result<Child> {
    side.terminal.starts(&["listen", "--json"])
}

async fn kill_at_random(
    plan: &Plan,
    server: &mut ServerProcess,
    sides: &[Arc<Side>],
    listening: &mut [Child],
    outcome: &mut Outcome,
) -> Result<()> {
    let mut random = Random::new(plan.seed);
    for _ in 0..plan.rounds {
        let pause = random.duration(&(Duration::from_millis(20)..Duration::from_millis(400)));
        tokio::time::sleep(pause).await;
        let who = usize::from(random.permille(500));
        match random.within(0..3) {
            0 => {
                outcome.slowest_restart = outcome.slowest_restart.max(server.restart().await?);
                outcome.server_kills += 1;
            }
            1 => {
                listening[who].kill().await?;
                listening[who] = listen(&sides[who])?;
                outcome.listen_kills += 1;
            }
            _ => sides[who].kill_send.notify_one(),
        }
    }
    Ok(())
}

impl Side {
    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn send_until(side: Arc<Side>, stop: CancellationToken) -> Result<()> {
    while !stop.is_cancelled() {
        let text = {
            let mut sent = side.sent();
            sent.next += 1;
            format!("{} {}", side.terminal.name(), sent.next)
        };
        let mut child = side.terminal.starts(&["send", "--timeout", SEND_PATIENCE, side.peer.as_str(), &text])?;
        let ended = tokio::select! {
            ended = child.wait() => Some(ended?),
            () = side.kill_send.notified() => None,
        };
        if ended.is_none() {
            child.kill().await?;
        }
        let mut sent = side.sent();
        if ended.as_ref().is_some_and(ExitStatus::success) {
            sent.acknowledged.insert(text);
        } else {
            sent.open.insert(text);
        }
        sent.kills += u32::from(ended.is_none());
    }
    Ok(())
}

/// Waits until all that was acknowledged is in both histories, or time is up: the check says what is missing.
async fn settle(sides: &[Arc<Side>]) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < SETTLING {
        let mut complete = true;
        for reader in sides {
            let there: BTreeSet<String> = texts(reader).await?.into_iter().collect();
            complete &= sides.iter().all(|writer| writer.sent().acknowledged.is_subset(&there));
        }
        if complete {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// A person's history; that it can be read is the check of the client's own database.
async fn texts(side: &Side) -> Result<Vec<String>> {
    let lines =
        side.terminal.history(&side.peer).await.with_context(|| format!("history of {}", side.terminal.name()))?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}

async fn check(sides: &[Arc<Side>], outcome: &mut Outcome) -> Result<()> {
    let mut arrived_everywhere = None;
    for reader in sides {
        let mut counts = BTreeMap::new();
        for text in texts(reader).await? {
            *counts.entry(text).or_insert(0) += 1;
        }
        let who = reader.terminal.name();
        for writer in sides {
            let missing = writer
                .sent()
                .acknowledged
                .iter()
                .filter(|text| !counts.contains_key(*text))
                .cloned()
                .collect::<Vec<_>>();
            outcome.lost.extend(missing.into_iter().map(|text| format!("{text} at {who}")));
        }
        outcome.doubled.extend(counts.iter().filter(|(_, n)| **n > 1).map(|(text, _)| format!("{text} at {who}")));
        let there: BTreeSet<String> = counts.into_keys().collect();
        arrived_everywhere = Some(match arrived_everywhere {
            None => there,
            Some(others) => &others & &there,
        });
    }
    let arrived = arrived_everywhere.unwrap_or_default();
    for side in sides {
        let sent = side.sent();
        outcome.acknowledged += sent.acknowledged.len();
        outcome.open += sent.open.len();
        outcome.open_arrived += sent.open.intersection(&arrived).count();
        outcome.send_kills += sent.kills;
    }
    Ok(())
}
