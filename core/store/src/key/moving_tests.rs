use std::sync::Mutex;

use super::super::{Creation, DatabaseKey, Details, KEY_FILE, KEYSTORE_FILE, Vault, VaultError};
use super::*;

/// A phone's keystore with room for one key, which may be out of reach.
#[derive(Debug, Default)]
struct Phone {
    key: Mutex<Option<DatabaseKey>>,
    is_away: Mutex<bool>,
}

impl Vault for Phone {
    fn name(&self) -> &str {
        "phone"
    }

    fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
        *self.key.lock().unwrap() = Some(key.clone());
        Ok(Details::new())
    }

    fn load(&self, _details: &Details) -> Result<DatabaseKey, KeyError> {
        self.key.lock().unwrap().clone().ok_or(VaultError::Gone.of(self.name()))
    }

    fn remove(&self, _details: &Details) -> Result<(), KeyError> {
        if *self.is_away.lock().unwrap() {
            return Err(VaultError::Locked.of(self.name()));
        }
        self.key.lock().unwrap().take();
        Ok(())
    }
}

/// A profile whose key lies under "old", or elsewhere.
struct Scene {
    dir: tempfile::TempDir,
    phone: Phone,
    key: DatabaseKey,
}

impl Scene {
    fn begins(place: KeyPlace) -> Self {
        let (dir, phone) = (tempfile::tempdir().unwrap(), Phone::default());
        let keystore = Keystore::of(dir.path()).with_passphrase(Some("old")).with_vault(Some(&phone));
        let key = Creation::begin(keystore).unwrap().key(place).unwrap();
        Self { dir, phone, key }
    }

    fn keystore<'a>(&'a self, passphrase: &'a str) -> Keystore<'a> {
        Keystore::of(self.dir.path()).with_passphrase(Some(passphrase)).with_vault(Some(&self.phone))
    }

    fn moves(&self, passphrase: &str, place: KeyPlace, new: &str) -> Result<(), KeyError> {
        Creation::begin(self.keystore(passphrase)).unwrap().keep_in(place, Some(new))
    }

    fn opens(&self, passphrase: &str) -> bool {
        self.keystore(passphrase).open().is_ok_and(|key| key.as_bytes() == self.key.as_bytes())
    }

    fn has_key_file(&self) -> bool {
        self.dir.path().join(KEY_FILE).exists()
    }

    fn notes(&self) -> String {
        std::fs::read_to_string(self.dir.path().join(KEYSTORE_FILE)).unwrap()
    }
}

#[test]
fn it_is_where_it_was_put_and_nowhere_else() {
    let places = [KeyPlace::Passphrase, KeyPlace::File, KeyPlace::Host];
    for (from, to) in places.into_iter().flat_map(|from| places.map(|to| (from, to))) {
        let scene = Scene::begins(from);
        scene.moves("old", to, "new").unwrap();
        assert_eq!(scene.keystore("new").place().unwrap(), Some(to));
        assert!(scene.opens("new"), "{from:?} {to:?}");
        assert_eq!(scene.opens("old"), to != KeyPlace::Passphrase, "{from:?} {to:?}");
        assert_eq!(scene.has_key_file(), to == KeyPlace::File, "{from:?} {to:?}");
        assert_eq!(scene.phone.key.lock().unwrap().is_some(), to == KeyPlace::Host, "{from:?} {to:?}");
        assert!(!scene.keystore("new").has_former().unwrap());
    }
}

#[test]
fn who_does_not_know_the_passphrase_changes_nothing() {
    let scene = Scene::begins(KeyPlace::Passphrase);
    for to in [KeyPlace::Passphrase, KeyPlace::File] {
        assert!(matches!(scene.moves("guessed", to, "new"), Err(KeyError::WrongPassphrase)));
    }
    let without = Creation::begin(Keystore::of(scene.dir.path())).unwrap().keep_in(KeyPlace::File, None);
    assert!(matches!(without, Err(KeyError::PassphraseNeeded)), "{without:?}");
    assert!(scene.opens("old") && !scene.has_key_file());

    let open = Scene::begins(KeyPlace::File);
    let nothing = Creation::begin(Keystore::of(open.dir.path())).unwrap().keep_in(KeyPlace::Passphrase, None);
    assert!(matches!(nothing, Err(KeyError::PassphraseNeeded)), "{nothing:?}");
    assert!(open.opens("old") && open.has_key_file());
}

