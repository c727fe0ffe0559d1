//! A profile: the directory of one signed-in device.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use privmsg_store::key::{self, Creation, KeyError, KeyPlace, Keystore, Vault};
use privmsg_store::{DATABASE_FILE, Store, StoreError};
use tokio::sync::oneshot;

use crate::files::folder::private_file;

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
    /// The directory cannot be made or used.
    #[error("cannot use {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// Whether the system has a keyring. One that does not answer is passed over. Blocks while it is asked.
#[must_use]
pub fn has_keyring() -> bool {
    key::keyring_is_available().unwrap_or_else(|error| {
        tracing::warn!(%error, "the keyring is passed over");
        false
    })
}

/// A directory with one encrypted database. Nothing is opened until it is asked for.
#[derive(Debug, Clone)]
pub struct Profile {
    dir: PathBuf,
    vault: Option<Arc<dyn Vault>>,
}

impl Profile {
    /// The profile in `dir`, which need not exist yet.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), vault: None }
    }

    /// The one of whoever runs this program: where the system keeps a program's data, which the XDG base directories say, or on Windows
    /// what does not roam to other machines. `None` if the environment says nothing of it.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("XDG_DATA_HOME").filter(|dir| dir.is_absolute()).map(|dir| dir.join("privmsg"));
        let folder = folder.or_else(|| set("LOCALAPPDATA").filter(|_| cfg!(windows)).map(|dir| dir.join("PrivMsg")));
        folder.or_else(|| set("HOME").map(|home| home.join(".local/share/privmsg"))).map(Self::at)
    }

    /// With a vault that the host has and this library has not: a phone's keystore, a browser's. It opens profiles that
    /// were made with it, and is where [`KeyPlace::Host`] is.
    #[must_use]
    pub fn with_vault(mut self, vault: Arc<dyn Vault>) -> Self {
        self.vault = Some(vault);
        self
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the key of its database is kept; `None` if it is new.
    ///
    /// # Errors
    /// [`KeyError`] if the directory holds something else than a profile, or one that this program cannot open.
    pub fn key_place(&self) -> Result<Option<KeyPlace>, KeyError> {
        self.keystore(None).place()
    }

    /// Makes the directory, readable by its owner only, and an empty database whose key is kept in `place`. What another
    /// process has made meanwhile, or an earlier call that was cut off anywhere, is taken and completed.
    ///
    /// # Errors
    /// [`ProfileError`], [`KeyError::KeptElsewhere`] among them; calling again after a failure is safe, and a profile
    /// that is complete is never changed.
    pub fn create(&self, place: KeyPlace, passphrase: Option<&str>) -> Result<(), ProfileError> {
        create_private_dir(&self.dir).map_err(|source| self.directory(source))?;
        let creation = Creation::begin(self.keystore(passphrase))?;
        let key = creation.key(place)?;
        Store::open(&self.dir, &key)?;
        Ok(())
    }

    /// Keeps the key of its database in another place from now on, or under another passphrase. The key itself stays the same: whoever has
    /// a copy of the folder from before opens that copy as before, unless its key was in a keyring. Blocks: on a key derivation, or on a keyring.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`], …; then the profile is as it was. An error of the place where the key was that does not forget
    /// it: then it is in the new place ([`Profile::key_place`]), and whoever opens the profile next tries again.
    pub fn keep_key(
        &self,
        passphrase: Option<&str>,
        place: KeyPlace,
        new_passphrase: Option<&str>,
    ) -> Result<(), KeyError> {
        Creation::begin(self.keystore(passphrase))?.keep_in(place, new_passphrase)
    }

    /// Whether the key of its database can be had with this passphrase, or without one. Blocks on a key derivation, or on a keyring.
    ///
    /// # Errors
    /// [`KeyError::WrongPassphrase`], and whatever else keeps the profile from being opened.
    pub fn check_passphrase(&self, passphrase: Option<&str>) -> Result<(), KeyError> {
        self.keystore(passphrase).open()?;
        Ok(())
    }

    /// Whether a passphrase is the one under which the key lies by which a database was opened, which is in this profile.
    pub(crate) fn is_opened_by(&self, store: &Store, passphrase: &str) -> Result<(), KeyError> {
        let keystore = self.keystore(Some(passphrase));
        match keystore.place()? {
            Some(KeyPlace::Passphrase) if store.is_opened_by(&keystore.open()?) => Ok(()),
            // What lies here by now is somebody else's, or no passphrase protects it any more.
            _ => Err(KeyError::WrongPassphrase),
        }
    }

    pub(crate) fn open_store(&self, passphrase: Option<&str>) -> Result<Store, ProfileError> {
        let keystore = self.keystore(passphrase);
        let key = keystore.open()?;
        if keystore.has_former()?
            && let Err(error) = Creation::begin(keystore).and_then(|creation| creation.forget_former(&key))
        {
            tracing::warn!(%error, "the place where the key was before has not forgotten it");
        }
        let has_database = self.dir.join(DATABASE_FILE).try_exists().map_err(|source| self.directory(source))?;
        let _creation = if has_database {
            key::wait_until_made(&self.dir)?;
            None
        } else {
            // Whoever made the key has been killed, or is about to go on.
            Some(Creation::begin(keystore)?)
        };
        Ok(Store::open(&self.dir, &key)?)
    }

    /// Waits for the right to run the engine, on a thread of its own: the system wakes it when the process that has the
    /// right ends, however that is. Where nobody wants it any more by then, it is given back.
    pub(crate) fn wait_for_engine(&self) -> std::io::Result<oneshot::Receiver<std::io::Result<EngineLock>>> {
        let file = self.engine_lock()?;
        let (answer, lock) = oneshot::channel();
        let wait = move || {
            let _ = answer.send(file.lock().map(|()| EngineLock { _file: file }));
        };
        std::thread::Builder::new().name("privmsg-seat".into()).spawn(wait)?;
        Ok(lock)
    }

    fn engine_lock(&self) -> std::io::Result<File> {
        self.lock_file(LOCK_FILE)
    }

    /// Opens a file by which processes exclude one another, and makes it if there is none.
    pub(crate) fn lock_file(&self, name: &str) -> std::io::Result<File> {
        private_file().create(true).truncate(false).write(true).open(self.dir.join(name))
    }

    fn keystore<'a>(&'a self, passphrase: Option<&'a str>) -> Keystore<'a> {
        Keystore::of(&self.dir).with_passphrase(passphrase).with_vault(self.vault.as_deref())
    }

    fn directory(&self, source: std::io::Error) -> ProfileError {
        ProfileError::Directory { path: self.dir.clone(), source }
    }

    /// Removes a profile that has just been made and holds nothing. What cannot be removed is in nobody's way but that
    /// of the next sign-in, which finds it unfinished.
    pub(crate) fn remove(&self) {
        // A database that is still being closed would come back as an empty one.
        if !privmsg_store::wait_until_closed(CLOSING) {
            tracing::warn!("a database is still open; an empty profile stays");
            return;
        }
        if let Err(error) = Creation::begin(self.keystore(None)).and_then(|creation| creation.undo()) {
            tracing::warn!(%error, "an empty profile could not be removed");
        }
    }

    /// Takes the right to run the engine. `None` if another process has it.
    pub(crate) fn lock_engine(&self) -> std::io::Result<Option<EngineLock>> {
        let file = self.engine_lock()?;
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
    let missing: Vec<_> =
        dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()).take_while(|d| !d.exists()).collect();
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    missing.iter().try_for_each(|dir| sync_parent(dir))
}

