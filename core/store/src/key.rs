//! The key of the database, and where it is kept.
//!
//! The database has a random 256-bit key, made once. `keystore.json` in the profile says how to get at it:
//!
//! - `keyring`: in the desktop's Secret Service (GNOME Keyring, KWallet, KeePassXC),
//! - `passphrase`: in `keystore.json`, encrypted (AES-256-GCM) under Argon2id of a passphrase (RFC 9106),
//! - `file`: in the clear in `database.key`, readable by its owner only. Whoever copies the profile can read it.

mod file;
mod keyring;
mod passphrase;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

pub use file::KEY_FILE;
pub use keyring::keyring_is_available;

/// Description of the key's whereabouts inside a profile's directory.
pub const KEYSTORE_FILE: &str = "keystore.json";

/// The key of one database. Wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct DatabaseKey([u8; 32]);

impl DatabaseKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn random() -> Result<Self, KeyError> {
        Ok(Self(random()?))
    }

    /// SQLCipher's raw key form, which skips its own (weaker) key derivation.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(self.0));
        Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", *digits))
    }
}

impl fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseKey(…)")
    }
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The desktop's keyring.
    Keyring,
    /// Under a passphrase.
    Passphrase,
    /// In a file that only its owner may read.
    File,
}

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no profile in this directory.
    #[error("there is no profile here")]
    NoProfile,
    /// The key lies under a passphrase, and none was given.
    #[error("this profile needs its passphrase")]
    PassphraseNeeded,
    /// The passphrase is not the one that was set.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The keyring did not answer, is locked, or has lost the entry.
    #[error("the keyring does not give the key: {0}")]
    Keyring(String),
    /// A file of the profile is damaged or from a newer version.
    #[error("{0} is damaged or was written by a newer version")]
    Damaged(&'static str),
    /// The key file may be read by others.
    #[error("{KEY_FILE} must be readable by its owner only (chmod 600)")]
    OpenToOthers,
    /// A file cannot be read or written.
    #[error("cannot access {file}: {source}")]
    Io {
        /// Which file of the profile.
        file: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

#[derive(Serialize, Deserialize)]
struct Keystore {
    version: u32,
    key: StoredKey,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredKey {
    Keyring { entry: String },
    Passphrase(passphrase::WrappedKey),
    File,
}

const KEYSTORE_VERSION: u32 = 1;

/// Where the key of the profile in `dir` is kept; `None` if there is no profile yet.
///
/// # Errors
/// [`KeyError::Damaged`] or [`KeyError::Io`].
pub fn place(dir: &Path) -> Result<Option<KeyPlace>, KeyError> {
    match read_keystore(dir) {
        Ok(keystore) => Ok(Some(match keystore.key {
            StoredKey::Keyring { .. } => KeyPlace::Keyring,
            StoredKey::Passphrase(_) => KeyPlace::Passphrase,
            StoredKey::File => KeyPlace::File,
        })),
        Err(KeyError::NoProfile) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes a key for a new profile in `dir` and keeps it in `place`. `passphrase` is used for
/// [`KeyPlace::Passphrase`] only.
///
/// # Errors
/// [`KeyError`]; nothing is left behind that a second call would not replace.
pub fn create(dir: &Path, place: KeyPlace, passphrase: Option<&str>) -> Result<DatabaseKey, KeyError> {
    let key = DatabaseKey::random()?;
    let stored = match place {
        KeyPlace::Keyring => StoredKey::Keyring { entry: keyring::store(&key)? },
        KeyPlace::Passphrase => {
            StoredKey::Passphrase(passphrase::wrap(&key, passphrase.ok_or(KeyError::PassphraseNeeded)?)?)
        }
        KeyPlace::File => {
            file::store(dir, &key)?;
            StoredKey::File
        }
    };
    let keystore = Keystore { version: KEYSTORE_VERSION, key: stored };
    let json = serde_json::to_vec_pretty(&keystore).map_err(|_| KeyError::Damaged(KEYSTORE_FILE))?;
    file::write_private(dir, KEYSTORE_FILE, &json)?;
    Ok(key)
}

/// Gets the key of the profile in `dir`. `passphrase` is used if the key lies under one.
///
/// # Errors
/// [`KeyError::NoProfile`], [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], …
pub fn open(dir: &Path, passphrase: Option<&str>) -> Result<DatabaseKey, KeyError> {
    match read_keystore(dir)?.key {
        StoredKey::Keyring { entry } => keyring::load(&entry),
        StoredKey::Passphrase(wrapped) => passphrase::unwrap(&wrapped, passphrase.ok_or(KeyError::PassphraseNeeded)?),
        StoredKey::File => file::load(dir),
    }
}

/// Removes the key of a profile that holds nothing, wherever it is kept.
///
/// # Errors
/// [`KeyError`]; nothing is wrong if there is none.
pub fn remove(dir: &Path) -> Result<(), KeyError> {
    match read_keystore(dir) {
        Ok(Keystore { key: StoredKey::Keyring { entry }, .. }) => keyring::remove(&entry)?,
        Ok(Keystore { key: StoredKey::File, .. }) => file::remove(dir, KEY_FILE)?,
        Ok(_) => {}
        Err(KeyError::NoProfile) => return Ok(()),
        Err(error) => return Err(error),
    }
    file::remove(dir, KEYSTORE_FILE)
}

fn read_keystore(dir: &Path) -> Result<Keystore, KeyError> {
    let json = match std::fs::read(dir.join(KEYSTORE_FILE)) {
        Ok(json) => json,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(KeyError::NoProfile),
        Err(source) => {
            return Err(KeyError::Io { file: KEYSTORE_FILE, source });
        }
    };
    match serde_json::from_slice::<Keystore>(&json) {
        Ok(keystore) if keystore.version == KEYSTORE_VERSION => Ok(keystore),
        _ => Err(KeyError::Damaged(KEYSTORE_FILE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_opens_only_its_own_key() {
        let dir = tempfile::tempdir().unwrap();
        let key = create(dir.path(), KeyPlace::Passphrase, Some("correct horse")).unwrap();
        assert_eq!(place(dir.path()).unwrap(), Some(KeyPlace::Passphrase));
        assert_eq!(open(dir.path(), Some("correct horse")).unwrap().0, key.0);
        assert!(matches!(open(dir.path(), Some("battery staple")), Err(KeyError::WrongPassphrase)));
        assert!(matches!(open(dir.path(), None), Err(KeyError::PassphraseNeeded)));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_must_stay_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let key = create(dir.path(), KeyPlace::File, None).unwrap();
        assert_eq!(open(dir.path(), None).unwrap().0, key.0);
        let path = dir.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(open(dir.path(), None), Err(KeyError::OpenToOthers)));
    }

    #[test]
    fn a_key_that_is_removed_leaves_room_for_another() {
        let dir = tempfile::tempdir().unwrap();
        for key_place in [KeyPlace::File, KeyPlace::Passphrase] {
            create(dir.path(), key_place, Some("correct horse")).unwrap();
            remove(dir.path()).unwrap();
            assert_eq!(place(dir.path()).unwrap(), None);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
        remove(dir.path()).unwrap();
    }

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(open(dir.path(), None), Err(KeyError::NoProfile)));
        std::fs::write(dir.path().join(KEYSTORE_FILE), "{").unwrap();
        assert!(matches!(open(dir.path(), None), Err(KeyError::Damaged(KEYSTORE_FILE))));
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", DatabaseKey::from_bytes([7; 32])), "DatabaseKey(…)");
    }
}
