//! What somebody finds who takes the server's disk away.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use privmsg_testkit::{ServerProcess, Terminal, binaries};

const TEXT: &str = "meet me at the old lighthouse at dawn";
const ANSWER: &str = "bring the documents about the harbour";
const FILE_NAME: &str = "harbour-contract-draft.pdf";
const FILE_TEXT: &str = "the parties agree on seven hundred crates of oranges, ";

/// Everything below `dir`, as names and contents.
fn read_all(dir: &Path, into: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            read_all(&entry.path(), into)?;
        } else {
            into.push((entry.path().display().to_string(), std::fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// A secret as bytes, as hexadecimal digits, and as any base64 that could hold it. Inside a longer base64 text a secret
/// can begin at three places; what does not depend on its neighbours is looked for at each.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.into_bytes()];
    for shift in 0..3 {
        let mut shifted = vec![0; shift];
        shifted.extend_from_slice(secret);
        let whole = shifted.len() / 3 * 3;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted[..whole]);
            forms.push(text.as_bytes()[if shift == 0 { 0 } else { 4 }..].to_vec());
        }
    }
    forms
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

async fn converse(dir: &Path) -> Result<(ServerProcess, Vec<(&'static str, Vec<u8>)>)> {
    let data = dir.join("server");
    std::fs::create_dir(&data)?;
    let everything = [("RUST_LOG", "trace".to_owned())];
    let server = ServerProcess::start(&binaries::server()?, &data, &everything).await?;
    let binary = binaries::terminal()?;
    let hers = server.admin().creates("alice").await?;
    let his = server.admin().creates("bob").await?;
    let alice = Terminal::signs_in(&binary, &dir.join("alice"), &server.url(), &hers).await?;
    let bob = Terminal::signs_in(&binary, &dir.join("bob"), &server.url(), &his).await?;

    alice.says(bob.name(), TEXT).await?;
    bob.hears(1).await?;
    bob.says(alice.name(), ANSWER).await?;
    let file = dir.join(FILE_NAME);
    std::fs::write(&file, FILE_TEXT.repeat(2000))?;
    let path = file.display().to_string();
    let sending = ["send", bob.name().as_str(), "", "--file", &path];
    alice.runs(&sending, Duration::from_secs(60)).await?.ok().context("sending a file")?;
    // This one still waits in Bob's mailbox when the disk is read.
    alice.says(bob.name(), TEXT).await?;

    let mut secrets = vec![
        ("a text", TEXT.as_bytes().to_vec()),
        ("an answer", ANSWER.as_bytes().to_vec()),
        ("a file's name", FILE_NAME.as_bytes().to_vec()),
        ("a file's content", FILE_TEXT.as_bytes().to_vec()),
        ("alice's recovery key", alice.recovery_key().as_bytes().to_vec()),
        ("bob's recovery key", bob.recovery_key().as_bytes().to_vec()),
        ("alice's access key", hers.access_key.expose().as_bytes().to_vec()),
        ("bob's access key", his.access_key.expose().as_bytes().to_vec()),
    ];
    for (name, account) in [("alice's decoded access key", &hers), ("bob's decoded access key", &his)] {
        secrets.push((name, URL_SAFE_NO_PAD.decode(account.access_key.expose()).context("an access key")?));
    }
    for account in [&hers, &his] {
        let token =
            privmsg_testkit::load::sign_in(&mut privmsg_testkit::http::Http::connect(server.address()).await?, account)
                .await?
                .token;
        if let Ok(decoded) = URL_SAFE_NO_PAD.decode(&token).or_else(|_| STANDARD.decode(&token)) {
            secrets.push(("a decoded session token", decoded));
        }
        secrets.push(("a session token", token.into_bytes()));
    }
    Ok((server, secrets))
}

#[tokio::test]
async fn nothing_readable_on_the_server() -> Result<()> {
    let dir = binaries::dir_on_disk()?;
    let (mut server, secrets) = converse(dir.path()).await?;
    // Killed, so that the write-ahead log is still there.
    server.kill()?;
    let mut files = Vec::new();
    read_all(&dir.path().join("server"), &mut files)?;
    let size: usize = files.iter().map(|(_, content)| content.len()).sum();
    assert!(size > 100_000, "this is where the data is: {size} bytes");
    assert!(files.iter().any(|(_, content)| holds(content, b"alice")), "user ids are no secret to the server");
    for (name, content) in &files {
        for (what, secret) in &secrets {
            for form in forms(secret) {
                assert!(!holds(content, &form), "{what} is in {name}");
                assert!(!holds(name.as_bytes(), &form), "{what} is in the name {name}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_search_finds_what_is_there() {
    let secret = b"an example of a secret";
    for padding in ["", "x", "xx", "xxx"] {
        let text = STANDARD.encode([padding.as_bytes(), secret, b"more"].concat());
        assert!(forms(secret).iter().any(|form| holds(text.as_bytes(), form)), "behind {padding:?}");
    }
}
