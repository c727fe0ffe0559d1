//! Files, and what a server could do to them.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use privmsg_client::{ClientError, MessageView};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Random, Server};

use super::alice_and_bob;

/// Larger than a few chunks of the encryption.
const SIZE: usize = 300_000;

/// Alice sends a file to Bob. Returns its content, and the message as Bob has it.
async fn alice_sends_a_file(alice: &Person, bob: &Person) -> Result<(Vec<u8>, MessageView)> {
    let content = Random::new(5).bytes(SIZE);
    let path = alice.file("holiday plans.pdf");
    std::fs::write(&path, &content)?;
    let sent = alice.shows(bob, "here they are", &[&path]).await?;
    alice.delivered(&sent).await?;
    let message = bob.hears(alice, "here they are").await?;
    Ok((content, message))
}

async fn download(bob: &Person, message: &MessageView) -> Result<Vec<u8>, ClientError> {
    let out = bob.file("downloaded");
    bob.client().want_files(message.id).await?;
    bob.client().wait_files(message.id).await?;
    for saved in bob.client().save_files(message.id, &out, |_, _| {}).await? {
        saved.result?;
    }
    std::fs::read(&out).map_err(|source| ClientError::File { path: out.display().to_string(), source })
}

/// The one file that the server stores.
fn stored(server: &Server) -> Result<PathBuf> {
    fn largest(dir: &std::path::Path) -> Option<(u64, PathBuf)> {
        std::fs::read_dir(dir)
            .ok()?
            .flatten()
            .filter_map(|entry| match entry.metadata() {
                Ok(data) if data.is_dir() => largest(&entry.path()),
                Ok(data) => Some((data.len(), entry.path())),
                Err(_) => None,
            })
            .max()
    }
    largest(&server.data().join("files")).map(|(_, path)| path).context("the server stores no file")
}

#[tokio::test]
async fn a_file_arrives_as_it_was() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let (content, message) = alice_sends_a_file(&alice, &bob).await?;
    assert_eq!(message.attachments[0].name, "holiday plans.pdf");
    assert_eq!(message.attachments[0].size, SIZE as u64);
    assert!(download(&bob, &message).await? == content);
    Ok(())
}

#[tokio::test]
async fn a_file_that_the_server_alters_is_refused() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let (_, message) = alice_sends_a_file(&alice, &bob).await?;
    let path = stored(&server)?;
    let mut bytes = std::fs::read(&path)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes)?;
    let refused = download(&bob, &message).await;
    assert!(matches!(refused, Err(ClientError::AlteredFile)), "{refused:?}");
    assert!(!bob.file("downloaded").exists(), "nothing half-done is left");
    Ok(())
}

#[tokio::test]
async fn a_file_that_the_server_cuts_short_is_refused() -> Result<()> {
    let (server, alice, bob) = alice_and_bob().await?;
    let (_, message) = alice_sends_a_file(&alice, &bob).await?;
    let path = stored(&server)?;
    let bytes = std::fs::read(&path)?;
    // At the end of a chunk: what is left decrypts, but is not all.
    std::fs::write(&path, &bytes[..8 + 65_536 + 16])?;
    let refused = download(&bob, &message).await;
    assert!(matches!(refused, Err(ClientError::AlteredFile | ClientError::Network(_))), "{refused:?}");
    assert!(!bob.file("downloaded").exists(), "nothing half-done is left");
    Ok(())
}

#[tokio::test]
async fn a_file_over_the_limit_fails_with_a_name() -> Result<()> {
    let (mut server, alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "first").await?;
    bob.hears(&alice, "first").await?;
    server.restart_with(&[("PRIVMSG_LIMITS_MAX_FILE_SIZE_MB", "1".to_owned())]).await?;
    let path = alice.file("too large.bin");
    std::fs::write(&path, Random::new(6).bytes(2_000_000))?;
    let sent = alice.shows(&bob, "", &[&path]).await?;
    let state = until("the failure", PATIENCE, || async {
        let message = alice.client().message(sent.id).await?.context("the message")?;
        Ok((message.state != privmsg_client::MessageState::Queued).then_some(message.state))
    })
    .await?;
    assert!(matches!(state, privmsg_client::MessageState::Failed(_)), "{state:?}");
    alice.says(&bob, "then not").await?;
    bob.hears(&alice, "then not").await.map(drop)
}
