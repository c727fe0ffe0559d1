//! Backups of small data, whole and damaged.

use std::fs;
use std::path::{Path, PathBuf};

use privmsg_protocol::Secret;
use rusqlite::Connection;

use super::manifest::Manifest;
use super::{BackupError, Encryption, Order, Restore, Unlock, create, nightly, recipients, restore, verify};
use crate::config::Config;
use crate::lock::{Lock, LockError};
use crate::secrets::random_file_id;
use crate::storage::sqlite;

/// 2024-01-01 12:00:00.
const NOW: i64 = 1_704_110_400;

/// Data of a server: two files, and a third that has gone although its row is there.
struct Data {
    folder: tempfile::TempDir,
    ids: [String; 3],
}

impl Data {
    fn new() -> Self {
        let data = Self { folder: tempfile::tempdir().unwrap(), ids: [(); 3].map(|()| random_file_id().to_string()) };
        let mut conn = Connection::open(data.database()).unwrap();
        conn.pragma_update(None, "journal_mode", "WAL").unwrap();
        sqlite::migrate(&mut conn).unwrap();
        conn.execute("INSERT INTO user (user_id, access_key_hash, created_at) VALUES ('alice', x'00', 1)", []).unwrap();
        for id in &data.ids {
            let row = "INSERT INTO file (file_id, owner, size, expires_at) VALUES (?1, 1, 3, 9999999999)";
            conn.execute(row, [id]).unwrap();
        }
        for last in [0, 1] {
            let row = "INSERT INTO key_package (device, last_resort, good_from, good_until, body)
                VALUES (1, ?1, 0, 9999999999, 'x')";
            conn.execute(row, [last]).unwrap();
        }
        conn.execute("INSERT INTO grp_leaf (grp, device) VALUES (1, 1)", []).unwrap();
        fs::create_dir(data.files()).unwrap();
        fs::write(data.files().join(&data.ids[0]), b"one").unwrap();
        fs::write(data.files().join(&data.ids[1]), vec![7; 300_000]).unwrap();
        data
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("privmsg.db")
    }

    fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("backup.tar")
    }

    fn back_up(&self, encryption: &Encryption) -> Result<Manifest, BackupError> {
        let (database, files, to) = (self.database(), self.files(), self.archive());
        create(&Order { database: &database, files: &files, to: &to, encryption, now: NOW }, &mut |_, _| true)
    }

    /// What lies in the data's folders, apart from the archive.
    fn names(&self) -> Vec<String> {
        let list = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = list(self.folder.path()).chain(list(&self.files())).collect();
        names.sort();
        names.into_iter().map(|name| name.into_string().unwrap()).collect()
    }
}

fn check(path: &Path, unlock: &Unlock) -> Result<Manifest, BackupError> {
    verify(path, unlock, &mut |_, _| true)
}

fn put(from: &Path, to: &Path, force: bool) -> Result<restore::Restored, BackupError> {
    let (database, files) = (to.join("privmsg.db"), to.join("files"));
    let unlock = &Unlock::default();
    let order = Restore { from, unlock, database: &database, files: &files, force, verify: true, now: NOW };
    restore(&order, &mut |_, _| true)
}

#[test]
fn what_was_backed_up_is_restored() {
    let data = Data::new();
    let before = data.names();
    // Left by a backup that was killed.
    let left = data.files().join(".backup-dead");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    let made = data.back_up(&Encryption::None).unwrap();
    assert_eq!(made.files.len(), 2);
    assert_eq!(made.missing, [data.ids[2].clone()]);
    assert_eq!(check(&data.archive(), &Unlock::default()).unwrap(), made);
    fs::rename(data.archive(), data.folder.path().join("moved.tar")).unwrap();
    let mut expected = before;
    expected.push("moved.tar".to_owned());
    expected.sort();
    assert_eq!(data.names(), expected, "nothing else is left lying about");

    let target = tempfile::tempdir().unwrap();
    let restored = put(&data.folder.path().join("moved.tar"), target.path(), false).unwrap();
    assert!(restored.aside.is_empty());
    assert_eq!(fs::read(target.path().join("files").join(&data.ids[0])).unwrap(), b"one");
    assert_eq!(fs::read(target.path().join("files").join(&data.ids[1])).unwrap(), vec![7; 300_000]);
    let conn = Connection::open(target.path().join("privmsg.db")).unwrap();
    let user: String = conn.query_row("SELECT user_id FROM user", [], |row| row.get(0)).unwrap();
    assert_eq!(user, "alice");
    let packages: Vec<i64> = conn
        .prepare("SELECT last_resort FROM key_package")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(packages, [1], "key packages for one use may have been used");
    let leaves: i64 = conn.query_row("SELECT count(*) FROM grp_leaf WHERE former = 0", [], |row| row.get(0)).unwrap();
    assert_eq!(leaves, 0, "every device joins its groups anew");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let data = Data::new();
    data.back_up(&Encryption::None).unwrap();
    let target = tempfile::tempdir().unwrap();
    put(&data.archive(), target.path(), false).unwrap();
    let files = [data.archive(), target.path().join("privmsg.db"), target.path().join("files").join(&data.ids[0])];
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
}

