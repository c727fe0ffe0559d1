//! Putting a backup in place of the server's data.
//!
//! Everything is read, checked and written beside the present data first, and only then put in place: files, then the
//! database. A restore that was cut off in between leaves `<database>.restoring`, with which no server starts.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use privmsg_protocol::FileId;
use rusqlite::Connection;

use super::archive;
use super::encryption::Unlock;
use super::hash::hash;
use super::manifest::{DATABASE, FILES, Manifest, Member};
use super::snapshot::remove;
use super::verify;
use super::{BackupError, Progress};
use crate::clock::format_utc;
use crate::lock::Lock;
use crate::paths::{beside, sync_folder_of};
use crate::private;
use crate::storage::sqlite::{self, RESTORING, TakenBack};

/// Folder within the folder of files in which restored ones wait.
const WAITING: &str = ".restoring";

/// What to restore, and where to.
pub(crate) struct Restore<'a> {
    pub(crate) from: &'a Path,
    pub(crate) unlock: &'a Unlock,
    pub(crate) database: &'a Path,
    pub(crate) files: &'a Path,
    /// Moves data that is there aside.
    pub(crate) force: bool,
    /// Reads everything once more from where it lies in the end.
    pub(crate) verify: bool,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) manifest: Manifest,
    /// Where the data of before is: database, files.
    pub(crate) aside: Vec<PathBuf>,
    /// What is not as it was at the time of the backup.
    pub(crate) taken_back: TakenBack,
}

/// Restores a backup. After an error before the last step the present data is as it was.
pub(crate) fn restore(order: &Restore<'_>, progress: Progress<'_>) -> Result<Restored, BackupError> {
    let _lock = Lock::take(order.database)?;
    // Moved aside, it would be gone for its program. What cannot be read at all may well be what the restore is for.
    if let Ok(Some(table)) = sqlite::foreign_table(order.database) {
        return Err(BackupError::ForeignDatabase { path: order.database.display().to_string(), table });
    }
    let present = Present::find(order)?;
    if let Some(path) = present.first()
        && !order.force
    {
        return Err(BackupError::Occupied { path: path.display().to_string() });
    }
    let waiting = Waiting::open(order)?;
    let manifest =
        archive::read(order.from, order.unlock, &mut |_| Ok(()), &mut |m| waiting.place(m).map(Some), progress)?;
    verify::database(&waiting.database, &manifest)?;
    let taken_back =
        sqlite::make_present(&waiting.database, order.database, order.now).map_err(BackupError::Journal)?;
    let gone: HashSet<&str> = taken_back.files.iter().map(FileId::as_str).collect();
    // Looked for once more: to be read it has been opened, which may have done away with its log.
    let aside = Present::find(order)?.move_aside(order)?;
    waiting.put_in_place(order, &manifest, &gone)?;
    if order.verify {
        read_again(order, &manifest, &gone)?;
    }
    Ok(Restored { manifest, aside, taken_back })
}