#[test]
fn what_cannot_be_noted_has_not_moved() {
    for (from, to) in [(KeyPlace::Host, KeyPlace::File), (KeyPlace::File, KeyPlace::Host)] {
        let scene = Scene::begins(from);
        let obstacle = scene.dir.path().join(format!("{KEYSTORE_FILE}.new"));
        std::fs::create_dir(&obstacle).unwrap();
        assert!(matches!(scene.moves("old", to, "new"), Err(KeyError::Io { file: KEYSTORE_FILE, .. })));
        assert_eq!(scene.keystore("old").place().unwrap(), Some(from));
        assert!(scene.opens("old"));
        assert_eq!(scene.has_key_file(), from == KeyPlace::File, "nothing refers to it");
        assert_eq!(scene.phone.key.lock().unwrap().is_some(), from == KeyPlace::Host, "nothing refers to it");
    }
}

/// Whoever is killed between the two, or whose keyring is locked, has the key in both until the next time.
#[test]
fn what_has_not_forgotten_it_is_noted_until_it_has() {
    let scene = Scene::begins(KeyPlace::Host);
    *scene.phone.is_away.lock().unwrap() = true;
    let stays = scene.moves("old", KeyPlace::File, "new");
    assert!(matches!(stays, Err(KeyError::Vault { source: VaultError::Locked, .. })), "{stays:?}");
    assert_eq!(
        scene.notes(),
        "{\n  \"version\": 1,\n  \"key\": {\n    \"kind\": \"file\"\n  },\n  \"former\": {\n    \"kind\": \"phone\"\n  }\n}"
    );
    assert!(scene.opens("new") && scene.keystore("new").has_former().unwrap());
    // It goes nowhere else before. A passphrase that is there is changed all the same.
    assert!(scene.moves("old", KeyPlace::Passphrase, "new").is_err());
    assert_eq!(scene.keystore("new").place().unwrap(), Some(KeyPlace::File));

    *scene.phone.is_away.lock().unwrap() = false;
    Creation::begin(scene.keystore("new")).unwrap().forget_former(&scene.key).unwrap();
    assert!(scene.phone.key.lock().unwrap().is_none() && scene.opens("new"));
    assert_eq!(scene.notes(), "{\n  \"version\": 1,\n  \"key\": {\n    \"kind\": \"file\"\n  }\n}");
}

/// A vault that is gone for good keeps nobody from changing the passphrase.
#[test]
fn a_passphrase_is_changed_while_another_place_still_has_the_key() {
    let scene = Scene::begins(KeyPlace::Host);
    *scene.phone.is_away.lock().unwrap() = true;
    assert!(scene.moves("old", KeyPlace::Passphrase, "new").is_err());
    assert!(scene.moves("new", KeyPlace::Passphrase, "newer").is_err());
    assert!(scene.opens("newer") && !scene.opens("new") && scene.keystore("newer").has_former().unwrap());
}

/// Somebody was killed before the new place was noted.
#[test]
fn a_key_file_that_nothing_refers_to_is_removed() {
    let scene = Scene::begins(KeyPlace::Passphrase);
    assert!(!scene.keystore("old").has_former().unwrap());
    std::fs::write(scene.dir.path().join(KEY_FILE), "07".repeat(32)).unwrap();
    assert!(scene.keystore("old").has_former().unwrap());
    Creation::begin(scene.keystore("old")).unwrap().forget_former(&scene.key).unwrap();
    assert!(!scene.has_key_file() && scene.opens("old"));
}

/// A note of somebody else's.
#[test]
fn no_other_key_is_forgotten_and_not_the_only_one() {
    let scene = Scene::begins(KeyPlace::File);
    let others = DatabaseKey::from_bytes([9; 32]);
    scene.phone.store(&others).unwrap();
    for former in ["phone", "file"] {
        let noted = format!(r#"{{"version": 1, "key": {{"kind": "file"}}, "former": {{"kind": "{former}"}}}}"#);
        std::fs::write(scene.dir.path().join(KEYSTORE_FILE), noted).unwrap();
        Creation::begin(scene.keystore("old")).unwrap().forget_former(&scene.key).unwrap();
        assert!(scene.opens("old") && !scene.keystore("old").has_former().unwrap());
        assert!(scene.phone.key.lock().unwrap().is_some());
    }
}