#[test]
fn nothing_is_overwritten() {
    let data = Data::new();
    fs::write(data.archive(), "mine").unwrap();
    assert!(matches!(data.back_up(&Encryption::None), Err(BackupError::Exists { .. })));
    assert_eq!(fs::read(data.archive()).unwrap(), b"mine");
    fs::remove_file(data.archive()).unwrap();
    data.back_up(&Encryption::None).unwrap();

    let other = Data::new();
    let before = fs::read(other.database()).unwrap();
    assert!(matches!(put(&data.archive(), other.folder.path(), false), Err(BackupError::Occupied { .. })));
    assert_eq!(fs::read(other.database()).unwrap(), before);
    let restored = put(&data.archive(), other.folder.path(), true).unwrap();
    assert!(restored.aside.iter().all(|path| path.exists()));
    let aside = other.files().join(".before-restore-20240101120000");
    assert_eq!(fs::read(aside.join(&other.ids[0])).unwrap(), b"one");
    assert_eq!(fs::read(other.folder.path().join("privmsg.db.before-restore-20240101120000")).unwrap(), before);
    assert!(!other.files().join(&other.ids[0]).exists());
}

/// Two within one second had the same name, and the second took the place of the first: the only copy of what was there.
#[test]
fn what_was_moved_aside_stays_whatever_is_restored_after_it() {
    let data = Data::new();
    data.back_up(&Encryption::None).unwrap();
    let other = Data::new();
    let before = fs::read(other.database()).unwrap();
    fs::write(other.files().join(&other.ids[0]), b"the only copy").unwrap();
    let mut aside = Vec::new();
    for _ in 0..3 {
        aside.extend(put(&data.archive(), other.folder.path(), true).unwrap().aside);
    }
    assert_eq!(aside.len(), 6);
    assert!(aside.iter().all(|path| path.exists()), "{aside:?}");
    assert_eq!(fs::read(aside.iter().find(|path| path.is_file()).unwrap()).unwrap(), before);
    assert_eq!(
        fs::read(aside.iter().find(|path| path.is_dir()).unwrap().join(&other.ids[0])).unwrap(),
        b"the only copy"
    );
}

#[test]
fn not_under_a_running_server() {
    let data = Data::new();
    data.back_up(&Encryption::None).unwrap();
    let _lock = Lock::take(&data.database()).unwrap();
    let refused = put(&data.archive(), data.folder.path(), true);
    assert!(matches!(refused, Err(BackupError::Lock(LockError::InUse { .. }))));
    assert!(data.files().join(&data.ids[0]).exists());
}

#[test]
fn encrypted_ones_need_their_key() {
    let key = age::x25519::Identity::generate();
    let other = age::x25519::Identity::generate();
    let unlock = |key: &age::x25519::Identity| Unlock {
        identities: vec![Secret::new(format!(
            "# a comment\n{}\n",
            age::secrecy::ExposeSecret::expose_secret(&key.to_string())
        ))],
        passphrase: None,
    };
    let data = Data::new();
    let made = data.back_up(&recipients([key.to_public().to_string().as_str()]).unwrap()).unwrap();
    assert!(matches!(check(&data.archive(), &Unlock::default()), Err(BackupError::Locked)));
    assert!(matches!(check(&data.archive(), &unlock(&other)), Err(BackupError::WrongKey(_))));
    assert_eq!(check(&data.archive(), &unlock(&key)).unwrap(), made);
    let bytes = fs::read(data.archive()).unwrap();
    for end in [bytes.len() - 1, bytes.len() - 20_000, 400] {
        fs::write(data.archive(), &bytes[..end]).unwrap();
        assert!(check(&data.archive(), &unlock(&key)).is_err(), "cut off at {end}");
    }
    assert!(matches!(recipients(["age1nonsense"]), Err(BackupError::Recipient { .. })));
}

