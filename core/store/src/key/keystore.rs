//! `keystore.json`: which vault keeps the key.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::key_file::KeyFile;
use super::keyring::Keyring;
use super::passphrase::Passphrase;
use super::private_file;
use super::vault::{Details, Vault};
use super::{DatabaseKey, KeyError, KeyPlace, VaultError};

/// Description of the key's whereabouts inside a profile's directory.
pub const KEYSTORE_FILE: &str = "keystore.json";

const VERSION: u32 = 1;

/// Far more than any vault notes.
const MAX_LENGTH: u64 = 64 * 1024;

/// Lengths of a vault's name.
const NAME_LENGTHS: std::ops::RangeInclusive<usize> = 1..=32;

/// The key of one profile, and what is at hand to get at it.
#[derive(Debug, Clone, Copy)]
pub struct Keystore<'a> {
    pub(super) dir: &'a Path,
    pub(super) vaults: Vaults<'a>,
}

impl<'a> Keystore<'a> {
    /// That of the profile in `dir`.
    #[must_use]
    pub const fn of(dir: &'a Path) -> Self {
        Self { dir, vaults: Vaults { passphrase: Passphrase { passphrase: None }, file: KeyFile { dir }, host: None } }
    }

    /// With the passphrase that was entered, in case that the key lies under one.
    #[must_use]
    pub const fn with_passphrase(mut self, passphrase: Option<&'a str>) -> Self {
        self.vaults.passphrase = Passphrase { passphrase };
        self
    }

    /// With a vault of the host, for [`KeyPlace::Host`].
    #[must_use]
    pub const fn with_vault(mut self, vault: Option<&'a dyn Vault>) -> Self {
        self.vaults.host = vault;
        self
    }

    /// Where the key is kept; `None` if there is no profile yet.
    ///
    /// # Errors
    /// [`KeyError::UnknownVault`], [`KeyError::Newer`], [`KeyError::Damaged`] or [`KeyError::Io`].
    pub fn place(&self) -> Result<Option<KeyPlace>, KeyError> {
        match self.read() {
            Ok(notes) => self.vaults.place(&notes.key.kind).map(Some),
            Err(KeyError::NoProfile) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gets the key.
    ///
    /// # Errors
    /// [`KeyError::NoProfile`], [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], …
    pub fn open(&self) -> Result<DatabaseKey, KeyError> {
        let stored = self.read()?.key;
        let place = self.vaults.place(&stored.kind)?;
        self.vaults.at(place)?.load(&stored.details)
    }

    /// Makes a key, keeps it in `place`, and notes that. Only for whoever has the right to ([`super::Creation`]).
    pub(super) fn make(&self, place: KeyPlace) -> Result<DatabaseKey, KeyError> {
        let key = DatabaseKey::random()?;
        self.keep(&key, place, None)?;
        Ok(key)
    }

    /// Keeps a key in `place`, and notes that, and which other place has to forget it.
    pub(super) fn keep(&self, key: &DatabaseKey, place: KeyPlace, former: Option<&Stored>) -> Result<(), KeyError> {
        let vault = self.vaults.at(place)?;
        let details = vault.store(key)?;
        let noted = self.note(vault.name(), &details, former);
        if noted.is_err() && !self.read().is_ok_and(|notes| notes.key.is(vault.name(), &details)) {
            // Nobody will find it again. That this fails, too, is the lesser news.
            let _ = vault.remove(&details);
        }
        noted
    }

    pub(super) fn note(&self, kind: &str, details: &Details, former: Option<&Stored>) -> Result<(), KeyError> {
        private_file::write(self.dir, KEYSTORE_FILE, &encode(kind, details, former)?)
    }

    pub(super) fn remove(&self, stored: &Stored) -> Result<(), KeyError> {
        self.vaults.at(self.vaults.place(&stored.kind)?)?.remove(&stored.details)
    }

    /// Forgets the key, the note first: one that is noted and gone would be in everybody's way.
    pub(super) fn forget(&self) -> Result<(), KeyError> {
        let stored = match self.read() {
            Err(KeyError::NoProfile) => return Ok(()),
            other => other?.key,
        };
        self.vaults.place(&stored.kind)?;
        private_file::remove(self.dir, KEYSTORE_FILE)?;
        self.remove(&stored)
    }

    pub(super) fn read(&self) -> Result<Notes, KeyError> {
        let io = |source| KeyError::Io { file: KEYSTORE_FILE, source };
        let file = match File::open(self.dir.join(KEYSTORE_FILE)) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Err(KeyError::NoProfile),
            Err(source) => return Err(io(source)),
        };
        let mut json = Vec::new();
        file.take(MAX_LENGTH).read_to_end(&mut json).map_err(io)?;
        decode(&json)
    }
}

/// The vaults that there are. Which of them is meant, `keystore.json` says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vaults<'a> {
    passphrase: Passphrase<'a>,
    file: KeyFile<'a>,
    host: Option<&'a dyn Vault>,
}

