//! Opening a connection to the encrypted file.

use std::path::Path;
use std::sync::Once;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::key::{DatabaseKey, private_file};

/// Name of the database inside a profile's directory.
pub const DATABASE_FILE: &str = "privmsg.db";

/// How long a process waits for another one that writes to the same profile. Its longest transaction, a page of
/// incoming messages, takes well under a second.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between two attempts at what does not wait by itself.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// Prepared statements kept for each connection: more than this crate has.
const STATEMENTS: usize = 256;

/// The connection that writes. Makes the file if there is none.
pub(super) fn open_writer(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    // SQLite makes files that all may read, and gives those beside the database the rights that it has. It says itself what hinders it.
    drop(private_file::make(path));
    let connection = open(path, key, OpenFlags::SQLITE_OPEN_CREATE)?;
    // `synchronous`: once the server is told that a message is stored, or a ciphertext has left, neither may be forgotten
    // in a power cut; a ratchet that steps back would use a nonce twice.
    patiently(|| Ok(connection.execute_batch("PRAGMA journal_mode = WAL")?))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;",
    )?;
    Ok(connection)
}

/// Tries again while others hold the file: where SQLite needs it for itself alone, as to begin a write-ahead log, it says
/// so at once, whatever the busy time-out.
fn patiently<T>(work: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let begun = Instant::now();
    loop {
        match work() {
            Err(StoreError::Busy) if begun.elapsed() < BUSY_TIMEOUT => std::thread::sleep(BUSY_PAUSE),
            other => return other,
        }
    }
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    let connection = open(path, key, OpenFlags::empty())?;
    connection.execute_batch("PRAGMA query_only = ON")?;
    Ok(connection)
}

/// Begins SQLite in one thread, before others open anything. It lets them in before what it begins last, which is SQLCipher, and
/// whoever is second within that moment finds it without cryptography: "An error occurred with PRAGMA key".
fn begin() {
    static BEGUN: Once = Once::new();
    // If this does not work, nothing else will, and says why.
    BEGUN.call_once(|| drop(Connection::open_in_memory()));
}

fn open(path: &Path, key: &DatabaseKey, extra: OpenFlags) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
    begin();
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(&key.pragma())?;
    // A wrong key is an answer here, not something to print on somebody's terminal. `temp_store`: sorting must not spill
    // plaintext to disk.
    connection.execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA temp_store = MEMORY;")?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // The first read tells whether the key is right. It has to wait, too, while another process takes a log away.
    patiently(|| Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
