//! One connection, one thread, whole transactions.

use std::fs::File;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::error::StoreError;
use crate::key::DatabaseKey;
use crate::mls;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Name of the database inside a profile's directory.
pub const DATABASE_FILE: &str = "privmsg.db";

/// How long a process waits for another one that writes to the same profile. Its longest transaction, a page of
/// incoming messages, takes well under a second.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls that may wait for the database thread; callers beyond that wait in `transact`.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Databases that are open in this process, and the news that one has been closed.
static OPEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

/// Waits until all databases of this process are closed, which they are when the last handle to each is gone. Returns
/// whether they are.
///
/// A program calls it before it ends: OpenSSL takes itself down in `exit`, and SQLCipher on a thread of its own would go
/// on using it.
#[must_use]
pub fn wait_until_closed(patience: Duration) -> bool {
    let open = OPEN.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = OPEN.1.wait_timeout_while(open, patience, |open| *open > 0);
    *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
}

/// Counts an open database for as long as it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        *OPEN.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        OPEN.1.notify_all();
    }
}

/// A handle to the open database. Clones share the connection.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Opens the database in `dir`, creating and upgrading it as needed.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`] if `key` does not open the file, [`StoreError::Newer`] if a newer build wrote it.
    pub fn open(dir: &Path, key: &DatabaseKey) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE_FILE);
        make(&path, key)?;
        let mut connection = open_connection(&path, key)?;
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let counted = Counted::new();
        std::thread::Builder::new()
            .name("privmsg-store".into())
            .spawn(move || {
                while let Some(job) = queue.blocking_recv() {
                    job(&mut connection);
                }
                drop(connection);
                drop(counted);
            })
            .map_err(|e| StoreError::Migration(format!("no thread for the database: {e}")))?;
        Ok(Self { jobs })
    }

    /// Runs `work` in one write transaction on the database thread. It is committed if `work` returns `Ok`, and is
    /// durable when this returns; otherwise nothing of it remains.
    ///
    /// # Errors
    /// What `work` returns, or a [`StoreError`] of the transaction itself.
    pub async fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.call(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(StoreError::from)?;
            let value = work(&transaction)?;
            transaction.commit().map_err(StoreError::from)?;
            Ok(value)
        })
        .await
    }

    /// Runs `work` on a consistent snapshot, without the right to write.
    ///
    /// # Errors
    /// As for [`Store::transact`].
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        self.call(move |connection| {
            let snapshot =
                connection.transaction_with_behavior(TransactionBehavior::Deferred).map_err(StoreError::from)?;
            work(&snapshot)
        })
        .await
    }

    /// A number that changes whenever another process has written to this database.
    ///
    /// # Errors
    /// [`StoreError`] of the query.
    pub async fn foreign_version(&self) -> Result<i64, StoreError> {
        self.call(|connection| Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)).await
    }

    async fn call<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The caller may have gone away; the transaction stands all the same.
            let _ = answer.send(work(connection));
        });
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        result.await.map_err(|_| E::from(StoreError::Closed))?
    }
}

/// Makes a database beside its place, unless there is one, and moves it there once it is whole: its tables come from two
/// sources, each with transactions of its own, and who is killed in between must not leave half of them. Of several
/// processes that want it at the same moment one makes it; the lock's file stays, for it could be taken from under them.
fn make(path: &Path, key: &DatabaseKey) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Migration(error.to_string());
    if path.exists() {
        return Ok(());
    }
    let lock = File::options().create(true).truncate(false).write(true).open(path.with_extension("lock"));
    lock.and_then(|lock| lock.lock().map(|()| lock)).map_err(failed).and_then(|_held| {
        if path.exists() {
            return Ok(());
        }
        for end in ["new", "new-wal", "new-shm"] {
            match std::fs::remove_file(path.with_extension(end)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
        }
        let beside = path.with_extension("new");
        // Closing it takes what is in its journal into the file.
        open_connection(&beside, key)?.close().map_err(|(_, error)| error)?;
        std::fs::rename(&beside, path).map_err(failed)
    })
}

