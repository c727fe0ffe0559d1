//! Opening connections, and the settings that durability rests on.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::private;

mod embedded {
    refinery::embed_migrations!("src/storage/sqlite/migrations");
}

/// The command line writes to the database while the server runs; each waits for the other this long.
const BUSY: Duration = Duration::from_secs(10);

/// Prepared statements kept per connection: more than there are in the code.
const STATEMENTS: usize = 128;

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The folder of the database cannot be made, or a thread not started.
    #[error("cannot prepare the database at {path}")]
    Prepare {
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// SQLite does not open it.
    #[error("cannot open the database at {path}")]
    Open {
        path: String,
        #[source]
        source: rusqlite::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot update the schema of the database at {path}")]
    Migrate {
        path: String,
        #[source]
        source: Box<refinery::Error>,
    },
}

/// Opens the database for the writer, brings its schema up to date, and keeps others from reading the file.
pub(super) fn create(path: &Path) -> Result<Connection, OpenError> {
    let name = || path.display().to_string();
    let prepared = |source| OpenError::Prepare { path: name(), source };
    keep_private(path).map_err(prepared)?;
    let mut conn = open_writable(path).map_err(|source| OpenError::Open { path: name(), source })?;
    embedded::migrations::runner()
        .run(&mut conn)
        .map_err(|source| OpenError::Migrate { path: name(), source: Box::new(source) })?;
    Ok(conn)
}

/// SQLite gives its log and its index the permissions of the database, and makes a database that the whole machine may
/// read: so the file is there before. The others may be left of a process that died.
fn keep_private(path: &Path) -> std::io::Result<()> {
    private::folder_of(path)?;
    drop(private::file(path)?);
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        match private::restrict(Path::new(&name), 0o600) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn open_writable(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit that has returned survives a loss of power. Everything that is acknowledged rests on it.
    conn.pragma_update(None, "synchronous", "FULL")?;
    // Checkpoints are made by a thread of their own.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
    // Delivered messages are overwritten where that costs nothing.
    conn.pragma_update(None, "secure_delete", "FAST")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    // 8 MB: holds what is being delivered, so that deleting a message reads nothing from the disk.
    conn.pragma_update(None, "cache_size", -8192)?;
    Ok(conn)
}

pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // 1 MB: readers page through mailboxes and seldom see the same page twice.
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}
