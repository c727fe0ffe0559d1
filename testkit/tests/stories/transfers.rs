//! Files on lines that break, in programs that are killed, behind proxies that refuse, and what is left of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use privmsg_client::{Acknowledged, DownloadState, Event, MessageState, MessageView};
use privmsg_protocol::ErrorCode;
use privmsg_testkit::nginx::{self, Nginx};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Faults, Person, Proxy, Random, Server};

use super::alice_and_bob;

pub(crate) const MB: usize = 1_000_000;

/// Too large to be encrypted before its message is queued.
const LARGE: usize = 18 * MB;

/// What may go over the line again for each time that a transfer is broken off.
const AGAIN: u64 = 1_500_000;

/// A megabyte in a second: nothing of some megabytes is through before somebody changes their mind.
fn very_slow_line() -> Faults {
    Faults { delay: Duration::from_millis(40)..Duration::from_millis(50), ..Faults::default() }
}

/// Some megabytes a second.
pub(crate) fn slow_line() -> Faults {
    Faults { delay: Duration::from_millis(4)..Duration::from_millis(6), ..Faults::default() }
}

pub(crate) fn written(person: &Person, name: &str, size: usize) -> Result<(PathBuf, Vec<u8>)> {
    let (path, content) = (person.file(name), Random::new(size as u64).bytes(size));
    std::fs::write(&path, &content)?;
    Ok((path, content))
}

pub(crate) async fn saved(person: &Person, message: &MessageView) -> Result<Vec<u8>> {
    let out = person.file("saved");
    for saved in person.client().save_files(message.id, &out, |_, _| {}).await? {
        saved.result?;
    }
    Ok(std::fs::read(&out)?)
}

pub(crate) async fn fetched(person: &Person, message: &MessageView) -> Result<Vec<u8>> {
    person.client().want_files(message.id).await?;
    person.client().wait_files(message.id).await?;
    saved(person, message).await
}

/// Files of ciphertext in somebody's profile.
pub(crate) fn sealed_files(person: &Person) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(person.file("profile/files"));
    folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

pub(crate) async fn has_sealed_files(person: &Person, count: usize) -> Result<()> {
    let left =
        until("the ciphertext to go", PATIENCE, || async { Ok((sealed_files(person).len() == count).then_some(())) });
    left.await.with_context(|| format!("{:?} instead of {count}", sealed_files(person)))
}