/// As Windows writes text files, and as `age --armor` writes archives.
#[test]
fn marked_keys_and_armoured_archives_are_read() {
    let key = age::x25519::Identity::generate();
    let text = age::secrecy::ExposeSecret::expose_secret(&key.to_string()).to_owned();
    let unlock = |text: String| Unlock { identities: vec![Secret::new(text)], passphrase: None };
    let data = Data::new();
    let made = data.back_up(&recipients([key.to_public().to_string().as_str()]).unwrap()).unwrap();
    assert_eq!(check(&data.archive(), &unlock(format!("\u{feff}# made by age-keygen\r\n{text}\r\n"))).unwrap(), made);
    let nonsense = check(&data.archive(), &unlock("ssh-ed25519 AAAA".to_owned()));
    assert!(matches!(nonsense, Err(BackupError::NoKey)), "the archive is not to blame: {nonsense:?}");

    let plain = fs::read(data.archive()).unwrap();
    let armoured = fs::File::create(data.archive()).unwrap();
    let mut armoured = age::armor::ArmoredWriter::wrap_output(armoured, age::armor::Format::AsciiArmor).unwrap();
    std::io::Write::write_all(&mut armoured, &plain).unwrap();
    armoured.finish().unwrap();
    assert_eq!(check(&data.archive(), &unlock(text.clone())).unwrap(), made);
    let target = tempfile::tempdir().unwrap();
    let (database, files) = (target.path().join("privmsg.db"), target.path().join("files"));
    let unlock = &unlock(text);
    let from = &data.archive();
    let order = Restore { from, unlock, database: &database, files: &files, force: false, verify: true, now: NOW };
    assert_eq!(restore(&order, &mut |_, _| true).unwrap().manifest, made);
}

#[test]
fn a_passphrase_opens_it() {
    let data = Data::new();
    data.back_up(&Encryption::Passphrase(Secret::new("correct horse".to_owned()))).unwrap();
    let unlock = |text: &str| Unlock { identities: Vec::new(), passphrase: Some(Secret::new(text.to_owned())) };
    assert!(matches!(check(&data.archive(), &unlock("wrong")), Err(BackupError::WrongKey(_))));
    check(&data.archive(), &unlock("correct horse")).unwrap();
}

#[test]
fn damage_is_noticed() {
    let data = Data::new();
    data.back_up(&Encryption::None).unwrap();
    let whole = fs::read(data.archive()).unwrap();
    let target = tempfile::tempdir().unwrap();
    // Within the name of the manifest, its text, the database, a file.
    for at in [3, 700, 6_000, whole.len() - 200_000] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(data.archive(), &bytes).unwrap();
        assert!(check(&data.archive(), &Unlock::default()).is_err(), "byte {at}");
        assert!(put(&data.archive(), target.path(), false).is_err(), "byte {at}");
    }
    for end in [0, 100, 512, 5_000, whole.len() / 2, whole.len() - 200_000] {
        fs::write(data.archive(), &whole[..end]).unwrap();
        assert!(check(&data.archive(), &Unlock::default()).is_err(), "cut off at {end}");
        assert!(put(&data.archive(), target.path(), false).is_err(), "cut off at {end}");
    }
    assert!(!target.path().join("privmsg.db").exists());
    assert_eq!(fs::read_dir(target.path().join("files")).unwrap().count(), 0);
}

/// Names in an archive decide where files are written.
#[test]
fn an_archive_cannot_write_elsewhere() {
    let data = Data::new();
    let mut made = data.back_up(&Encryption::None).unwrap();
    assert_eq!(made.fault(), None);
    let good = made.files[0].name.clone();
    for name in ["files/../../evil", "/etc/passwd", "files/", "files/a", "manifest.json", &made.files[1].name.clone()] {
        name.clone_into(&mut made.files[0].name);
        assert!(made.fault().is_some(), "{name}");
    }
    made.files[0].name = good;
    assert_eq!(made.fault(), None);
}

#[test]
fn one_that_is_stopped_leaves_nothing() {
    let data = Data::new();
    let before = data.names();
    let (database, files, to) = (data.database(), data.files(), data.archive());
    let order = Order { database: &database, files: &files, to: &to, encryption: &Encryption::None, now: NOW };
    let stopped = create(&order, &mut |done, total| done * 2 < total);
    assert!(matches!(stopped, Err(BackupError::Stopped)));
    assert_eq!(data.names(), before);
}

#[test]
fn nightly_ones_are_kept_for_a_while() {
    let data = Data::new();
    let mut config = Config::default();
    config.storage.database_path = data.database();
    config.storage.files_path = data.files();
    config.backup.folder = data.folder.path().join("nightly");
    config.backup.keep = 2;
    fs::create_dir(&config.backup.folder).unwrap();
    fs::write(config.backup.folder.join("my own.tar"), "").unwrap();
    for day in 0..4 {
        nightly::make(&config, NOW + day * 86_400, &mut |_, _| true).unwrap();
    }
    let mut names: Vec<_> = fs::read_dir(&config.backup.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["my own.tar", "privmsg-20240103-120000Z.tar", "privmsg-20240104-120000Z.tar"]);
}
