//! Opening connections, and the settings that durability rests on.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::ballast;
use super::fault::is_full;
use super::journal::JournalError;
use super::migrations::{self, STEPS, schema_version};
use crate::paths::{beside, shown};
use crate::private;

/// The command line writes to the database while the server runs; each waits for the other this long.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// Ending of the database that a restore has not put in place yet.
pub(crate) const RESTORING: &str = ".restoring";

/// Copies from before upgrades that are kept; older ones are deleted.
const COPIES: usize = 3;

/// Prepared statements kept per connection: more than there are in the code (some 300, of which each connection uses a part).
const STATEMENTS: usize = 384;

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
    /// Something else is there.
    #[error(
        "the database at {path} belongs to another program: it has the table `{table}`, and not those of this server"
    )]
    Foreign { path: String, table: String },
    /// A newer server has worked with it.
    #[error("the database at {path} is of a newer server (schema {found}; this one knows {known})")]
    Newer { path: String, found: i64, known: i64 },
    /// A restore ended in the middle: part of the data is not in its place.
    #[error("a backup was being restored to {path} and was not finished")]
    HalfRestored { path: String },
    /// What was revoked since cannot be read, or not be revoked again.
    #[error("the database at {path} cannot be brought together with its journal of revocations")]
    Journal {
        path: String,
        #[source]
        source: JournalError,
    },
    /// There is no copy of it as it was before the upgrade.
    #[error("cannot copy the database to {path} before its upgrade")]
    Copy {
        path: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot update the schema of the database at {path}")]
    Migrate {
        path: String,
        #[source]
        source: rusqlite::Error,
    },
}

/// Opens the database for the writer, brings its schema up to date, and keeps others from reading the file.
pub(super) fn create(path: &Path) -> Result<Connection, OpenError> {
    create_with(path, STEPS)
}

/// [`create`], by a program that has these steps.
pub(super) fn create_with(path: &Path, steps: &[&str]) -> Result<Connection, OpenError> {
    let opened = match open_up_to_date(path, steps) {
        Err(OpenError::Open { source, .. }) if is_full(&source) && ballast::release(path) => {
            open_up_to_date(path, steps)
        }
        other => other,
    };
    let conn = opened?;
    ballast::take_in(path);
    Ok(conn)
}

fn open_up_to_date(path: &Path, steps: &[&str]) -> Result<Connection, OpenError> {
    let name = || shown(path);
    let prepared = |source| OpenError::Prepare { path: name(), source };
    if beside(path, RESTORING).exists() {
        return Err(OpenError::HalfRestored { path: name() });
    }
    let failed = |source| OpenError::Open { path: name(), source };
    // Before anything of it is changed, its permissions and the kind of its log included.
    if let Some(table) = foreign_table(path).map_err(failed)? {
        return Err(OpenError::Foreign { path: name(), table });
    }
    keep_private(path).map_err(prepared)?;
    let mut conn = open_writable(path).map_err(failed)?;
    let known = migrations::number(steps);
    match schema_version(&conn).map_err(failed)? {
        found if found > known => return Err(OpenError::Newer { path: name(), found, known }),
        found if (1..known).contains(&found) => copy_before_upgrade(&conn, path, found, known)?,
        _ => {}
    }
    migrations::apply(&mut conn, steps).map_err(|source| OpenError::Migrate { path: name(), source })?;
    Ok(conn)
}

/// Tables that every version of this server has had. Another program may have one of these names, but hardly all.
const OURS: [&str; 4] = ["user", "device", "mailbox", "key_package"];

/// A table of the database, if it is not this server's database. One that is not there yet, or empty, is nobody's.
pub(crate) fn foreign_table(path: &Path) -> rusqlite::Result<Option<String>> {
    if path.metadata().map_or(0, |data| data.len()) == 0 {
        return Ok(None);
    }
    // May write: the log of a process that died has to be read as well. Nothing is changed by reading.
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(BUSY)?;
    let tables: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if OURS.iter().all(|ours| tables.iter().any(|table| table == ours)) {
        return Ok(None);
    }
    let unknown = tables.iter().find(|table| !OURS.contains(&table.as_str())).or(tables.first());
    Ok(unknown.cloned())
}

/// Keeps the database as it is, beside itself: an upgrade cannot be undone, and whoever wants the older server back
/// needs the older database.
fn copy_before_upgrade(conn: &Connection, path: &Path, found: i64, known: i64) -> Result<(), OpenError> {
    let to = beside(path, &format!("{BEFORE}{known}-of-V{found}"));
    let failed = |source| OpenError::Copy { path: shown(&to), source };
    // Under another name until it is complete. An earlier one of the same upgrade is replaced: the upgrade did not
    // happen then.
    let part = beside(&to, ".part");
    let copied = (|| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        drop(private::file(&part)?);
        vacuum_into(conn, &part)?;
        std::fs::File::open(&part)?.sync_all()?;
        std::fs::rename(&part, &to)?;
        Ok(())
    })();
    if let Err(source) = copied {
        // Takes room that the database needs.
        let _ = std::fs::remove_file(&part);
        return Err(failed(source));
    }
    tracing::info!(copy = %to.display(), from = found, to = known, "upgrades the database; a copy of before is kept");
    if let Err(error) = forget_old_copies(path) {
        tracing::warn!(error = &error as &dyn std::error::Error, "old copies of the database were not deleted");
    }
    Ok(())
}

/// Copies a database as it is at this moment into an empty file.
pub(super) fn vacuum_into(conn: &Connection, to: &Path) -> rusqlite::Result<()> {
    let name = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    conn.execute("VACUUM INTO ?1", [name]).map(drop)
}

/// What the names of copies from before upgrades go on with after the name of the database.
const BEFORE: &str = ".before-V";

fn forget_old_copies(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let ours = |rest: &str| rest.split_once("-of-V").is_some_and(|(to, from)| is_number(to) && is_number(from));
        if entry.file_name().to_str().and_then(|n| n.strip_prefix(name)?.strip_prefix(BEFORE)).is_some_and(ours) {
            copies.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    copies.sort();
    let spare = copies.len().saturating_sub(COPIES);
    copies.into_iter().take(spare).try_for_each(|(_, path)| std::fs::remove_file(path))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// SQLite gives its log and its index the permissions of the database, and makes a database that the whole machine may
/// read: so the file is there before. The others may be left of a process that died.
fn keep_private(path: &Path) -> std::io::Result<()> {
    private::folder_of(path)?;
    drop(private::file(path)?);
    for ending in ["", "-wal", "-shm"] {
        match private::restrict(&beside(path, ending), 0o600) {
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
    write_ahead(&conn)?;
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

/// Writes go to a log first. SQLite does not wait by itself to change that for a new database: a command that looked into
/// it at that moment kept the server from its first start.
fn write_ahead(conn: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < BUSY => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Moves the log into the database and takes it away, so that the one file is all there is to copy. SQLite does that by
/// itself when the last connection closes, but not if that one may only read, and which is the last is up to chance.
pub(super) fn settle(path: &Path) {
    let settled = open_writable(path).and_then(|conn| {
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.close().map_err(|(_, error)| error)
    });
    if let Err(error) = settled {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "part of the data is left in the log beside the database"
        );
    }
}

pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // 1 MB: readers page through mailboxes and seldom see the same page twice.
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}