/// Waits until so much has passed on a line.
pub(crate) async fn passes(what: &str, bytes: impl Fn() -> u64, wanted: u64) -> Result<()> {
    until(what, PATIENCE, || async { Ok((bytes() >= wanted).then_some(())) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_where_it_broke_off() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 3).await?;
    let mut alice = Person::signs_in(&line.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    alice.says(&bob, "first").await?;
    bob.hears(&alice, "first").await?;
    let (path, content) = written(&alice, "film.mkv", LARGE)?;
    line.behaves(slow_line());
    let begun = line.done().up;
    let sent = alice.shows(&bob, "a film", &[&path]).await?;
    for third in 1..=3 {
        passes("a part of the upload", || line.done().up - begun, third * LARGE as u64 / 4).await?;
        match third {
            1 => line.cuts_all(),
            2 => {
                alice.crashes().await?;
                alice.starts().await?;
            }
            // Nothing of the source is needed any more.
            _ => {
                std::fs::remove_file(&path)?;
                line.cuts_all();
            }
        }
    }
    line.behaves(Faults::default());
    alice.delivered(&sent).await?;
    let up = line.done().up - begun;
    assert!(up < LARGE as u64 * 21 / 20 + 3 * AGAIN, "{up} bytes for {LARGE}");
    let message = bob.hears(&alice, "a film").await?;
    assert!(fetched(&bob, &message).await? == content);
    has_sealed_files(&alice, 0).await
}

/// What has been on the server for a day is gone; what is encrypted already is sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_the_server_has_forgotten_begins_again() -> Result<()> {
    let mut server = Server::start().await?;
    let line = Proxy::start(server.address(), 7).await?;
    let mut alice = Person::signs_in(&line.url(), &server.admin().creates("alice").await?).await?;
    let mut bob = server.person("bob").await?;
    let (path, content) = written(&alice, "film.mkv", 6 * MB)?;
    line.behaves(slow_line());
    let begun = line.done().up;
    let sent = alice.shows(&bob, "a film", &[&path]).await?;
    std::fs::remove_file(&path)?;
    passes("half of the upload", || line.done().up - begun, 3 * MB as u64).await?;
    alice.goes_offline().await?;
    bob.goes_offline().await?;
    server.outlives_uploads().await?;
    line.behaves(Faults::default());
    alice.goes_online().await?;
    alice.delivered(&sent).await?;
    let up = line.done().up - begun;
    assert!(up > 8 * MB as u64, "{up} bytes: it was to begin again");
    bob.goes_online().await?;
    let message = bob.hears(&alice, "a film").await?;
    assert!(fetched(&bob, &message).await? == content);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_goes_on_where_it_broke_off() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 4).await?;
    let alice = server.person("alice").await?;
    let mut bob = Person::signs_in(&line.url(), &server.admin().creates("bob").await?).await?;
    let (path, content) = written(&alice, "film.mkv", LARGE)?;
    alice.shows(&bob, "a film", &[&path]).await?;
    let message = bob.hears(&alice, "a film").await?;
    assert!(bob.client().downloads(message.id).await?.is_empty(), "nobody has asked for it");
    line.behaves(slow_line());
    let begun = line.done().down;
    bob.client().want_files(message.id).await?;
    for third in 1..=3 {
        passes("a part of the download", || line.done().down - begun, third * LARGE as u64 / 4).await?;
        if third == 2 {
            bob.crashes().await?;
            bob.starts().await?;
        } else {
            line.cuts_all();
        }
    }
    line.behaves(Faults::default());
    bob.client().wait_files(message.id).await?;
    let down = line.done().down - begun;
    assert!(down < LARGE as u64 * 21 / 20 + 3 * AGAIN, "{down} bytes for {LARGE}");
    assert!(saved(&bob, &message).await? == content);
    // What is here needs no network.
    bob.goes_offline().await?;
    assert!(saved(&bob, &message).await? == content);
    Ok(())
}

/// Half of the file is there; the rest is fetched from a server that has altered its beginning meanwhile, or a disk has
/// lost what it had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_has_gone_bad_is_fetched_again() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 5).await?;
    let alice = server.person("alice").await?;
    let mut bob = Person::signs_in(&line.url(), &server.admin().creates("bob").await?).await?;
    let (path, content) = written(&alice, "plan.pdf", 4 * MB)?;
    alice.shows(&bob, "a plan", &[&path]).await?;
    let message = bob.hears(&alice, "a plan").await?;
    line.behaves(slow_line());
    let begun = line.done().down;
    bob.client().want_files(message.id).await?;
    passes("half of the download", || line.done().down - begun, 2 * MB as u64).await?;
    bob.goes_offline().await?;
    let [part] = sealed_files(&bob).try_into().map_err(|files| anyhow::anyhow!("{files:?}"))?;
    let mut bytes = std::fs::read(&part)?;
    ensure!(!bytes.is_empty() && bytes.len() < 4 * MB, "{} bytes are there", bytes.len());
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes)?;
    line.behaves(Faults::default());
    bob.goes_online().await?;
    bob.client().wait_files(message.id).await?;
    assert!(saved(&bob, &message).await? == content);
    // It was whole, and is not any more: that is said, and the next attempt mends it.
    std::fs::write(&part, b"nothing of use")?;
    assert!(saved(&bob, &message).await.is_err());
    assert!(fetched(&bob, &message).await? == content);
    Ok(())
}

