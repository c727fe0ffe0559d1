//! Making a backup.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::encryption::Encryption;
use super::error::stop_unless;
use super::hash::hash;
use super::manifest::{DATABASE, FILES, FORMAT, Manifest, Member};
use super::snapshot::{Contents, DatabaseCopy, Staging, remove};
use super::{BackupError, Progress, Tick};
use crate::paths::{beside, sync_folder_of};
use crate::private;

/// What to back up, and how.
pub(crate) struct Order<'a> {
    pub(crate) database: &'a Path,
    pub(crate) files: &'a Path,
    /// The archive; must not exist.
    pub(crate) to: &'a Path,
    pub(crate) encryption: &'a Encryption,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Makes a backup. After an error there is no file of that name.
pub(crate) fn create(order: &Order<'_>, progress: Progress<'_>) -> Result<Manifest, BackupError> {
    if order.to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: order.to.display().to_string() });
    }
    let part = Part::open(order.to)?;
    let copy = DatabaseCopy::take(order.database, beside(order.to, ".part-db"))?;
    let Contents { schema_version, users, ids } = copy.contents()?;
    let staging = if ids.is_empty() { None } else { Some(Staging::open(order.files)?) };
    let (mut kept, mut missing) = (Vec::new(), Vec::new());
    if let Some(staging) = &staging {
        for id in ids {
            match staging.keep(order.files, &id)? {
                Some(path) => kept.push((format!("{FILES}{id}"), path)),
                None => missing.push(id),
            }
        }
    }
    let sizes = std::iter::once(copy.path()).chain(kept.iter().map(|(_, path)| path.as_path()));
    // Each byte is read twice, once to hash and once to write.
    let total = 2 * sizes.map(|path| path.metadata().map_or(0, |data| data.len())).sum::<u64>();
    let mut done = 0;
    let mut tick = |bytes: u64| {
        done += bytes;
        stop_unless(progress(done.min(total), total))
    };
    let database = member(DATABASE.to_owned(), copy.path(), &mut tick)?;
    let files = kept.iter().map(|(name, path)| member(name.clone(), path, &mut tick)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest {
        format: FORMAT,
        product: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema_version,
        users,
        created_at: order.now,
        database,
        files,
        missing,
    };
    let paths = std::iter::once(copy.path()).chain(kept.iter().map(|(_, path)| path.as_path()));
    part.write(order, &manifest, paths, &mut tick)?;
    Ok(manifest)
}

/// Hashes a file.
fn member(name: String, path: &Path, tick: Tick<'_>) -> Result<Member, BackupError> {
    let failed = BackupError::io("read", path);
    let (size, sha256) = hash(&mut File::open(path).map_err(&failed)?, tick).map_err(&failed)?;
    Ok(Member { name, size, sha256 })
}

/// The archive while it is written. Dropped before it is complete, it leaves nothing.
struct Part {
    path: PathBuf,
    file: Option<File>,
}

impl Part {
    fn open(to: &Path) -> Result<Self, BackupError> {
        let path = beside(to, ".part");
        let failed = BackupError::io("write", &path);
        let file = private::file(&path).map_err(&failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy { path: to.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Left by one that was killed.
        file.set_len(0).map_err(&failed)?;
        private::restrict(&path, 0o600).map_err(&failed)?;
        Ok(Self { path, file: Some(file) })
    }

    /// Writes all, makes it durable, and gives it its name.
    fn write<'a>(
        mut self,
        order: &Order<'_>,
        manifest: &Manifest,
        paths: impl Iterator<Item = &'a Path>,
        tick: Tick<'_>,
    ) -> Result<(), BackupError> {
        let failed = BackupError::io("write", &self.path);
        let file = self.file.as_ref().expect("taken only at the end").try_clone().map_err(&failed)?;
        let mut archive = Archive::begin(file, order.encryption, manifest, &self.path)?;
        for (member, path) in manifest.members().zip(paths) {
            archive.add(member, path, tick)?;
        }
        archive.finish()?.sync_all().map_err(&failed)?;
        // A link fails where the name is taken meanwhile; a renaming would overwrite what is there.
        match std::fs::hard_link(&self.path, order.to) {
            Ok(()) => remove(&self.path).map_err(&failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: order.to.display().to_string() });
            }
            Err(_) => std::fs::rename(&self.path, order.to).map_err(&failed)?,
        }
        self.file = None;
        sync_folder_of(order.to).map_err(BackupError::io("write", order.to))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
