//! Making a profile, once. Its lock is also that of a key that is kept elsewhere ([`moving`](super::moving)).
//!
//! Whoever makes a profile can be killed at any point, and two can begin at once. So there is an order, and a lock:
//!
//! | under the lock there is | what is done |
//! |---|---|
//! | nothing, or what is not noted yet | a key is made and kept, then noted in `keystore.json`, durably |
//! | `keystore.json`, and no database | the key is taken that is noted |
//! | both | the same: the profile is complete, or its database will be by its own transactions |
//! | a database only | refused: its key is somewhere else, and another key would not open it |
//!
//! A key is never replaced once it is noted (it may be kept elsewhere: `moving`), and the database is opened after that only. Who is killed between keeping
//! the key and noting it leaves an entry in the keyring that nothing refers to.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::key_file::KEY_FILE;
use super::{DatabaseKey, KeyError, KeyPlace, Keystore, private_file};
use crate::DATABASE_FILE;

/// Held while a profile is made.
const LOCK_FILE: &str = "profile.lock";

/// How often the lock is tried, and for how long: longer than a keyring waits for the person who unlocks it. The file
/// lock of the system has no limit of its own, and its holder may be stopped.
const PAUSE: Duration = Duration::from_millis(20);
const TRIES: u32 = 150 * 50;

/// The right to make the profile of a keystore, or to keep its key elsewhere, for as long as it lives. The system takes it back when the process ends.
#[derive(Debug)]
pub struct Creation<'a> {
    pub(super) keystore: Keystore<'a>,
    _lock: File,
}

impl<'a> Creation<'a> {
    /// Waits until nobody else makes it.
    ///
    /// # Errors
    /// [`KeyError::Busy`] if that takes minutes, [`KeyError::Io`] if the directory cannot be written.
    pub fn begin(keystore: Keystore<'a>) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { file: LOCK_FILE, source };
        let lock = private_file::open(&keystore.dir.join(LOCK_FILE)).map_err(io)?;
        wait(|| lock.try_lock(), PAUSE, TRIES)?;
        Ok(Self { keystore, _lock: lock })
    }

    /// The key: the one that is kept already, or a new one. The database is to be opened while this still lives.
    ///
    /// # Errors
    /// [`KeyError::KeptElsewhere`], [`KeyError::NoKeystore`], and what [`Keystore::open`] says about a key that is kept
    /// already. After a failure nothing is left behind that a second call would not take, or replace.
    pub fn key(&self, place: KeyPlace) -> Result<DatabaseKey, KeyError> {
        match self.keystore.place()? {
            Some(kept) if kept == place => self.keystore.open(),
            Some(kept) => Err(KeyError::KeptElsewhere(kept)),
            None => {
                self.refuse_a_database()?;
                // What somebody left who was killed before it was noted.
                private_file::remove(self.keystore.dir, KEY_FILE)?;
                self.keystore.make(place)
            }
        }
    }

    /// Takes back what has been made: the profile holds nothing, and nobody has it open. Its directory stays, with the
    /// lock that others may be waiting for. Whoever is killed here leaves a profile that is completed by the next one.
    ///
    /// # Errors
    /// [`KeyError::Io`], or what the vault says that does not let the key go.
    pub fn undo(self) -> Result<(), KeyError> {
        for end in ["", "-wal", "-shm"] {
            match std::fs::remove_file(self.keystore.dir.join(format!("{DATABASE_FILE}{end}"))) {
                Err(source) if source.kind() != ErrorKind::NotFound => {
                    return Err(KeyError::Io { file: DATABASE_FILE, source });
                }
                _ => {}
            }
        }
        self.keystore.forget()
    }

    fn refuse_a_database(&self) -> Result<(), KeyError> {
        let there = self.keystore.dir.join(DATABASE_FILE).try_exists();
        match there.map_err(|source| KeyError::Io { file: DATABASE_FILE, source })? {
            true => Err(KeyError::NoKeystore),
            false => Ok(()),
        }
    }
}

