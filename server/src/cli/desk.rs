//! Where the administrative commands hand in what is to be done: to the server that runs on the database, or, where
//! none runs, to the database itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use privmsg_protocol::{ErrorCode, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::CommandError;
use super::shown::Whereabouts;
use crate::admin::requests::{Outcome, answer};
use crate::admin::{Errand, KEY_REFUSED, Question};
use crate::clock::Clock;
use crate::config::Config;
use crate::files::FileStore;
use crate::hub::Hub;
use crate::lock::{Lock, LockError};
use crate::paths::{beside, shown};
use crate::secrets::KeyHash;
use crate::serve::ServerError;
use crate::storage::sqlite::{Courier, Options, SqliteStorage};
use crate::storage::{Act, Actor, AuditNote, Bounds, Delivery, Observer, StorageError};

/// How long the running server may take. It looks every 250 ms; beyond that it is stuck.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the command looks for the answer.
const LOOK: Duration = Duration::from_millis(20);

/// How long a server may take from its lock to its tables, when it starts for the first time.
const STARTING: Duration = Duration::from_secs(15);

/// Whether there is a database. Where a server is about to make one it is waited for; nothing is made here.
async fn is_there(database: &std::path::Path) -> bool {
    let begun = Instant::now();
    while !database.exists() {
        let starts = beside(database, ".lock").exists() && matches!(Lock::take(database), Err(LockError::InUse { .. }));
        if !starts || begun.elapsed() > STARTING {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
    true
}

/// Nobody is connected to this process.
struct Nobody;

impl Observer for Nobody {
    fn committed(&self, _deliveries: Vec<Delivery>) {}
}

/// See the module. Opened for somebody who has the admin key.
pub(super) struct Desk {
    to: To,
    database: PathBuf,
    files: PathBuf,
    bounds: Bounds,
}

enum To {
    Server(Courier),
    /// The data is ours as long as the lock is.
    Database {
        storage: SqliteStorage,
        _lock: Lock,
    },
}

impl Desk {
    /// Opens the data that there is; commands make none. Whoever can read the admin key in the configuration needs to
    /// give no key: they could read it there.
    pub(super) async fn open(config: &Config, admin_key: Option<&Secret>) -> Result<Self, CommandError> {
        if !is_there(&config.storage.database_path).await {
            return Err(CommandError::NoDatabase(Whereabouts::of(config)));
        }
        let desk = Self {
            to: To::reach(config).await?,
            database: config.storage.database_path.clone(),
            files: config.storage.files_path.clone(),
            bounds: config.limits.mailbox_bounds(),
        };
        let configured = config.admin.master_key.expose();
        if admin_key.is_none_or(|key| key.expose().is_empty()) && !configured.is_empty() {
            return Ok(desk);
        }
        let expected = if configured.is_empty() {
            desk.to.admin_key_hash().await?.ok_or(CommandError::NoAdminKey)?
        } else {
            KeyHash::of(configured)
        };
        let given = KeyHash::of(admin_key.map_or("", Secret::expose));
        if !given.matches(&expected) {
            desk.to.note_refused_key().await?;
            desk.close().await;
            return Err(CommandError::AdminKey);
        }
        Ok(desk)
    }

    /// Has it done.
    pub(super) async fn act(&mut self, act: Act) -> Result<(), CommandError> {
        self.hand_in(Errand::Act(act)).await.map(drop)
    }

    /// Has it told.
    pub(super) async fn ask<T: DeserializeOwned>(&mut self, question: Question) -> Result<T, CommandError> {
        let answer = self.hand_in(Errand::Ask(question)).await?;
        // Another version of the server may answer in another form.
        serde_json::from_value(answer).map_err(|_| CommandError::AnotherVersion)
    }

    pub(super) async fn close(self) {
        if let To::Database { storage, .. } = self.to {
            storage.close().await;
        }
    }

    async fn hand_in(&mut self, errand: Errand) -> Result<Value, CommandError> {
        if let To::Server(courier) = &mut self.to {
            match through_the_server(courier, &self.database, &errand).await? {
                Fate::Answered(outcome) => return Ok(parse(&outcome)?.into_result()?),
                // The server has ended without doing it.
                Fate::Ours(lock) => self.to = To::open(&self.database, self.bounds, lock)?,
            }
        }
        let To::Database { storage, .. } = &self.to else { unreachable!("reached above") };
        match errand {
            Errand::Ask(question) => Ok(answer(storage, &Hub::default(), question).await?),
            Errand::Act(act) => {
                let consequences = storage.administer(act, Actor::Cli, None).await?;
                if !consequences.files.is_empty() {
                    let failed = |source| ServerError::Files { path: shown(&self.files), source };
                    let files = FileStore::open(&self.files).map_err(failed)?;
                    for file in consequences.files {
                        files.remove(&file).await.map_err(failed)?;
                    }
                }
                Ok(Value::Null)
            }
        }
    }
}

impl To {
    async fn reach(config: &Config) -> Result<Self, CommandError> {
        let database = &config.storage.database_path;
        match Lock::take(database) {
            Ok(lock) => Self::open(database, config.limits.mailbox_bounds(), lock),
            Err(LockError::InUse { .. }) => {
                let courier = Courier::open(database)?;
                // A server that has just been started for the first time is still making its tables.
                let begun = Instant::now();
                while !courier.is_expected()? {
                    if let Ok(lock) = Lock::take(database) {
                        return Self::open(database, config.limits.mailbox_bounds(), lock);
                    }
                    if begun.elapsed() > STARTING {
                        return Err(CommandError::AnotherVersion);
                    }
                    tokio::time::sleep(LOOK).await;
                }
                Ok(Self::Server(courier))
            }
            Err(error) => Err(ServerError::from(error).into()),
        }
    }

    fn open(database: &std::path::Path, bounds: Bounds, lock: Lock) -> Result<Self, CommandError> {
        let options = Options { path: database, bounds, clock: Clock::system() };
        let storage = SqliteStorage::open(options, Arc::new(Nobody)).map_err(ServerError::from)?;
        Ok(Self::Database { storage, _lock: lock })
    }

    async fn admin_key_hash(&self) -> Result<Option<KeyHash>, StorageError> {
        match self {
            Self::Server(courier) => courier.admin_key_hash(),
            Self::Database { storage, .. } => storage.admin_key_hash().await,
        }
    }

    async fn note_refused_key(&self) -> Result<(), StorageError> {
        match self {
            Self::Server(courier) => courier.note_refused_key(KEY_REFUSED, Clock::system().now()),
            Self::Database { storage, .. } => {
                let note = AuditNote { actor: Actor::Cli, action: KEY_REFUSED, user_id: None, detail: String::new() };
                storage.note(note).await
            }
        }
    }
}

/// What became of a request to the server.
enum Fate {
    Answered(String),
    /// The server has gone before it did it.
    Ours(Lock),
}

/// Writes the request down and waits for its outcome.
async fn through_the_server(
    courier: &mut Courier,
    database: &std::path::Path,
    errand: &Errand,
) -> Result<Fate, CommandError> {
    let body = serde_json::to_string(errand).expect("an errand is plain data");
    let begun = Instant::now();
    let patience = i64::try_from(PATIENCE.as_secs()).unwrap_or(i64::MAX);
    let request = courier.send(&body, Clock::system().now() + patience)?;
    while begun.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK).await;
        if let Some(outcome) = courier.outcome(request)? {
            return Ok(Fate::Answered(outcome));
        }
        match Lock::take(database) {
            // The server has ended; perhaps after it had done it.
            Ok(lock) => return Ok(courier.withdraw(request)?.map_or(Fate::Ours(lock), Fate::Answered)),
            Err(LockError::InUse { .. }) => {}
            Err(error) => return Err(ServerError::from(error).into()),
        }
    }
    courier.withdraw(request)?.map(Fate::Answered).ok_or(CommandError::NoAnswer)
}

fn parse(outcome: &str) -> Result<Outcome, CommandError> {
    serde_json::from_str(outcome).map_err(|_| CommandError::AnotherVersion)
}

/// Refusals that have a sentence of their own on the command line.
impl From<StorageError> for CommandError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Refused(refusal) => match refusal.code {
                ErrorCode::UserExists => Self::UserExists,
                ErrorCode::UnknownUser => Self::UnknownUser,
                ErrorCode::UnknownDevice => Self::UnknownDevice,
                ErrorCode::NoReplacement => Self::NoReplacement,
                _ => Self::Storage(StorageError::Refused(refusal)),
            },
            other => Self::Storage(other),
        }
    }
}