impl Vaults<'_> {
    pub(super) fn place(&self, kind: &str) -> Result<KeyPlace, KeyError> {
        match kind {
            Keyring::NAME => Ok(KeyPlace::Keyring),
            Passphrase::NAME => Ok(KeyPlace::Passphrase),
            KeyFile::NAME => Ok(KeyPlace::File),
            other if self.host.is_some_and(|host| host.name() == other) => Ok(KeyPlace::Host),
            other => Err(KeyError::UnknownVault(other.to_owned())),
        }
    }

    pub(super) fn at(&self, place: KeyPlace) -> Result<&dyn Vault, KeyError> {
        Ok(match place {
            KeyPlace::Keyring => &Keyring,
            KeyPlace::Passphrase => &self.passphrase,
            KeyPlace::File => &self.file,
            KeyPlace::Host => self.host.ok_or_else(|| VaultError::Unavailable.of(KeyPlace::Host.name()))?,
        })
    }
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

/// What the file says.
#[derive(Debug, Deserialize)]
pub(super) struct Notes {
    pub(super) key: Stored,
    /// Where it was before, and is perhaps still.
    pub(super) former: Option<Stored>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    pub(super) kind: String,
    #[serde(flatten)]
    pub(super) details: Details,
}

impl Stored {
    fn is(&self, kind: &str, details: &Details) -> bool {
        self.kind == kind && self.details == *details
    }
}

#[derive(Serialize)]
struct Noted<'a> {
    version: u32,
    key: NotedKey<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former: Option<NotedKey<'a>>,
}

#[derive(Serialize)]
struct NotedKey<'a> {
    kind: &'a str,
    #[serde(flatten)]
    details: &'a Details,
}

fn is_name(name: &str) -> bool {
    NAME_LENGTHS.contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

fn encode(kind: &str, details: &Details, former: Option<&Stored>) -> Result<Vec<u8>, KeyError> {
    if !is_name(kind) || details.contains_key("kind") {
        return Err(VaultError::Damaged.of(kind));
    }
    let former = former.map(|former| NotedKey { kind: &former.kind, details: &former.details });
    let noted = Noted { version: VERSION, key: NotedKey { kind, details }, former };
    serde_json::to_vec_pretty(&noted).map_err(|_| VaultError::Damaged.of(kind))
}

/// The version first: what a newer one looks like is not known.
fn decode(json: &[u8]) -> Result<Notes, KeyError> {
    let damaged = |_| KeyError::Damaged(KEYSTORE_FILE);
    let head: Head = serde_json::from_slice(json).map_err(damaged)?;
    if head.version > VERSION {
        return Err(KeyError::Newer { found: head.version, known: VERSION });
    }
    let notes: Notes = serde_json::from_slice(json).map_err(damaged)?;
    // They may be shown, so they are names and nothing else.
    if head.version == VERSION && is_name(&notes.key.kind) && notes.former.iter().all(|former| is_name(&former.kind)) {
        Ok(notes)
    } else {
        Err(KeyError::Damaged(KEYSTORE_FILE))
    }
}

#[cfg(test)]
#[path = "keystore_tests.rs"]
mod tests;
