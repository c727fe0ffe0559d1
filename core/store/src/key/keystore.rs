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
mod tests {
    use std::sync::Mutex;

    use super::super::{Creation, KEY_FILE, passphrase};
    use super::*;

    /// A phone's keystore, say.
    #[derive(Debug, Default)]
    struct Phone(Mutex<Vec<(String, DatabaseKey)>>);

    impl Vault for Phone {
        fn name(&self) -> &str {
            "phone"
        }

        fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
            let mut kept = self.0.lock().unwrap();
            let alias = format!("alias {}", kept.len());
            kept.push((alias.clone(), key.clone()));
            Ok(Details::from([("alias".to_owned(), alias.into())]))
        }

        fn load(&self, details: &Details) -> Result<DatabaseKey, KeyError> {
            let kept = self.0.lock().unwrap();
            let found = kept.iter().find(|(alias, _)| details["alias"] == **alias);
            found.map(|(_, key)| key.clone()).ok_or(VaultError::Gone.of(self.name()))
        }

        fn remove(&self, details: &Details) -> Result<(), KeyError> {
            self.0.lock().unwrap().retain(|(alias, _)| details["alias"] != **alias);
            Ok(())
        }
    }

    fn create(keystore: Keystore<'_>, place: KeyPlace) -> Result<DatabaseKey, KeyError> {
        Creation::begin(keystore)?.key(place)
    }

    fn text_of(kind: &str, details: &Details) -> String {
        String::from_utf8(encode(kind, details).unwrap()).unwrap()
    }

    /// These bytes are on people's disks: if one of them has to change, so does the version.
    const KEYRING: &str = r#"{
  "version": 1,
  "key": {
    "kind": "keyring",
    "entry": "AQIDBAUGBwgJCgsM"
  }
}"#;
    const FILE: &str = r#"{
  "version": 1,
  "key": {
    "kind": "file"
  }
}"#;
    const PASSPHRASE: &str = r#"{
  "version": 1,
  "key": {
    "kind": "passphrase",
    "lanes": 1,
    "memory_kib": 65536,
    "nonce": "AgICAgICAgICAgIC",
    "passes": 3,
    "salt": "AQEBAQEBAQEBAQEBAQEBAQ==",
    "wrapped": "E4GdJeUEtwV1vFvRwwnsQfT1ykQx1urzobWJI68k81q6xJ7eOs+8Kyd8H+6g9ZRP"
  }
}"#;
    const HOST: &str = r#"{
  "version": 1,
  "key": {
    "kind": "phone",
    "alias": "alias 0"
  }
}"#;

    #[test]
    fn what_is_on_disk_stays_as_it_is() {
        let key = DatabaseKey::from_bytes([7; 32]);
        let entry = Details::from([("entry".to_owned(), "AQIDBAUGBwgJCgsM".into())]);
        assert_eq!(text_of(Keyring::NAME, &entry), KEYRING);
        assert_eq!(text_of(KeyFile::NAME, &Details::new()), FILE);
        let wrapped = passphrase::wrap(&key, "correct horse", &[1; 16], &[2; 12]).unwrap();
        assert_eq!(text_of(Passphrase::NAME, &wrapped), PASSPHRASE);
        assert_eq!(text_of("phone", &Phone::default().store(&key).unwrap()), HOST);
    }

    #[test]
    fn what_is_on_disk_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let write = |json: &str| std::fs::write(dir.path().join(KEYSTORE_FILE), json).unwrap();
        let phone = Phone::default();
        phone.store(&DatabaseKey::from_bytes([7; 32])).unwrap();
        let keystore = Keystore::of(dir.path()).with_passphrase(Some("correct horse")).with_vault(Some(&phone));

        write(PASSPHRASE);
        assert_eq!(keystore.open().unwrap().as_bytes(), &[7; 32]);
        write(HOST);
        assert_eq!(keystore.place().unwrap(), Some(KeyPlace::Host));
        assert_eq!(keystore.open().unwrap().as_bytes(), &[7; 32]);
        write(KEYRING);
        assert_eq!(keystore.place().unwrap(), Some(KeyPlace::Keyring));
        write(FILE);
        std::fs::write(dir.path().join(KEY_FILE), format!("{}\n", "07".repeat(32))).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(dir.path().join(KEY_FILE), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        assert_eq!(keystore.open().unwrap().as_bytes(), &[7; 32]);
    }

    /// An unknown vault was taken for damage.
    #[test]
    fn what_is_not_known_is_not_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let keystore = Keystore::of(dir.path());
        assert!(matches!(keystore.open(), Err(KeyError::NoProfile)));
        assert_eq!(keystore.place().unwrap(), None);
        let answer = |json: &str| {
            std::fs::write(dir.path().join(KEYSTORE_FILE), json).unwrap();
            assert!(create(keystore, KeyPlace::File).is_err(), "never made over");
            keystore.place().unwrap_err()
        };

        let unknown = answer(HOST);
        assert!(matches!(&unknown, KeyError::UnknownVault(name) if name == "phone"), "{unknown}");
        let newer = answer(r#"{"version": 2, "keys": [{"made": "by the next version"}]}"#);
        assert!(matches!(newer, KeyError::Newer { found: 2, known: 1 }), "{newer}");
        for json in [
            "",
            "{",
            "[]",
            r#"{"version": 0, "key": {"kind": "file"}}"#,
            r#"{"version": 1}"#,
            r#"{"version": 1, "key": {}}"#,
            r#"{"version": 1, "key": {"kind": "\u001b[31m"}}"#,
            r#"{"version": 1, "key": {"kind": ""}}"#,
        ] {
            let damaged = answer(json);
            assert!(matches!(damaged, KeyError::Damaged(KEYSTORE_FILE)), "{json}: {damaged}");
        }
    }

    #[test]
    fn a_host_may_give_a_vault_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let phone = Phone::default();
        let without = create(Keystore::of(dir.path()), KeyPlace::Host);
        assert!(matches!(without, Err(KeyError::Vault { source: VaultError::Unavailable, .. })), "{without:?}");

        let keystore = Keystore::of(dir.path()).with_vault(Some(&phone));
        let key = create(keystore, KeyPlace::Host).unwrap();
        assert_eq!(keystore.open().unwrap().as_bytes(), key.as_bytes());
        assert!(!dir.path().join(KEY_FILE).exists());
        phone.0.lock().unwrap().clear();
        let gone = keystore.open();
        assert!(matches!(gone, Err(KeyError::Vault { source: VaultError::Gone, .. })), "{gone:?}");
    }

    #[test]
    fn what_cannot_be_noted_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let phone = Phone::default();
        let keystore = Keystore::of(dir.path()).with_vault(Some(&phone));
        // In the way of the file that is to be written.
        let obstacle = dir.path().join(format!("{KEYSTORE_FILE}.new"));
        std::fs::create_dir(&obstacle).unwrap();
        let failed = create(keystore, KeyPlace::Host);
        assert!(matches!(failed, Err(KeyError::Io { file: KEYSTORE_FILE, .. })), "{failed:?}");
        assert!(phone.0.lock().unwrap().is_empty());
        std::fs::remove_dir(&obstacle).unwrap();
        create(keystore, KeyPlace::Host).unwrap();
    }

    #[test]
    fn a_passphrase_opens_only_its_own_key() {
        let dir = tempfile::tempdir().unwrap();
        let with = |passphrase| Keystore::of(dir.path()).with_passphrase(passphrase);
        let key = create(with(Some("correct horse")), KeyPlace::Passphrase).unwrap();
        assert_eq!(with(None).place().unwrap(), Some(KeyPlace::Passphrase));
        assert_eq!(with(Some("correct horse")).open().unwrap().as_bytes(), key.as_bytes());
        assert!(matches!(with(Some("battery staple")).open(), Err(KeyError::WrongPassphrase)));
        assert!(matches!(with(None).open(), Err(KeyError::PassphraseNeeded)));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_private_and_must_stay_so() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let keystore = Keystore::of(dir.path());
        let key = create(keystore, KeyPlace::File).unwrap();
        assert_eq!(keystore.open().unwrap().as_bytes(), key.as_bytes());
        let path = dir.path().join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(keystore.open(), Err(KeyError::OpenToOthers)));
    }
}