/// Waits until nobody makes the profile in `dir`. Writes nothing.
///
/// # Errors
/// [`KeyError::Busy`] if that takes minutes.
pub fn wait_until_made(dir: &Path) -> Result<(), KeyError> {
    let lock = match File::open(dir.join(LOCK_FILE)) {
        Ok(lock) => lock,
        // Not made with a lock, or put back without it: nobody is making it.
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(KeyError::Io { file: LOCK_FILE, source }),
    };
    wait(|| lock.try_lock_shared(), PAUSE, TRIES)
}

fn wait(try_lock: impl Fn() -> Result<(), TryLockError>, pause: Duration, tries: u32) -> Result<(), KeyError> {
    for _ in 0..tries {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(pause),
            Err(TryLockError::Error(source)) => return Err(KeyError::Io { file: LOCK_FILE, source }),
        }
    }
    Err(KeyError::Busy)
}

#[cfg(test)]
mod tests {
    use super::super::KEYSTORE_FILE;
    use super::*;

    #[test]
    fn what_is_noted_is_never_made_over() {
        let dir = tempfile::tempdir().unwrap();
        let keystore = Keystore::of(dir.path()).with_passphrase(Some("open sesame"));
        let key = Creation::begin(keystore).unwrap().key(KeyPlace::File).unwrap();
        for database in [false, true] {
            if database {
                std::fs::write(dir.path().join(DATABASE_FILE), "it is there").unwrap();
            }
            let creation = Creation::begin(keystore).unwrap();
            assert_eq!(creation.key(KeyPlace::File).unwrap().as_bytes(), key.as_bytes());
            let elsewhere = creation.key(KeyPlace::Passphrase);
            assert!(matches!(elsewhere, Err(KeyError::KeptElsewhere(KeyPlace::File))), "{elsewhere:?}");
        }
    }

    #[test]
    fn a_database_without_a_keystore_gets_no_other_key() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(DATABASE_FILE), "it is there").unwrap();
        std::fs::write(dir.path().join(KEY_FILE), "its key").unwrap();
        let refused = Creation::begin(Keystore::of(dir.path())).unwrap().key(KeyPlace::File);
        assert!(matches!(refused, Err(KeyError::NoKeystore)), "{refused:?}");
        assert_eq!(std::fs::read_to_string(dir.path().join(KEY_FILE)).unwrap(), "its key");
    }

    #[test]
    fn what_was_not_noted_is_cleared_away() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["database.key", "database.key.new", "keystore.json.new"] {
            std::fs::write(dir.path().join(name), "half").unwrap();
        }
        let keystore = Keystore::of(dir.path()).with_passphrase(Some("open sesame"));
        Creation::begin(keystore).unwrap().key(KeyPlace::Passphrase).unwrap();
        let mut names: Vec<_> =
            std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [KEYSTORE_FILE, LOCK_FILE]);
    }

    #[test]
    fn what_is_taken_back_leaves_room_for_another() {
        let dir = tempfile::tempdir().unwrap();
        let keystore = Keystore::of(dir.path()).with_passphrase(Some("open sesame"));
        for place in [KeyPlace::File, KeyPlace::Passphrase] {
            let creation = Creation::begin(keystore).unwrap();
            creation.key(place).unwrap();
            for end in ["", "-wal", "-shm"] {
                std::fs::write(dir.path().join(format!("{DATABASE_FILE}{end}")), "empty").unwrap();
            }
            creation.undo().unwrap();
            assert_eq!(keystore.place().unwrap(), None);
            let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, [LOCK_FILE]);
        }
        Creation::begin(keystore).unwrap().undo().unwrap();
    }

    #[test]
    fn one_at_a_time_and_nobody_waits_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        wait_until_made(dir.path()).unwrap();
        let first = Creation::begin(Keystore::of(dir.path())).unwrap();
        let lock = File::open(dir.path().join(LOCK_FILE)).unwrap();
        let moment = Duration::from_millis(1);
        assert!(matches!(wait(|| lock.try_lock_shared(), moment, 5), Err(KeyError::Busy)));
        drop(first);
        wait_until_made(dir.path()).unwrap();
    }
}
