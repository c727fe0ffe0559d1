//! The state of one moment: a copy of the database, and second names for the files that it knows.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::BackupError;
use crate::private;
use crate::secrets::{generated_file_id, random_file_id};
use crate::storage::sqlite;

/// Beginning of the names of folders in the folder of files that hold a backup's second names. No file has such a name.
const STAGING: &str = ".backup-";

/// What is in a copy.
pub(super) struct Contents {
    /// Number of the last migration.
    pub(super) schema_version: i64,
    pub(super) users: u64,
    /// The files that rows name.
    pub(super) ids: Vec<String>,
}

/// A copy of the database in a file of its own, which goes when this is dropped.
pub(super) struct DatabaseCopy {
    path: PathBuf,
}

impl DatabaseCopy {
    /// Copies the database as it is now. Whoever writes to it goes on meanwhile.
    pub(super) fn take(database: &Path, path: PathBuf) -> Result<Self, BackupError> {
        if !database.exists() {
            return Err(BackupError::NoDatabase { path: database.display().to_string() });
        }
        if let Ok(Some(table)) = sqlite::foreign_table(database) {
            return Err(BackupError::ForeignDatabase { path: database.display().to_string(), table });
        }
        remove(&path).map_err(BackupError::io("delete", &path))?;
        drop(private::file(&path).map_err(BackupError::io("write", &path))?);
        let copy = Self { path };
        sqlite::copy(database, &copy.path).map_err(BackupError::database(database))?;
        Ok(copy)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn contents(&self) -> Result<Contents, BackupError> {
        let failed = BackupError::database(&self.path);
        let conn = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(&failed)?;
        Ok(Contents {
            schema_version: sqlite::schema_version(&conn).map_err(&failed)?,
            users: sqlite::users(&conn).map_err(&failed)?,
            ids: sqlite::file_ids(&conn).map_err(&failed)?,
        })
    }
}

impl Drop for DatabaseCopy {
    fn drop(&mut self) {
        // What cannot be deleted here is deleted by the next backup of that name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Second names of files, which keep their bytes while the backup is made. They go when this is dropped.
pub(super) struct Staging {
    folder: PathBuf,
    /// Tells later backups that this one is alive.
    _lock: File,
}

impl Staging {
    /// A new folder within the folder of files, because links do not lead to other disks.
    pub(super) fn open(files: &Path) -> Result<Self, BackupError> {
        private::folder(files).map_err(BackupError::io("make", files))?;
        sweep(files).map_err(BackupError::io("tidy", files))?;
        let folder = files.join(format!("{STAGING}{}", &random_file_id().as_str()[..12]));
        let failed = BackupError::io("make", &folder);
        private::new_folder(&folder).map_err(&failed)?;
        let lock = private::file(&folder.join("lock")).map_err(&failed)?;
        lock.lock().map_err(&failed)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Keeps a file; `None` if it has gone.
    pub(super) fn keep(&self, files: &Path, id: &str) -> Result<Option<PathBuf>, BackupError> {
        if generated_file_id(id).is_none() {
            return Err(BackupError::damaged("the database names a file that the server has not made"));
        }
        let (from, to) = (files.join(id), self.folder.join(id));
        let kept = std::fs::hard_link(&from, &to).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Err(error),
            // Not every disk has links.
            _ => std::fs::copy(&from, &to).map(drop),
        });
        match kept {
            Ok(()) => Ok(Some(to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::io("copy", &from)(error)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be deleted here is deleted by the next backup.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Deletes what backups have left that were killed.
fn sweep(files: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(files)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(STAGING) || !entry.file_type()?.is_dir() {
            continue;
        }
        match File::open(entry.path().join("lock")) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => std::fs::remove_dir_all(entry.path())?,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error),
            },
            // Its owner has not come to it yet, or has just finished.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Deletes a file; one that is not there is fine.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
