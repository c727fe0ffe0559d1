//! What a hostile or broken server, and a program that tidies up, can do with files on their way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::{ErrorCode, Secret, UserId};
use privmsg_store::account::{self, Account};
use privmsg_store::downloads::DownloadState;
use privmsg_store::holds::{self, Hold, Scope};
use privmsg_store::uploads::{self, Upload};
use privmsg_store::{Snapshot, TaskName, downloads, sealed_files};
use tokio_util::task::AbortOnDropHandle;

use super::{Link, scheduler};
use crate::KeyPlace;
use crate::client::Client;
use crate::clock::{Clock as _, Hand};
use crate::error::ClientError;
use crate::identity::{device_of, signed_in_account};
use crate::profile::Profile;
use crate::sending::{Draft, Recipient, Sent};
use shelf::Shelf;

mod cleared;
mod lying_downloads;
mod lying_uploads;
mod shelf;

/// Longer than anything takes here on a busy machine; the clock that the engine goes by does not move meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// A second of that clock.
const SECOND: i64 = 1000;

/// More attempts than anything takes that ends.
const MANY: usize = 30;

/// Alice, who writes to herself.
struct Alice {
    dir: tempfile::TempDir,
    clock: Arc<Hand>,
    shelf: Shelf,
    client: Client,
    engine: Option<AbortOnDropHandle<Result<(), ClientError>>>,
}

/// A file that Alice has sent.
struct File {
    sent: Sent,
    source: PathBuf,
    content: Vec<u8>,
}

impl Alice {
    /// Her engine is connected.
    async fn new() -> Self {
        let mut alice = Self::offline().await;
        alice.starts();
        alice
    }

    async fn offline() -> Self {
        let (dir, shelf, clock) = (tempfile::tempdir().unwrap(), Shelf::new().await, Arc::new(Hand::default()));
        let profile = Profile::at(dir.path().join("profile"));
        profile.create(KeyPlace::File, None).unwrap();
        let user = UserId::new("alice").unwrap();
        let proxy = Some(Secret::new("none".to_owned()));
        let account = Account { server_url: shelf.url(), proxy, ..signed_in_account(user) };
        profile.open_store(None).unwrap().write(move |tx| account::save(tx, &account)).await.unwrap();
        let client = Client::open_with(&profile, None, clock.clone()).await.unwrap();
        Self { dir, clock, shelf, client, engine: None }
    }

    fn starts(&mut self) {
        let identity = device_of(self.client.user_id().clone(), 1);
        let (link, _) = Link::new(Arc::clone(self.client.context()), Arc::new(identity));
        link.catch_up();
        self.engine = Some(scheduler::start(Arc::new(link)).0);
    }

    /// Ciphertext on its way.
    fn folder(&self) -> PathBuf {
        self.dir.path().join("profile/files")
    }

    /// Lengths of what is there of it, once what is not needed has gone.
    async fn sealed(&self) -> Vec<u64> {
        let now = self.clock.now_ms();
        let tidy = move |at: &Snapshot<'_>| Ok(sealed_files::unneeded(at, now, 1)?.is_empty().then_some(()));
        self.until("tidying up", tidy).await;
        let folder = std::fs::read_dir(self.folder()).into_iter().flatten();
        folder.map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
    }

    async fn sends(&self, size: usize) -> File {
        let content: Vec<_> = (0..size).map(|n| n.wrapping_mul(0x9E37_79B1).to_be_bytes()[5]).collect();
        let source = self.dir.path().join(format!("source {size}"));
        std::fs::write(&source, &content).unwrap();
        let to = Recipient::User(self.client.user_id().clone());
        let sent = self.client.send(&to, Draft::files("", vec![source.clone()])).await.unwrap();
        File { sent, source, content }
    }

    /// Waits until the database says something.
    async fn until<T: Send + 'static>(
        &self,
        what: &str,
        look: impl Fn(&Snapshot<'_>) -> Result<Option<T>, ClientError> + Clone + Send + 'static,
    ) -> T {
        let store = &self.client.context().store;
        let mut changes = store.changes();
        let found = async {
            loop {
                if let Some(found) = store.read(look.clone()).await.unwrap() {
                    return found;
                }
                changes.next().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} does not happen"))
    }

    async fn upload(&self, file: &File) -> Upload {
        let message = file.sent.id;
        let files = self.client.context().store.read(move |at| uploads::of_message(at, message)).await;
        files.unwrap().pop().expect("the message waits for its file, or for its group")
    }

    async fn is_uploaded(&self, file: &File) {
        let message = file.sent.id;
        let uploaded =
            move |at: &Snapshot<'_>| Ok(uploads::of_message(at, message)?.pop().and_then(|file| file.file_id));
        self.until("the upload", uploaded).await;
    }

    /// Waits until so many pieces of work of a task wait, at this very moment.
    async fn waits(&self, task: TaskName, count: usize) -> Vec<Hold> {
        let now = self.clock.now_ms();
        let waiting = move |at: &Snapshot<'_>| {
            let mut all = holds::all(at)?;
            all.retain(|hold| hold.task == task && hold.holds_at(now));
            Ok((all.len() == count).then_some(all))
        };
        self.until("a pause", waiting).await
    }

    /// Waits for the next attempts until the clock has gone on for so long. Returns how many there were.
    async fn goes_on(&self, task: TaskName, waiting: usize, ms: i64) -> usize {
        let end = self.clock.now_ms() + ms;
        let mut attempts = 0;
        loop {
            let holds = self.waits(task.clone(), waiting).await;
            let next = holds.iter().map(|hold| hold.until).min().unwrap();
            attempts += 1;
            if next > end {
                return attempts;
            }
            self.clock.advance(next - self.clock.now_ms());
        }
    }

    async fn wants(&self, file: &File) {
        self.client.want_files(file.sent.id).await.unwrap();
    }

    /// What becomes of a download, however long it takes by the clock.
    async fn comes(&self, file: &File) -> DownloadState {
        let message = file.sent.id;
        for _ in 0..MANY {
            let now = self.clock.now_ms();
            let ends = move |at: &Snapshot<'_>| {
                let Some(download) = downloads::find(at, message, 0)? else { return Ok(None) };
                let waits = |hold: &Hold| hold.scope == Scope::File(download.id) && hold.holds_at(now);
                let hold = holds::all(at)?.into_iter().find(|hold| hold.task == downloads::TASK && waits(hold));
                Ok(match download.state {
                    DownloadState::Wanted => hold.map(|hold| Err(hold.until)),
                    state => Some(Ok(state)),
                })
            };
            match self.until("the end of a download", ends).await {
                Ok(state) => return state,
                Err(until) => self.clock.advance(until - now),
            }
        }
        panic!("a download that does not end");
    }

    async fn saves(&self, file: &File) -> Result<Vec<u8>, ClientError> {
        let out = self.dir.path().join("saved");
        let saved = self.client.save_files(file.sent.id, &out, |_, _| {}).await?;
        for saved in saved {
            saved.result?;
        }
        let content = std::fs::read(&out).unwrap();
        std::fs::remove_file(&out).unwrap();
        Ok(content)
    }

    /// Wants a file, and has it.
    async fn fetches(&self, file: &File) {
        self.wants(file).await;
        assert_eq!(self.comes(file).await, DownloadState::Here);
        assert!(self.saves(file).await.unwrap() == file.content, "another file");
    }
}

fn altered() -> DownloadState {
    DownloadState::Failed(ErrorCode::from(downloads::ALTERED))
}