/// nginx refuses requests beyond a megabyte unless it is told otherwise, and collects them before it passes them on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_passes_a_proxy_that_refuses_large_requests() -> Result<()> {
    let server = Server::start().await?;
    let root = tempfile::tempdir()?;
    let upstream = server.address();
    let program = nginx::program().context("nginx is not installed: run 'make test'")?;
    let nginx = Nginx::start(&program, root.path(), |address, _| {
        format!(
            "server {{ listen {address}; location / {{
               proxy_pass http://{upstream}; proxy_http_version 1.1;
               proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }} }}"
        )
    })?;
    let url = format!("http://{}", nginx.address());
    let alice = Person::signs_in(&url, &server.admin().creates("alice").await?).await?;
    let bob = Person::signs_in(&url, &server.admin().creates("bob").await?).await?;
    let (path, content) = written(&alice, "photos.zip", 7 * MB)?;
    alice.shows(&bob, "photos", &[&path]).await?;
    let message = bob.hears(&alice, "photos").await?;
    assert!(fetched(&bob, &message).await? == content);
    Ok(())
}

#[tokio::test]
async fn what_is_small_may_go_once_it_is_sent_and_what_is_large_is_missed() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.says(&bob, "first").await?;
    bob.hears(&alice, "first").await?;
    alice.goes_offline().await?;
    let (small, content) = written(&alice, "note.txt", MB)?;
    let large = alice.file("film.mkv");
    std::fs::File::create(&large)?.set_len(LARGE as u64)?;
    alice.shows(&bob, "a note", &[&small]).await?;
    let missed = alice.shows(&bob, "a film", &[&large]).await?;
    std::fs::remove_file(&small)?;
    std::fs::remove_file(&large)?;
    alice.goes_online().await?;
    let message = bob.hears(&alice, "a note").await?;
    assert!(fetched(&bob, &message).await? == content);
    let state = until("the failure", PATIENCE, || async {
        let message = alice.client().message(missed.id).await?.context("the message")?;
        Ok((message.state != MessageState::Queued).then_some(message.state))
    });
    assert_eq!(state.await?, MessageState::Failed("local_file".into()));
    has_sealed_files(&alice, 0).await
}

/// The server is asked before a large file is encrypted, not after.
#[tokio::test]
async fn what_the_server_does_not_take_is_not_encrypted() -> Result<()> {
    let server = Server::start_with(&[("PRIVMSG_LIMITS_MAX_FILE_SIZE_MB", "17".to_owned())]).await?;
    let mut alice = server.person("alice").await?;
    let bob = server.person("bob").await?;
    let large = alice.file("film.mkv");
    std::fs::File::create(&large)?.set_len(100 * MB as u64)?;
    let refused = alice.shows(&bob, "a film", &[&large]).await?;
    let event = alice.sees("the end of it", |event| matches!(event, Event::Failed { .. } | Event::Encrypting { .. }));
    let Event::Failed { id, code, .. } = event.await? else { bail!("it was encrypted") };
    assert_eq!((id, code), (refused.id, ErrorCode::FileTooLarge));
    let (path, content) = written(&alice, "photo.raw", 16_900_000)?;
    alice.shows(&bob, "a photo", &[&path]).await?;
    alice.sees("its encryption", |event| matches!(event, Event::Encrypting { .. })).await?;
    let message = bob.hears(&alice, "a photo").await?;
    assert!(fetched(&bob, &message).await? == content);
    Ok(())
}

