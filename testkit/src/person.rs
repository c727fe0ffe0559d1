//! Somebody with a client in this process.

mod consenting;
mod devices;
mod named;
mod new_device;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use privmsg_client::{
    Acknowledged, Client, Clock, Draft, Engine, Event, HistoryItem, MessageView, Profile, Reason, Recipient, Said,
    Sent, SignInKey, SystemClock,
};
use privmsg_protocol::Secret;
use tokio::sync::broadcast;

use crate::Account;
use crate::hostile::Thief;
use crate::wait::{PATIENCE, until};
pub(crate) use named::Named;
pub use new_device::NewDevice;

const ALL: u32 = 1_000_000;

/// One device of a user, with its profile in a temporary folder.
pub struct Person {
    account: Account,
    profile: Profile,
    clock: Arc<dyn Clock>,
    recovery_key: Option<Secret>,
    client: Client,
    engine: Option<Engine>,
    events: broadcast::Receiver<Event>,
    home: Arc<tempfile::TempDir>,
}

impl Person {
    /// Signs in on a first device and goes online.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn signs_in(url: &str, account: &Account) -> Result<Self> {
        let mut person = Self::signs_in_offline(url, account).await?;
        person.goes_online().await?;
        Ok(person)
    }

    /// Signs in on a first device and stays offline.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn signs_in_offline(url: &str, account: &Account) -> Result<Self> {
        Self::signs_in_by(url, account, Arc::new(SystemClock)).await
    }

    /// As [`Person::signs_in_offline`], living by `clock`.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn signs_in_by(url: &str, account: &Account, clock: Arc<dyn Clock>) -> Result<Self> {
        let key = SignInKey::Access(account.access_key.clone());
        let mut new = NewDevice::begins(url, account, key, &clock).await?;
        let done = new.done()?;
        new.becomes(done).await
    }

    /// Starts the engine and waits until everything that waited is here.
    ///
    /// # Errors
    /// If that does not happen.
    pub async fn goes_online(&mut self) -> Result<()> {
        self.starts().await?;
        self.sees("being in step with the server", |event| matches!(event, Event::Synced)).await.map(drop)
    }

    /// Starts the engine, without waiting for anything.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn starts(&mut self) -> Result<()> {
        // What happened before is not what is waited for afterwards.
        self.events = self.client.events();
        let client = self.client.clone();
        // An engine that was dropped lets go of the profile a moment later.
        let engine = until("the engine's start", PATIENCE, || {
            let started = client.start_engine();
            async move {
                match started {
                    Ok(engine) => Ok(Some(engine)),
                    Err(privmsg_client::EngineError::ProfileInUse) => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
        });
        self.engine = Some(engine.await?);
        Ok(())
    }

    /// Stops the engine in good order.
    ///
    /// # Errors
    /// What had stopped it before.
    pub async fn goes_offline(&mut self) -> Result<()> {
        match self.engine.take() {
            Some(engine) => Ok(engine.stop().await?),
            None => Ok(()),
        }
    }

    /// Drops engine and client as they are, and opens the profile again.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub async fn crashes(&mut self) -> Result<()> {
        self.engine = None;
        self.client = Client::open_with(&self.profile, None, Arc::clone(&self.clock)).await?;
        self.events = self.client.events();
        Ok(())
    }

    /// The profile as it is now, copied to another place; offline. Nobody must be writing to it.
    ///
    /// # Errors
    /// If it cannot be copied or opened.
    pub async fn copied(&self) -> Result<Self> {
        let (home, copy) = self.disk()?;
        let home = Arc::new(home);
        let (profile, clock) = (Profile::at(copy), Arc::clone(&self.clock));
        let client = Client::open_with(&profile, None, Arc::clone(&clock)).await?;
        let (account, recovery_key, events) = (self.account.clone(), self.recovery_key.clone(), client.events());
        Ok(Self { account, profile, clock, recovery_key, client, engine: None, events, home })
    }

    /// Somebody has copied the disk as it is now. Nobody must be writing to it.
    ///
    /// # Errors
    /// If it cannot be copied or opened.
    pub fn is_copied(&self) -> Result<Thief> {
        let (disk, profile) = self.disk()?;
        Thief::with(disk, &profile)
    }

    fn disk(&self) -> Result<(tempfile::TempDir, PathBuf)> {
        let home = tempfile::tempdir()?;
        let copy = home.path().join("profile");
        std::fs::create_dir(&copy)?;
        for entry in std::fs::read_dir(self.home.path().join("profile"))? {
            let entry = entry?;
            std::fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
        Ok((home, copy))
    }

    /// Waits until the engine stops by itself, and says why.
    ///
    /// # Errors
    /// If it does not stop.
    pub async fn is_stopped(&mut self) -> Result<String> {
        let engine = self.engine.as_mut().context("no engine is running")?;
        match tokio::time::timeout(PATIENCE, engine.finished()).await {
            Ok(Ok(())) => Ok("without an error".to_owned()),
            Ok(Err(error)) => Ok(error.to_string()),
            Err(_) => bail!("{}'s engine goes on running", self.account.user_id),
        }
    }

    /// Waits for an event.
    ///
    /// # Errors
    /// If it does not happen.
    pub async fn sees(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Event> {
        let name = self.account.user_id.clone();
        let wait = async {
            loop {
                match self.events.recv().await {
                    Ok(event) if wanted(&event) => return Ok(event),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => bail!("{name}'s client is gone"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.with_context(|| format!("{name} waits for {what}"))?
    }

    /// Writes a text. It is stored and queued when this returns.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub async fn says(&self, to: &impl Named, text: &str) -> Result<Sent> {
        Ok(self.client.send(&Recipient::User(to.name().clone()), Draft::text(text)).await?)
    }

    /// Sends files.
    ///
    /// # Errors
    /// If that cannot be stored.
    pub async fn shows(&self, to: &impl Named, caption: &str, files: &[&Path]) -> Result<Sent> {
        let files = files.iter().map(|path| path.to_path_buf()).collect();
        Ok(self.client.send(&Recipient::User(to.name().clone()), Draft::files(caption, files)).await?)
    }

    /// Waits until the server has a message.
    ///
    /// # Errors
    /// If it takes too long, or the message has failed.
    pub async fn delivered(&self, sent: &Sent) -> Result<()> {
        self.acknowledged(&sent.said()).await
    }

    /// Waits until the server has something that was said.
    ///
    /// # Errors
    /// If it takes too long, or was refused.
    pub async fn acknowledged(&self, said: &Said) -> Result<()> {
        let fate = tokio::time::timeout(PATIENCE, self.client.wait_acknowledged(said))
            .await
            .with_context(|| format!("{}'s message is not acknowledged", self.account.user_id))??;
        if fate != Acknowledged::Sent {
            bail!("a message of {} ended as {fate:?}", self.account.user_id);
        }
        Ok(())
    }

    /// Waits until something waits for one of these reasons.
    ///
    /// # Errors
    /// If it does not happen.
    pub async fn waits_because(&self, reasons: &[Reason]) -> Result<()> {
        let what = format!("{} waits because of one of {reasons:?}", self.account.user_id);
        until(&what, PATIENCE, || async {
            Ok(self.client.holds().await?.iter().any(|hold| reasons.contains(&hold.reason)).then_some(()))
        })
        .await
    }

    /// Waits until a text of somebody is here.
    ///
    /// # Errors
    /// If it does not come; says what has come instead.
    pub async fn hears(&self, from: &impl Named, text: &str) -> Result<MessageView> {
        self.finds(from, text, |message| message.sender_id == *from.name()).await
    }

    /// Waits until a chat has a text, whoever wrote it.
    ///
    /// # Errors
    /// If it does not come; says what has come instead.
    pub async fn has(&self, with: &impl Named, text: &str) -> Result<MessageView> {
        self.finds(with, text, |_| true).await
    }

    async fn finds(&self, with: &impl Named, text: &str, wanted: impl Fn(&MessageView) -> bool) -> Result<MessageView> {
        let what = format!("{} has {text:?} in the chat with {}", self.account.user_id, with.name());
        let look = || async {
            Ok(self.messages(with).await?.into_iter().find(|message| message.text == text && wanted(message)))
        };
        match until(&what, PATIENCE, look).await {
            Ok(message) => Ok(message),
            Err(error) => Err(error.context(format!("has instead: {:?}", self.texts(with).await?))),
        }
    }

    /// Waits until a chat has as many messages as `texts`, and compares them, in any order.
    ///
    /// # Errors
    /// If it is another number in the end.
    pub async fn has_exactly(&self, with: &impl Named, texts: &[String], patience: Duration) -> Result<()> {
        let mut wanted = texts.to_vec();
        wanted.sort();
        let enough = until("all messages", patience, || async {
            Ok((self.messages(with).await?.len() >= wanted.len()).then_some(()))
        });
        let waited = enough.await;
        let mut got = self.texts(with).await?;
        got.sort();
        if got != wanted {
            let missing: Vec<_> = wanted.iter().filter(|text| !got.contains(text)).collect();
            let doubled: Vec<_> = got.windows(2).filter(|two| two[0] == two[1]).map(|two| &two[0]).collect();
            bail!(
                "{} has {} of {} messages with {}; missing {missing:?}, doubled {doubled:?}, gaps of {} ({waited:?})",
                self.account.user_id,
                got.len(),
                wanted.len(),
                with.name(),
                self.missing(with).await?
            );
        }
        waited
    }

    /// All messages of a chat, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn messages(&self, with: &impl Named) -> Result<Vec<MessageView>> {
        let items = self.client.history(&Recipient::User(with.name().clone()), ALL).await?;
        Ok(items
            .into_iter()
            .filter_map(|item| match item {
                HistoryItem::Message(message) => Some(*message),
                HistoryItem::Gap { .. } => None,
            })
            .collect())
    }

    /// All texts of a chat, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn texts(&self, with: &impl Named) -> Result<Vec<String>> {
        let messages = self.messages(with).await?.into_iter();
        Ok(messages.filter(|message| !message.kind.is_notice()).map(|message| message.text).collect())
    }

    /// How many numbers of a chat are shown as missing.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn missing(&self, with: &impl Named) -> Result<u64> {
        let items = self.client.history(&Recipient::User(with.name().clone()), ALL).await?;
        Ok(items
            .iter()
            .map(|item| match item {
                HistoryItem::Gap { missing, .. } => *missing,
                HistoryItem::Message(_) => 0,
            })
            .sum())
    }

    /// Path for a file in this person's folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The client itself.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// What the administrator gave.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }
}
