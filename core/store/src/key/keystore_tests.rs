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
    String::from_utf8(encode(kind, details, None).unwrap()).unwrap()
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
    std::fs::set_permissions(dir.path().join(KEY_FILE), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
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