/// Data that is there already.
struct Present {
    database: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Present {
    fn find(order: &Restore<'_>) -> Result<Self, BackupError> {
        let named = ["", "-wal", "-shm"].map(|ending| beside(order.database, ending));
        let database = named.into_iter().filter(|path| path.symlink_metadata().is_ok()).collect();
        let failed = BackupError::io("read", order.files);
        let mut files = Vec::new();
        match std::fs::read_dir(order.files) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(&failed)?;
                    // Folders that begin with a dot are a backup's or an earlier restore's.
                    if !entry.file_name().to_string_lossy().starts_with('.') {
                        files.push(entry.path());
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        Ok(Self { database, files })
    }

    fn first(&self) -> Option<&Path> {
        self.database.iter().chain(&self.files).next().map(PathBuf::as_path)
    }

    /// Renames; deletes nothing. Files go into a folder within their own, which may be a disk of its own.
    fn move_aside(&self, order: &Restore<'_>) -> Result<Vec<PathBuf>, BackupError> {
        let name = free_name(order);
        let mut aside = Vec::new();
        if !self.files.is_empty() {
            let folder = order.files.join(&name);
            private::new_folder(&folder).map_err(BackupError::io("make", &folder))?;
            for file in &self.files {
                let file_name = file.file_name().expect("it was found in a folder");
                std::fs::rename(file, folder.join(file_name)).map_err(BackupError::io("move", file))?;
            }
            aside.push(folder);
        }
        // The log first: a database without its log is only older, a log without its database is nothing.
        for path in self.database.iter().rev() {
            let ending = path.as_os_str().to_string_lossy();
            let ending = ["-wal", "-shm"].into_iter().find(|known| ending.ends_with(known)).unwrap_or_default();
            let to = beside(order.database, &format!("{name}{ending}"));
            std::fs::rename(path, &to).map_err(BackupError::io("move", path))?;
            aside.push(to);
        }
        Ok(aside)
    }
}

/// What the names of data that is moved aside go on with: one that nothing has yet, since a renaming would overwrite it.
/// Under the lock there is no other restore that could take it meanwhile.
fn free_name(order: &Restore<'_>) -> String {
    let stamp: String = format_utc(order.now).unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    let first = format!(".before-restore-{stamp}");
    let names = std::iter::once(first.clone()).chain((2_u64..).map(|number| format!("{first}-{number}")));
    let is_free = |name: &String| {
        let database = ["", "-wal", "-shm"].map(|ending| beside(order.database, &format!("{name}{ending}")));
        let folder = order.files.join(name);
        database.iter().chain([&folder]).all(|path| path.symlink_metadata().is_err())
    };
    names.into_iter().find(is_free).unwrap_or(first)
}

/// What has been read of the archive, beside where it will be. Dropped before it is in place, it leaves nothing.
struct Waiting {
    database: PathBuf,
    files: PathBuf,
    /// Whether something of the present data may have been touched.
    in_place: std::cell::Cell<bool>,
}

impl Waiting {
    fn open(order: &Restore<'_>) -> Result<Self, BackupError> {
        let waiting = Self {
            database: beside(order.database, RESTORING),
            files: order.files.join(WAITING),
            in_place: std::cell::Cell::new(false),
        };
        waiting.clear()?;
        private::folder_of(&waiting.database).map_err(BackupError::io("make", &waiting.database))?;
        private::folder(&waiting.files).map_err(BackupError::io("make", &waiting.files))?;
        private::restrict(order.files, 0o700).map_err(BackupError::io("protect", order.files))?;
        Ok(waiting)
    }

    fn place(&self, member: &Member) -> Result<File, BackupError> {
        let path = match member.name.strip_prefix(FILES) {
            Some(id) => self.files.join(id),
            None => self.database.clone(),
        };
        private::file(&path).map_err(BackupError::io("write", &path))
    }

    /// Those that are `gone` belong to users who have been deleted since.
    fn put_in_place(&self, order: &Restore<'_>, manifest: &Manifest, gone: &HashSet<&str>) -> Result<(), BackupError> {
        self.in_place.set(true);
        for file in &manifest.files {
            let id = file.name.strip_prefix(FILES).expect("the manifest has been checked");
            if gone.contains(id) {
                let path = self.files.join(id);
                remove(&path).map_err(BackupError::io("delete", &path))?;
                continue;
            }
            let to = order.files.join(id);
            std::fs::rename(self.files.join(id), &to).map_err(BackupError::io("write", &to))?;
        }
        std::fs::remove_dir(&self.files).map_err(BackupError::io("delete", &self.files))?;
        sync_folder_of(&self.files).map_err(BackupError::io("write", order.files))?;
        std::fs::rename(&self.database, order.database).map_err(BackupError::io("write", order.database))?;
        sync_folder_of(order.database).map_err(BackupError::io("write", order.database))
    }

    fn clear(&self) -> Result<(), BackupError> {
        for ending in ["", "-journal", "-wal", "-shm"] {
            let path = beside(&self.database, ending);
            remove(&path).map_err(BackupError::io("delete", &path))?;
        }
        match std::fs::remove_dir_all(&self.files) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io("delete", &self.files)(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.in_place.get() {
            // The next restore deletes it otherwise.
            let _ = self.clear();
        }
    }
}

/// Compares what lies on the disk with the manifest. The database has been changed since ([`sqlite::make_present`]), so
/// it is asked itself.
fn read_again(order: &Restore<'_>, manifest: &Manifest, gone: &HashSet<&str>) -> Result<(), BackupError> {
    for file in &manifest.files {
        let id = file.name.trim_start_matches(FILES);
        if gone.contains(id) {
            continue;
        }
        let path = order.files.join(id);
        let failed = BackupError::io("read", &path);
        let (_, sha256) = hash(&mut File::open(&path).map_err(&failed)?, &mut |_| Ok(())).map_err(&failed)?;
        if sha256 != file.sha256 {
            return Err(BackupError::damaged(format!("{} does not read back as it was written", path.display())));
        }
    }
    let failed = BackupError::database(order.database);
    let conn = Connection::open(order.database).map_err(&failed)?;
    let verdict: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(&failed)?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(BackupError::damaged(format!("the {DATABASE} on the disk says: {verdict}")))
    }
}
