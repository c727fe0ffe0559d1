//! Why a key cannot be had.

use std::time::Duration;

use super::{KEY_FILE, KEYSTORE_FILE, KeyPlace};

/// Why the key cannot be had or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// There is no profile in this directory.
    #[error("there is no profile here")]
    NoProfile,
    /// There is a database, but nothing says where its key is.
    #[error("there is a database, but {KEYSTORE_FILE}, which says where its key is, is missing")]
    NoKeystore,
    /// The profile has been made meanwhile, and keeps its key elsewhere.
    #[error("there is a profile here already, with its key in another place ({})", .0.name())]
    KeptElsewhere(KeyPlace),
    /// Another process has been making this profile for longer than we wait.
    #[error("another process is making this profile")]
    Busy,
    /// The key lies under a passphrase, and none was given.
    #[error("this profile needs its passphrase")]
    PassphraseNeeded,
    /// The passphrase is not the one that was set.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The vault does not give or take the key.
    #[error("the vault {vault:?} fails: {source}")]
    Vault {
        /// Its name.
        vault: String,
        /// What it says.
        source: VaultError,
    },
    /// The key is in a vault that this program does not have: a newer version has made the profile, or another kind of
    /// client.
    #[error("the key is in the vault {0:?}, which this program does not have")]
    UnknownVault(String),
    /// A newer version has made the profile.
    #[error("{KEYSTORE_FILE} was written by a newer version (format {found}, this one knows {known})")]
    Newer {
        /// Format of the file.
        found: u32,
        /// Newest format of this build.
        known: u32,
    },
    /// A file of the profile is damaged.
    #[error("{0} is damaged")]
    Damaged(&'static str),
    /// The key file may be read by others.
    #[error("{KEY_FILE} must be readable by its owner only (chmod 600)")]
    OpenToOthers,
    /// A file cannot be read or written: no permission, a read-only or a full disk, …
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

/// Why a vault does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is none on this system, or in this session.
    #[error("there is none here")]
    Unavailable,
    /// It is locked, and nobody has unlocked it.
    #[error("it is locked")]
    Locked,
    /// It says nothing.
    #[error("no answer within {} seconds", .0.as_secs())]
    NoAnswer(Duration),
    /// It has no such entry, or not any more.
    #[error("the entry is gone")]
    Gone,
    /// What it has kept is no key, or what was noted about it makes no sense.
    #[error("the entry is damaged")]
    Damaged,
    /// Anything else.
    #[error("{0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl VaultError {
    /// As a failure of the vault with this name.
    #[must_use]
    pub fn of(self, vault: &str) -> KeyError {
        KeyError::Vault { vault: vault.to_owned(), source: self }
    }
}
