//! A file of a gigabyte from one person to another by the real terminal client: encrypted, brought up, fetched, checked
//! and decrypted, each command timed from its start to its end. Then the same over a line of some 50 MB/s on which the
//! programs are killed again and again: on a line that is faster than the disk, what waits in the buffers of the systems
//! on the way is more than what either program could keep.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::UserId;
use privmsg_testkit::wait::until;
use privmsg_testkit::{
    Faults, Line, Proxy, Random, ServerProcess, Setting, Terminal, binaries, procfs, without_limits,
};
use tokio::process::Child;

use super::Bench;
use super::report::Goal;

const SIZE: u64 = 1024 * 1024 * 1024;
const QUICK_SIZE: u64 = 64 * 1024 * 1024;

/// How often the programs are killed on each way.
const KILLS: u64 = 10;

/// What may go over the line again after each of them.
const AGAIN: f64 = 1e6;

const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn measure(bench: &mut Bench, dir: &Path) -> Result<()> {
    let size = if bench.quick { QUICK_SIZE } else { SIZE };
    let data = dir.join("server");
    std::fs::create_dir(&data)?;
    let mut settings: Vec<Setting> = without_limits();
    settings.push(("PRIVMSG_LIMITS_MAX_FILE_SIZE_MB", "0".to_owned()));
    settings.push(("PRIVMSG_LIMITS_MAX_STORED_MB_PER_USER", "0".to_owned()));
    let server = ServerProcess::start(&bench.binary, &data, &settings).await?;
    let (hers, his) = (Proxy::start(server.address(), 1).await?, Proxy::start(server.address(), 2).await?);
    let file = dir.join("film.mkv");
    write_file(&file, size)?;

    let direct = Pair::sign_in(&server, dir, "", [&server.url(), &server.url()]).await?;
    whole(bench, &direct, &file, size).await?;
    let killed = Pair::sign_in(&server, dir, "-far", [&hers.url(), &his.url()]).await?;
    broken(bench, &killed, &file, size, [&hers, &his]).await
}

/// Two people, each at a terminal.
struct Pair {
    alice: Terminal,
    bob: Terminal,
    out: PathBuf,
}

impl Pair {
    async fn sign_in(server: &ServerProcess, dir: &Path, suffix: &str, urls: [&str; 2]) -> Result<Self> {
        let binary = binaries::terminal()?;
        let mut people = Vec::new();
        for (name, url) in ["alice", "bob"].into_iter().zip(urls) {
            let name = format!("{name}{suffix}");
            let account = server.admin().creates(&name).await?;
            people.push(Terminal::signs_in(&binary, &dir.join(&name), url, &account).await?);
        }
        let (bob, alice) = (people.pop().context("bob")?, people.pop().context("alice")?);
        // Their conversation is made, and what a client needs in any case is in memory.
        alice.says(bob.name(), "hello").await?;
        bob.hears(1).await?;
        Ok(Self { alice, bob, out: dir.join(format!("received{suffix}")) })
    }
}

async fn whole(bench: &mut Bench, pair: &Pair, file: &Path, size: u64) -> Result<()> {
    let Pair { alice, bob, out } = pair;
    let small = file.with_file_name("note.txt");
    std::fs::write(&small, "a note")?;
    let [small, file] = [&small, file].map(|path| path.to_string_lossy().into_owned());
    let to = bob.name().as_str();
    let (_, little) = peak(alice.starts(&["send", to, "--file", &small])?).await?;
    let (up, much) = peak(alice.starts(&["send", to, "--file", &file])?).await?;
    let messages = bob.hears(2).await?;
    let out = out.to_string_lossy();
    let (_, little_down) = peak(bob.starts(&["download", &messages[0].message_id, "--out", &out])?).await?;
    let (down, much_down) = peak(bob.starts(&["download", &messages[1].message_id, "--out", &out])?).await?;
    ensure!(std::fs::metadata(&*out)?.len() == size, "the file is not whole");
    let speed = |time: Duration| size as f64 / 1e6 / time.as_secs_f64();
    let more = |much: u64, little: u64| much.saturating_sub(little) as f64 / 1e6;
    let report = &mut bench.report;
    let name = format!("file of {} MB by 'privmsg", size >> 20);
    report.line(format!("{name} send'"), speed(up), "MB/s", Goal::AtLeast(200.0));
    report.line(format!("{name} download'"), speed(down), "MB/s", Goal::AtLeast(200.0));
    report.line(format!("{name} send': memory beside that for a note"), more(much, little), "MB", Goal::AtMost(40.0));
    let what = format!("{name} download': memory beside that for a note");
    report.line(what, more(much_down, little_down), "MB", Goal::AtMost(40.0));
    Ok(())
}