#[tokio::test]
async fn a_file_that_grows_is_sent_as_it_was() -> Result<()> {
    let (_server, mut alice, bob) = alice_and_bob().await?;
    alice.goes_offline().await?;
    let (path, content) = written(&alice, "server.log", LARGE)?;
    let growing = path.clone();
    let writer = std::thread::spawn(move || -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().append(true).open(growing)?;
        for line in 0..20_000 {
            writeln!(file, "line {line}")?;
        }
        Ok(())
    });
    alice.shows(&bob, "a log", &[&path]).await?;
    alice.goes_online().await?;
    let message = bob.hears(&alice, "a log").await?;
    let received = fetched(&bob, &message).await?;
    writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    assert!(received.len() >= LARGE && received[..LARGE] == content[..]);
    assert_eq!(message.attachments[0].size, received.len() as u64);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_taken_back_stops() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 8).await?;
    let alice = Person::signs_in(&line.url(), &server.admin().creates("alice").await?).await?;
    let bob = server.person("bob").await?;
    let (path, _) = written(&alice, "film.mkv", 8 * MB)?;
    line.behaves(very_slow_line());
    let begun = line.done().up;
    let sent = alice.shows(&bob, "a film", &[&path]).await?;
    passes("a part of the upload", || line.done().up - begun, MB as u64).await?;
    ensure!(alice.client().delete(sent.message_id).await?.is_none(), "it had not left yet");
    has_sealed_files(&alice, 0).await?;
    let stopped = line.done().up;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let after = line.done().up - stopped;
    assert!(after < 2 * MB as u64, "{after} bytes went after all");
    until("the upload to be gone from the server", PATIENCE, || async {
        Ok((server.rows_in("upload")? == 0).then_some(()))
    })
    .await?;
    ensure!(
        matches!(alice.client().wait_acknowledged(&sent.said()).await?, Acknowledged::Failed(_)),
        "it was not sent"
    );
    alice.says(&bob, "never mind").await?;
    bob.hears(&alice, "never mind").await?;
    assert_eq!(bob.texts(&alice).await?, ["never mind"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_nobody_wants_any_more_stops() -> Result<()> {
    let server = Server::start().await?;
    let line = Proxy::start(server.address(), 6).await?;
    let alice = server.person("alice").await?;
    let bob = Person::signs_in(&line.url(), &server.admin().creates("bob").await?).await?;
    let (path, content) = written(&alice, "film.mkv", 8 * MB)?;
    alice.shows(&bob, "a film", &[&path]).await?;
    let message = bob.hears(&alice, "a film").await?;
    line.behaves(very_slow_line());
    bob.client().want_files(message.id).await?;
    let begun = line.done().down;
    passes("a part of the download", || line.done().down - begun, MB as u64).await?;
    bob.client().stop_downloads(message.id).await?;
    assert_eq!(bob.client().downloads(message.id).await?, [DownloadState::Stopped]);
    let stopped = line.done().down;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let after = line.done().down - stopped;
    assert!(after < 2 * MB as u64, "{after} bytes came after all");
    line.behaves(Faults::default());
    assert!(fetched(&bob, &message).await? == content);
    Ok(())
}

/// A path in the tests' sense: nothing is left beside what was saved.
#[tokio::test]
async fn files_are_saved_beside_nothing_and_over_nothing_else() -> Result<()> {
    let (_server, alice, bob) = alice_and_bob().await?;
    let (first, one) = written(&alice, "plan.pdf", 1000)?;
    let other = alice.file("other");
    std::fs::create_dir(&other)?;
    let second = other.join("plan.pdf");
    std::fs::write(&second, "another")?;
    alice.shows(&bob, "plans", &[&first, &second]).await?;
    let message = bob.hears(&alice, "plans").await?;
    bob.client().want_files(message.id).await?;
    bob.client().wait_files(message.id).await?;
    let folder = bob.file("plans");
    let saved = bob.client().save_files(message.id, &folder, |_, _| {}).await?;
    let names: Vec<_> = saved.into_iter().map(|file| file.result).collect::<Result<_, _>>()?;
    assert_eq!(names, [folder.join("plan.pdf"), folder.join("2-plan.pdf")]);
    assert!(std::fs::read(&names[0])? == one && std::fs::read(&names[1])? == b"another");
    assert_eq!(listed(&folder)?.len(), 2);
    Ok(())
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
}
