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
    vaults: Vaults<'a>,
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
            Ok(stored) => self.vaults.place(&stored.kind).map(Some),
            Err(KeyError::NoProfile) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gets the key.
    ///
    /// # Errors
    /// [`KeyError::NoProfile`], [`KeyError::PassphraseNeeded`], [`KeyError::WrongPassphrase`], …
    pub fn open(&self) -> Result<DatabaseKey, KeyError> {
        let stored = self.read()?;
        let place = self.vaults.place(&stored.kind)?;
        self.vaults.at(place)?.load(&stored.details)
    }

    /// Makes a key, keeps it in `place`, and notes that. Only for whoever has the right to ([`super::Creation`]).
    pub(super) fn make(&self, place: KeyPlace) -> Result<DatabaseKey, KeyError> {
        let vault = self.vaults.at(place)?;
        let key = DatabaseKey::random()?;
        let details = vault.store(&key)?;
        let noted = encode(vault.name(), &details).and_then(|json| private_file::write(self.dir, KEYSTORE_FILE, &json));
        if let Err(error) = noted {
            // Nobody will find it again. That this fails, too, is the lesser news.
            let _ = vault.remove(&details);
            return Err(error);
        }
        Ok(key)
    }

    /// Forgets the key, the note first: one that is noted and gone would be in everybody's way.
    pub(super) fn forget(&self) -> Result<(), KeyError> {
        let stored = match self.read() {
            Err(KeyError::NoProfile) => return Ok(()),
            other => other?,
        };
        let place = self.vaults.place(&stored.kind)?;
        private_file::remove(self.dir, KEYSTORE_FILE)?;
        self.vaults.at(place)?.remove(&stored.details)
    }

    fn read(&self) -> Result<Stored, KeyError> {
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
struct Vaults<'a> {
    passphrase: Passphrase<'a>,
    file: KeyFile<'a>,
    host: Option<&'a dyn Vault>,
}

impl Vaults<'_> {
    fn place(&self, kind: &str) -> Result<KeyPlace, KeyError> {
        match kind {
            Keyring::NAME => Ok(KeyPlace::Keyring),
            Passphrase::NAME => Ok(KeyPlace::Passphrase),
            KeyFile::NAME => Ok(KeyPlace::File),
            other if self.host.is_some_and(|host| host.name() == other) => Ok(KeyPlace::Host),
            other => Err(KeyError::UnknownVault(other.to_owned())),
        }
    }

    fn at(&self, place: KeyPlace) -> Result<&dyn Vault, KeyError> {
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

#[derive(Deserialize)]
struct Body {
    key: Stored,
}

#[derive(Debug, Deserialize)]
struct Stored {
    kind: String,
    #[serde(flatten)]
    details: Details,
}

#[derive(Serialize)]
struct Noted<'a> {
    version: u32,
    key: NotedKey<'a>,
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

fn encode(kind: &str, details: &Details) -> Result<Vec<u8>, KeyError> {
    if !is_name(kind) || details.contains_key("kind") {
        return Err(VaultError::Damaged.of(kind));
    }
    let noted = Noted { version: VERSION, key: NotedKey { kind, details } };
    serde_json::to_vec_pretty(&noted).map_err(|_| VaultError::Damaged.of(kind))
}

/// The version first: what a newer one looks like is not known.
fn decode(json: &[u8]) -> Result<Stored, KeyError> {
    let damaged = |_| KeyError::Damaged(KEYSTORE_FILE);
    let head: Head = serde_json::from_slice(json).map_err(damaged)?;
    if head.version > VERSION {
        return Err(KeyError::Newer { found: head.version, known: VERSION });
    }
    let body: Body = serde_json::from_slice(json).map_err(damaged)?;
    // It may be shown, so it is a name and nothing else.
    if head.version == VERSION && is_name(&body.key.kind) {
        Ok(body.key)
    } else {
        Err(KeyError::Damaged(KEYSTORE_FILE))
    }
}

#[cfg(test)]
#[path = "keystore_tests.rs"]
mod tests;