/// Runs a command to its end. Returns how long it took, and the most memory it had.
async fn peak(mut child: Child) -> Result<(Duration, u64)> {
    let (start, pid) = (Instant::now(), child.id().context("a process")?);
    let mut most = 0;
    loop {
        tokio::select! {
            status = child.wait() => {
                ensure!(status?.success(), "the command has failed");
                return Ok((start.elapsed(), most));
            }
            () = tokio::time::sleep(Duration::from_millis(10)) => {
                most = procfs::peak_resident_bytes(pid).unwrap_or(most).max(most);
            }
        }
    }
}

async fn broken(bench: &mut Bench, pair: &Pair, file: &Path, size: u64, lines: [&Proxy; 2]) -> Result<()> {
    let Pair { alice, bob, out } = pair;
    let path = file.to_string_lossy();
    for line in lines {
        line.behaves(Faults { delay: Duration::from_millis(1)..Duration::from_millis(2), ..Faults::default() });
    }
    let (up, down) = (|| lines[0].done().up, || lines[1].done().down);
    let before = up();
    let send = alice.starts(&["send", bob.name().as_str(), "--file", &path])?;
    // Whoever comes next takes over, whatever he has come for.
    killed(send, || alice.starts(&["listen"]), &up, size).await?;
    let rest = alice.starts(&["listen"])?;
    let message = arrived(bob, alice.name()).await?;
    drop(rest);
    let again = (up() - before) as f64 - size as f64 * padding(size);
    let before = down();
    let out = out.to_string_lossy();
    let download = ["download", &message.message_id, "--out", &*out];
    killed(bob.starts(&download)?, || bob.starts(&download), &down, size).await?;
    bob.runs(&download, PATIENCE).await?.ok()?;
    let again_down = (down() - before) as f64 - size as f64 * padding(size);
    ensure!(same(file, Path::new(&*out))?, "another file has arrived");
    let report = &mut bench.report;
    let goal = Goal::AtMost(KILLS as f64 * AGAIN / 1e6);
    report.line(format!("file sent by programs killed {KILLS} times: sent again"), again / 1e6, "MB", goal);
    report.line(format!("file fetched by programs killed {KILLS} times: fetched again"), again_down / 1e6, "MB", goal);
    Ok(())
}

/// Kills the program again and again, whenever another part of the file has passed, and starts the next one, but the last.
async fn killed(
    mut program: Child,
    next: impl Fn() -> Result<Child>,
    passed: &impl Fn() -> u64,
    size: u64,
) -> Result<()> {
    let before = passed();
    for kill in 1..=KILLS {
        let wanted = before + size * kill / (KILLS + 1);
        until("a part of the file to pass", PATIENCE, || async { Ok((passed() >= wanted).then_some(())) }).await?;
        program.kill().await?;
        if kill < KILLS {
            program = next()?;
        }
    }
    Ok(())
}

async fn arrived(bob: &Terminal, from: &UserId) -> Result<Line> {
    let arguments = ["listen", "--json", "--count", "1", "--timeout", "300"];
    let lines = bob.runs(&arguments, PATIENCE).await?.ok()?.lines()?;
    let message = lines.into_iter().find(|line| line.sender_id == from.as_str() && !line.attachments.is_empty());
    message.context("the file's message")
}

/// How much longer than a file its ciphertext is: tags, and zeros that hide its length.
fn padding(size: u64) -> f64 {
    privmsg_e2ee::attachment::encrypted_len(size).map_or(1.0, |len| len as f64 / size as f64)
}

fn write_file(path: &Path, size: u64) -> Result<()> {
    let block = Random::new(9).bytes(1 << 20);
    let mut file = std::fs::File::create(path)?;
    for _ in 0..size >> 20 {
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}

fn same(one: &Path, other: &Path) -> Result<bool> {
    let status = std::process::Command::new("cmp").arg("-s").arg(one).arg(other).status()?;
    Ok(status.success())
}
