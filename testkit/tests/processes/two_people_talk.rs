//! The whole of it: text and a large file, online and offline, through restarts and a killed server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use privmsg_testkit::{Random, Terminal, binaries, database};
use sha2::{Digest as _, Sha256};

use super::alice_and_bob;

/// 50 MB, and a little more than whole chunks.
const SIZE: usize = 50_000_123;

fn sha256(path: &Path) -> Result<Vec<u8>> {
    Ok(Sha256::digest(std::fs::read(path)?).to_vec())
}

async fn texts(who: &Terminal, with: &Terminal) -> Result<Vec<String>> {
    Ok(who.history(with.name()).await?.into_iter().map(|line| line.text).collect())
}

#[tokio::test]
async fn two_people_talk() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let (mut server, alice, bob) = alice_and_bob(dir.path()).await?;

    // Each process does one thing and ends: everything said here was said to somebody offline.
    alice.says(bob.name(), "Hi Bob").await?;
    alice.says(bob.name(), "are you there?").await?;
    let heard = bob.hears(2).await?;
    assert_eq!(heard.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["Hi Bob", "are you there?"]);
    assert_eq!(heard[0].sender_id, "alice");

    server.stop().await?;
    server.restart().await?;
    bob.says(alice.name(), "now I am").await?;

    // Alice is online from here on.
    let mut ear = alice.listens()?;
    assert_eq!(ear.next().await?.context("a message")?.text, "now I am");
    bob.says(alice.name(), "live").await?;
    assert_eq!(ear.next().await?.context("a message")?.text, "live");

    // SIGKILL between two messages; Alice's client comes back by itself.
    server.kill()?;
    server.restart().await?;
    bob.says(alice.name(), "the server fell over").await?;
    assert_eq!(ear.next().await?.context("a message")?.text, "the server fell over");

    let photo = dir.path().join("photo.raw");
    std::fs::write(&photo, Random::new(8).bytes(SIZE))?;
    let photo_path = photo.display().to_string();
    let sending = ["send", bob.name().as_str(), "look", "--file", &photo_path];
    // Beside the one that listens, which is the one that sends it.
    alice.runs(&sending, Duration::from_secs(90)).await?.ok().context("sending a file")?;
    ear.kill().await?;
    server.kill()?;
    server.restart().await?;

    let look = bob.hears(1).await?.pop().context("a message")?;
    assert_eq!((look.text.as_str(), look.attachments.len()), ("look", 1));
    assert_eq!((look.attachments[0].name.as_str(), look.attachments[0].size), ("photo.raw", SIZE as u64));
    let copy = dir.path().join("copy.raw");
    let copy_path = copy.display().to_string();
    let download = ["download", &look.message_id, "--out", &copy_path];
    bob.runs(&download, Duration::from_secs(90)).await?.ok().context("download")?;
    assert!(sha256(&photo)? == sha256(&copy)?, "the same file");

    let all = ["Hi Bob", "are you there?", "now I am", "live", "the server fell over", "look"];
    assert_eq!(texts(&alice, &bob).await?, all);
    assert_eq!(texts(&bob, &alice).await?, all);
    let (hers, his) = (number(&alice, &bob).await?, number(&bob, &alice).await?);
    assert_eq!(hers, his, "one safety number");
    server.stop().await?;
    assert_eq!(database::integrity(&server)?, "ok");
    Ok(())
}

async fn number(who: &Terminal, with: &Terminal) -> Result<serde_json::Value> {
    let arguments = ["safety-number", with.name().as_str(), "--json"];
    let done = who.runs(&arguments, Duration::from_secs(30)).await?.ok()?;
    let value: serde_json::Value = serde_json::from_str(done.stdout.trim())?;
    value.get("safety_number").cloned().context("a safety number")
}