/// A power cut must not take the directory away that the server knows a device of.
#[cfg(unix)]
fn sync_parent(dir: &Path) -> std::io::Result<()> {
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// Windows opens no directory as a file; NTFS logs names by itself.
#[cfg(not(unix))]
fn sync_parent(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use privmsg_store::key::{DatabaseKey, Details, VaultError};

    use super::*;

    #[derive(Debug)]
    struct Phone;

    impl Vault for Phone {
        fn name(&self) -> &str {
            "phone"
        }

        fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
            let turned: Vec<u8> = key.as_bytes().iter().map(|byte| !byte).collect();
            Ok(Details::from([("wrapped".to_owned(), turned.into())]))
        }

        fn load(&self, details: &Details) -> Result<DatabaseKey, KeyError> {
            let turned = details["wrapped"].as_array().unwrap();
            let bytes: Vec<u8> = turned.iter().map(|byte| !u8::try_from(byte.as_u64().unwrap()).unwrap()).collect();
            bytes.try_into().map(DatabaseKey::from_bytes).map_err(|_| VaultError::Damaged.of(self.name()))
        }

        fn remove(&self, _details: &Details) -> Result<(), KeyError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_profile_is_never_made_over() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path().join("new/profile"));
        profile.create(KeyPlace::File, None).unwrap();
        let kept = |name| std::fs::read(profile.dir().join(name)).unwrap();
        let before = (kept("keystore.json"), kept("database.key"));
        profile.create(KeyPlace::File, None).unwrap();
        let elsewhere = profile.create(KeyPlace::Passphrase, Some("open sesame"));
        assert!(matches!(elsewhere, Err(ProfileError::Key(KeyError::KeptElsewhere(KeyPlace::File)))), "{elsewhere:?}");
        assert_eq!((kept("keystore.json"), kept("database.key")), before);
        profile.open_store(None).unwrap();
    }

    #[tokio::test]
    async fn the_host_may_keep_the_key() {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path()).with_vault(Arc::new(Phone));
        profile.create(KeyPlace::Host, None).unwrap();
        assert_eq!(profile.key_place().unwrap(), Some(KeyPlace::Host));
        profile.open_store(None).unwrap();
        let elsewhere = Profile::at(dir.path()).open_store(None);
        assert!(matches!(elsewhere, Err(ProfileError::Key(KeyError::UnknownVault(name))) if name == "phone"));
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
