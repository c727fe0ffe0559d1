//! Proving that a backup can be restored.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::archive;
use super::encryption::Unlock;
use super::manifest::{DATABASE, FILES, Manifest};
use super::snapshot::remove;
use super::{BackupError, Progress};
use crate::paths::beside;
use crate::private;
use crate::storage::sqlite;

/// Reads all of a backup, compares it with its manifest, and opens its database in a copy beside it as a server would.
pub(crate) fn verify(path: &Path, unlock: &Unlock, progress: Progress<'_>) -> Result<Manifest, BackupError> {
    let copy = Scratch(beside(path, ".verify-db"));
    let manifest = archive::read(
        path,
        unlock,
        &mut |_| copy.clear(),
        &mut |member| {
            let wanted = member.name == DATABASE;
            wanted.then(|| private::file(&copy.0).map_err(BackupError::io("write", &copy.0))).transpose()
        },
        progress,
    )?;
    database(&copy.0, &manifest)?;
    Ok(manifest)
}

/// Checks the database of an archive: whole, known, and in agreement with the files; and brings its schema up to date,
/// as the first start after restoring would.
pub(super) fn database(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let failed = BackupError::database(path);
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(&failed)?;
    let verdict: String =
        conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(|error| corrupt(&error))?;
    if verdict != "ok" {
        return Err(BackupError::damaged(format!("the database says: {verdict}")));
    }
    let version = sqlite::schema_version(&conn).map_err(&failed)?;
    if version != manifest.schema_version {
        return Err(BackupError::damaged("the database is not of the version that the list of contents names"));
    }
    if manifest.schema_version <= sqlite::newest_schema() && sqlite::users(&conn).map_err(&failed)? != manifest.users {
        return Err(BackupError::damaged("the database has another number of users than the list of contents names"));
    }
    if manifest.schema_version > sqlite::newest_schema() {
        return Err(BackupError::Newer { version: manifest.version.clone() });
    }
    let names = manifest.files.iter().filter_map(|file| file.name.strip_prefix(FILES));
    let known: HashSet<&str> = names.chain(manifest.missing.iter().map(String::as_str)).collect();
    let ids = sqlite::file_ids(&conn).map_err(&failed)?;
    if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
        return Err(BackupError::damaged(format!("the file {id} is not in it")));
    }
    drop(conn);
    let mut conn = Connection::open(path).map_err(&failed)?;
    sqlite::migrate(&mut conn).map_err(|error| BackupError::damaged(format!("the database cannot be updated: {error}")))
}

fn corrupt(error: &rusqlite::Error) -> BackupError {
    BackupError::damaged(format!("the database cannot be read: {error}"))
}

/// A database for a moment. It and what SQLite puts beside it go when this is dropped.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn clear(&self) -> Result<(), BackupError> {
        for ending in ["", "-journal", "-wal", "-shm"] {
            let path = beside(&self.0, ending);
            remove(&path).map_err(BackupError::io("delete", &path))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next check of this backup deletes it otherwise.
        let _ = self.clear();
    }
}