fn open_connection(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(&key.pragma())?;
    // A wrong key is an answer here, not something to print on somebody's terminal.
    connection.execute_batch("PRAGMA cipher_log_level = NONE")?;
    // `temp_store`: sorting must not spill plaintext to disk. `synchronous`: once the server is told that a message is
    // stored, or a ciphertext has left, neither may be forgotten in a power cut; a ratchet that steps back would use a
    // nonce twice.
    connection.execute_batch(
        "PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;",
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The first read tells whether the key is right.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;",
    )?;
    connection.set_prepared_statement_cache_capacity(128);
    migrate(&mut connection)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |e: refinery::Error| StoreError::Migration(e.to_string());
    let mut runner = embedded::migrations::runner();
    let known = runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or(0);
    let has_history: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if has_history && let Some(last) = runner.get_last_applied_migration(connection).map_err(failed)? {
        let found = last.version();
        if found > known {
            return Err(StoreError::Newer { found: narrow(found), known: narrow(known) });
        }
    }
    runner = runner.set_grouped(true);
    runner.run(connection).map_err(failed)?;
    mls::migrate(connection)
}

fn narrow(version: impl TryInto<u32>) -> u32 {
    version.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table_names(connection: &Connection) -> Result<Vec<String>, StoreError> {
        let mut query = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let names = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names)
    }

    #[tokio::test]
    async fn reopening_needs_the_same_key_and_finds_the_same_tables() {
        let dir = tempfile::tempdir().unwrap();
        let key = DatabaseKey::from_bytes([7; 32]);
        let store = Store::open(dir.path(), &key).unwrap();
        let before = store.read(table_names).await.unwrap();
        assert!(before.iter().any(|name| name == "outbox") && before.iter().any(|name| name == "openmls_group_data"));
        drop(store);

        let wrong = Store::open(dir.path(), &DatabaseKey::from_bytes([8; 32]));
        assert!(matches!(wrong, Err(StoreError::WrongKey)));
        let again = Store::open(dir.path(), &key).unwrap();
        assert_eq!(again.read(table_names).await.unwrap(), before);
    }

    #[tokio::test]
    async fn one_that_was_half_made_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let key = DatabaseKey::from_bytes([7; 32]);
        let half = open_connection(&dir.path().join("privmsg.new"), &DatabaseKey::from_bytes([8; 32])).unwrap();
        std::mem::forget(half);
        let store = Store::open(dir.path(), &key).unwrap();
        assert!(store.read(table_names).await.unwrap().iter().any(|name| name == "openmls_group_data"));
        assert!(!dir.path().join("privmsg.new").exists() && !dir.path().join("privmsg.new-wal").exists());
    }

    #[test]
    fn of_several_that_make_it_at_once_all_have_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let key = DatabaseKey::from_bytes([7; 32]);
        std::thread::scope(|scope| {
            let openers: Vec<_> = (0..8).map(|_| scope.spawn(|| Store::open(dir.path(), &key))).collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
        assert!(!dir.path().join("privmsg.new").exists());
    }

    #[tokio::test]
    async fn what_is_queued_is_done_before_the_database_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let key = DatabaseKey::from_bytes([7; 32]);
        let store = Store::open(dir.path(), &key).unwrap();
        let slow = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .transact(|c| {
                        std::thread::sleep(Duration::from_millis(50));
                        crate::meta::set(c, "probe", 1)
                    })
                    .await
            }
        });
        tokio::task::yield_now().await;
        slow.abort();
        assert!(slow.await.is_err(), "the caller has gone away");
        drop(store);
        // Other tests have databases of their own, and end, too.
        assert!(wait_until_closed(Duration::from_secs(30)));
        let again = Store::open(dir.path(), &key).unwrap();
        assert_eq!(again.read(|c| crate::meta::get(c, "probe")).await.unwrap(), Some(1));
    }

    #[tokio::test]
    async fn a_failed_transaction_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([7; 32])).unwrap();
        let failed: Result<(), StoreError> = store
            .transact(|c| {
                crate::meta::set(c, "probe", 1)?;
                Err(StoreError::Invalid("probe"))
            })
            .await;
        assert!(failed.is_err());
        assert_eq!(store.read(|c| crate::meta::get(c, "probe")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn nothing_readable_lies_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([7; 32])).unwrap();
        store.transact(|c| crate::meta::set(c, "a_very_readable_word", 1)).await.unwrap();
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(20).any(|w| w == b"a_very_readable_word"));
            assert!(!bytes.starts_with(b"SQLite format 3"));
        }
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let key = DatabaseKey::from_bytes([7; 32]);
        let store = Store::open(dir.path(), &key).unwrap();
        store
            .transact(|c| {
                c.execute(
                    "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                     VALUES (999, 'future', '2030-01-01T00:00:00Z', '0')",
                    [],
                )?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        drop(store);
        assert!(matches!(Store::open(dir.path(), &key), Err(StoreError::Newer { found: 999, .. })));
    }
}
