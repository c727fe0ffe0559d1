//! Another process at the database: one that holds its locks, and one that copies it, as `docker exec … cp` does.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Ledger, Plan, Rows, megabytes, row, server};
use crate::database;
use crate::http::Http;

const SIZE: usize = 512;

/// Most that the log may have on the disk once nobody reads in it any more.
const LONGEST_LOG: u64 = 80_000_000;

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    // Longer than the server waits for a lock, so that what it refuses is part of it.
    let hold = plan.size.of(Duration::from_secs(1), Duration::from_secs(12));
    let (dir, mut server) = server(plan).await?;
    let address = server.address();
    let mut http = Http::connect(address).await?;
    let mut ledger = Ledger::open(&mut http, &server.admin(), "pair", SIZE).await?;
    let database = server.database();
    let log = database.with_extension("db-wal");
    let mut rows = Vec::new();

    ledger.send_more(address, 100).await?;
    let (path, copy) = (database.clone(), dir.path().join("copy.db"));
    let copying = tokio::task::spawn_blocking(move || copy_again_and_again(&path, &copy, hold));
    let copied = during(&mut ledger, address, copying).await?;
    rows.push(row("plain copies of the database file under load", copied));

    let path = database.clone();
    let reading = tokio::task::spawn_blocking(move || read_for(&path, hold));
    during(&mut ledger, address, reading).await?;
    let longest = std::fs::metadata(&log)?.len();
    rows.push(row(
        format!("a reader that holds its transaction for {} s: log grows to", hold.as_secs()),
        megabytes(longest),
    ));

    let (path, start) = (database.clone(), Instant::now());
    let refused = ledger.refused;
    let locking = tokio::task::spawn_blocking(move || lock_for(&path, hold));
    during(&mut ledger, address, locking).await?;
    rows.push(row("the write lock held under load", format!("{:.1} s", start.elapsed().as_secs_f64())));
    let refused = ledger.refused - refused;
    rows.push(row("messages refused meanwhile, and sent again", refused));
    ensure!((refused > 0) == (hold > Duration::from_secs(10)), "{refused} refused in {hold:?}");

    ledger.send_more(address, 2_000).await?;
    let memory = server.resident_bytes()?;
    ensure!(memory < 128_000_000, "memory: {}", megabytes(memory));
    // What the log was longer is cut off when it begins anew, which takes load and a checkpoint or two.
    let begin = Instant::now();
    while std::fs::metadata(&log)?.len() > LONGEST_LOG {
        ensure!(begin.elapsed() < Duration::from_secs(30), "the log has {} bytes", std::fs::metadata(&log)?.len());
        ledger.send_more(address, 500).await?;
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    rows.push(row("log on the disk in the end", megabytes(std::fs::metadata(&log)?.len())));
    rows.push(row("server memory in the end", megabytes(memory)));
    ledger.collect(address).await?;
    let account = ledger.close();
    ensure!(account.lost + account.again == 0, "{account:?}");
    server.stop().await?;
    ensure!(database::integrity(&server)? == "ok", "{}", database::integrity(&server)?);
    rows.push(row("messages acknowledged", account.acknowledged));
    rows.push(row("of them lost or doubled", 0));
    Ok(rows)
}

/// Sends while something goes on elsewhere, and until all is answered after it.
async fn during<T>(
    ledger: &mut Ledger,
    address: std::net::SocketAddr,
    other: tokio::task::JoinHandle<Result<T>>,
) -> Result<T> {
    let before = ledger.acknowledged();
    ledger.send(address, |_, _| !other.is_finished()).await?;
    let result = other.await??;
    // Once more for what was refused.
    ledger.send_more(address, 1).await?;
    ensure!(ledger.acknowledged() > before + 1, "nothing was taken meanwhile");
    Ok(result)
}

fn copy_again_and_again(database: &Path, copy: &Path, time: Duration) -> Result<usize> {
    let (start, mut copies) = (Instant::now(), 0);
    while start.elapsed() < time {
        let done = std::process::Command::new("cp").arg(database).arg(copy).status().context("cp")?;
        ensure!(done.success(), "cp ended with {done}");
        copies += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(copies)
}

fn read_for(database: &Path, time: Duration) -> Result<()> {
    let mut connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let transaction = connection.transaction()?;
    let count = || transaction.query_row("SELECT count(*) FROM body", [], |row| row.get::<_, i64>(0));
    let before = count()?;
    std::thread::sleep(time);
    ensure!(count()? == before, "a transaction sees what it saw");
    Ok(())
}

fn lock_for(database: &Path, time: Duration) -> Result<()> {
    // The load begins first: whoever connects while the database is locked waits before he can send.
    std::thread::sleep(Duration::from_millis(500));
    let mut connection = Connection::open(database)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    std::thread::sleep(time);
    Ok(transaction.rollback()?)
}
