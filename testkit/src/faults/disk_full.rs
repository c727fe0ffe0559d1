//! The disk is full in the middle of the load, and still full when the server starts again after a SIGKILL.
//!
//! The disk is a tmpfs in a mount namespace of its own. It needs no privilege where the system lets users have
//! namespaces, and it goes with the process that holds it.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_protocol::ErrorCode;

use super::{Ledger, Plan, Rows, row, settings};
use crate::ServerProcess;
use crate::http::Http;

const SMALL: &str = "16m";
const LARGER: &str = "96m";
const SIZE: usize = 8 * 1024;

/// Messages that the full disk refuses before anything else is tried.
const REFUSALS: usize = 200;

/// Holds the namespace.
struct SmallDisk {
    keeper: Child,
    mounted: OsString,
}

impl SmallDisk {
    /// Whether the system lets this user mount something for itself. A `chroot` does not, and many containers do not.
    fn is_possible() -> bool {
        Command::new("unshare")
            .args(["--map-root-user", "--mount", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn at(folder: &Path) -> Result<Self> {
        let mut keeper = Command::new("unshare")
            .args(["--map-root-user", "--mount", "--kill-child", "sh", "-c"])
            .arg(format!("mount -t tmpfs -o size={SMALL} tmpfs \"$0\" && echo ready && exec cat"))
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("unshare")?;
        let mut line = String::new();
        let out = keeper.stdout.take().context("no output")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line)?;
        if line.trim() != "ready" {
            let status = keeper.wait()?;
            bail!("no small disk: unshare ended with {status}");
        }
        Ok(Self { keeper, mounted: folder.as_os_str().to_owned() })
    }

    /// The command that runs another one on this disk.
    fn within(&self) -> Vec<OsString> {
        let target = format!("--target={}", self.keeper.id());
        ["nsenter", &target, "--user", "--preserve-credentials", "--mount"].map(OsString::from).into()
    }

    fn command(&self, program: &str) -> Command {
        let words = self.within();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(program);
        command
    }

    /// The administrator makes room.
    fn grow(&self) -> Result<()> {
        let done = self.command("mount").args(["-o", &format!("remount,size={LARGER}")]).arg(&self.mounted).status()?;
        ensure!(done.success(), "mount ended with {done}");
        Ok(())
    }

    /// Takes what room there is left, to the last block.
    fn fill(&self, name: &Path) -> Result<()> {
        // That it ends with "no space left" is what it is for.
        self.command("dd")
            .arg("if=/dev/zero")
            .arg(format!("of={}", name.display()))
            .args(["bs=4k"])
            .stderr(Stdio::null())
            .status()?;
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

pub(super) async fn run(plan: &Plan) -> Result<Rows> {
    if !SmallDisk::is_possible() {
        let why = "user and mount namespaces are not to be had here";
        // Not by a macro: tests keep what those print to themselves.
        writeln!(std::io::stderr(), "NOT RUN: the full disk ({why})")?;
        return Ok(vec![row("NOT RUN", why)]);
    }
    let dir = crate::binaries::dir_on_disk()?;
    let disk = SmallDisk::at(dir.path())?;
    let mut server = ServerProcess::start_within(disk.within(), &plan.server, dir.path(), &settings()).await?;
    let address = server.address();
    let mut http = Http::connect(address).await?;
    let mut ledger = Ledger::open(&mut http, &server.admin(), "pair", SIZE).await?;

    let full = |ledger: &Ledger| match &ledger.refusal {
        Some(ErrorCode::StorageFull) => Ok(()),
        other => bail!("the full disk is told as {other:?}"),
    };
    ledger.send(address, |_, refused| refused < REFUSALS).await?;
    full(&ledger)?;
    disk.fill(&dir.path().join("something-else"))?;
    ledger.send(address, |_, refused| refused < REFUSALS).await?;
    full(&ledger)?;
    let (on_full, refused) = (ledger.acknowledged(), ledger.refused);
    server.admin().stats().await.context("a full disk stops nothing else")?;

    // Killed and started on the full disk; what waits is read from it.
    let restart = server.restart().await?;
    ledger.collect(address).await?;
    let read = ledger.arrived();
    ensure!(read == on_full, "{read} of {on_full} could be read on the full disk");

    disk.grow()?;
    ledger.send_more(address, 1_000).await?;
    ledger.collect(address).await?;
    let account = ledger.close();
    ensure!(account.lost == 0, "{account:?}");
    server.stop().await?;
    Ok(vec![
        row("disk", SMALL),
        row("messages acknowledged until it was full", on_full),
        row("refused then, as `storage_full`", refused),
        row("restart on the full disk after SIGKILL", format!("{} ms", restart.as_millis())),
        row("of the acknowledged ones, read from the full disk", read),
        row("acknowledged in the end, after room was made", account.acknowledged),
        row("of them lost", account.lost),
    ])
}
