//! A server that is put back to a backup while its users have gone on.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use privmsg_testkit::{Person, ServerProcess, binaries};

/// Runs an administrative command on the data in `data`.
fn run(data: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(binaries::server()?)
        .args(arguments)
        .current_dir(data)
        .env("LC_ALL", "C")
        .env("PRIVMSG_STORAGE_DATABASE_PATH", data.join("privmsg.db"))
        .env("PRIVMSG_STORAGE_FILES_PATH", data.join("files"))
        .output()?;
    if !output.status.success() {
        bail!("{arguments:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The group's epoch has moved on since the backup, so every device is ahead of the server. They join anew by
/// themselves, and people can talk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_on_after_a_restore() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let mut server = ServerProcess::start(&binaries::server()?, dir.path(), &[]).await?;
    let account = server.admin().creates("alice").await?;
    let alice = Person::signs_in(&server.url(), &account).await?;
    let account = server.admin().creates("bob").await?;
    let bob = Person::signs_in(&server.url(), &account).await?;
    alice.says(&bob, "before").await?;
    bob.hears(&alice, "before").await?;
    bob.says(&alice, "before, too").await?;
    alice.hears(&bob, "before, too").await?;

    let made = run(dir.path(), &["backup", "kept.tar", "--json"])?;
    assert!(made.contains("\"files\":0"), "{made}");
    run(dir.path(), &["verify", "kept.tar"])?;

    let mut tablet = alice.takes_another_device(&server.url()).await?;
    bob.says(&alice, "after").await?;
    alice.hears(&bob, "after").await?;
    tablet.hears(&bob, "after").await?;
    let refused = run(dir.path(), &["restore", "kept.tar", "--force"]).unwrap_err().to_string();
    assert!(refused.contains("Stop the server first"), "{refused}");

    server.stop()?;
    let refused = run(dir.path(), &["restore", "kept.tar"]).unwrap_err().to_string();
    assert!(refused.contains("--force"), "{refused}");
    run(dir.path(), &["restore", "kept.tar", "--force", "--verify"])?;
    server.restart().await?;

    let why = tablet.is_stopped().await?;
    assert!(why.contains("signed out"), "a device that is newer than the backup: {why}");
    alice.says(&bob, "here again").await?;
    bob.hears(&alice, "here again").await?;
    bob.says(&alice, "so am I").await?;
    alice.hears(&bob, "so am I").await?;

    // Whom nobody has talked to before gets key packages that still fit.
    let account = server.admin().creates("carol").await?;
    let carol = Person::signs_in(&server.url(), &account).await?;
    carol.says(&bob, "hello Bob").await?;
    bob.hears(&carol, "hello Bob").await?;
    server.stop()?;
    assert_eq!(server.integrity()?, "ok");
    Ok(())
}
