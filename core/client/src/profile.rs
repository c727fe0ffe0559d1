//! A profile: the directory of one signed-in device.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use privmsg_store::key::{self, KeyError, KeyPlace};
use privmsg_store::{DATABASE_FILE, Store, StoreError};

/// Held by the process that runs the engine.
const LOCK_FILE: &str = "engine.lock";

/// How long closing a database may take.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(5);

/// Why a profile cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The key of the database cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is a profile in the directory already.
    #[error("there is a profile in this directory already")]
    Exists,
    /// The directory cannot be made or used.
    #[error("cannot use {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// A directory with one encrypted database. Nothing is opened until it is asked for.
#[derive(Debug, Clone)]
pub struct Profile {
    dir: PathBuf,
}

impl Profile {
    /// The profile in `dir`, which need not exist yet.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the key of its database is kept; `None` if it is new.
    ///
    /// # Errors
    /// [`KeyError`] if the directory holds something else than a profile.
    pub fn key_place(&self) -> Result<Option<KeyPlace>, KeyError> {
        key::place(&self.dir)
    }

    /// Makes the directory, readable by its owner only, and an empty database whose key is kept in `place`.
    ///
    /// # Errors
    /// [`ProfileError`]; calling again after a failure is safe, and never touches a profile that is complete.
    pub fn create(&self, place: KeyPlace, passphrase: Option<&str>) -> Result<(), ProfileError> {
        let failed = |source| ProfileError::Directory { path: self.dir.clone(), source };
        create_private_dir(&self.dir).map_err(failed)?;
        if self.dir.join(DATABASE_FILE).try_exists().map_err(failed)? {
            return Err(ProfileError::Exists);
        }
        let key = key::create(&self.dir, place, passphrase)?;
        Store::open(&self.dir, &key)?;
        Ok(())
    }

    pub(crate) fn open_store(&self, passphrase: Option<&str>) -> Result<Store, ProfileError> {
        let key = key::open(&self.dir, passphrase)?;
        Ok(Store::open(&self.dir, &key)?)
    }

    /// Removes a profile that has just been made and holds nothing. What cannot be removed is in nobody's way but that
    /// of the next sign-in, which finds it unfinished.
    pub(crate) fn remove(&self) {
        // A database that is still being closed would come back as an empty one.
        if !privmsg_store::wait_until_closed(CLOSING) {
            tracing::warn!("a database is still open; an empty profile stays");
            return;
        }
        let files = ["", "-wal", "-shm"].map(|end| self.dir.join(format!("{DATABASE_FILE}{end}")));
        let gone = files.iter().try_for_each(|file| match std::fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        });
        let gone = gone.map_err(|error| error.to_string());
        if let Err(error) = gone.and_then(|()| key::remove(&self.dir).map_err(|error| error.to_string())) {
            tracing::warn!(error, "an empty profile could not be removed");
        }
    }

    /// Takes the right to run the engine. `None` if another process has it.
    pub(crate) fn lock_engine(&self) -> std::io::Result<Option<EngineLock>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(self.dir.join(LOCK_FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(EngineLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// The right to run the engine of a profile; the system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct EngineLock {
    _file: File,
}

pub(crate) fn create_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_profile_is_never_made_over() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path());
        profile.create(KeyPlace::File, None).unwrap();
        assert!(matches!(profile.create(KeyPlace::File, None), Err(ProfileError::Exists)));
        profile.open_store(None).unwrap();
    }

    #[test]
    fn one_engine_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path());
        let first = profile.lock_engine().unwrap();
        assert!(first.is_some());
        assert!(profile.lock_engine().unwrap().is_none());
        drop(first);
        assert!(profile.lock_engine().unwrap().is_some());
    }
}
