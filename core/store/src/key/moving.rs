//! A key that is kept, and is to be kept elsewhere: under a passphrase, under another one, or under none any more.
//!
//! The key stays the same: only its place is another.
//!
//! | killed | what is there then |
//! |---|---|
//! | before the new place is noted | the former place holds. A key file that was made is removed by whoever opens the profile next; an entry of a keyring stays there, and nothing refers to it |
//! | after that | the new place holds, and the note says which former one has still to forget the key; whoever opens the profile next sees to that |

use subtle::ConstantTimeEq as _;

use super::key_file::KEY_FILE;
use super::keystore::Notes;
use super::{Creation, DatabaseKey, KeyError, KeyPlace, Keystore, VaultError, private_file};

impl Creation<'_> {
    /// Keeps the key in `place` from now on, under `passphrase` where that is its place. The keystore has the passphrase under which it
    /// lies so far, if it does.
    ///
    /// # Errors
    /// What [`Keystore::open`] says of the place where the key is, and what the new one says; then nothing has changed, unless the disk fails in the very
    /// moment in which it is noted. What the former place says that does not forget it: then the key is in the new one already
    /// ([`Keystore::place`]), and whoever opens the profile next tries again.
    pub fn keep_in(self, place: KeyPlace, passphrase: Option<&str>) -> Result<(), KeyError> {
        let from = self.keystore;
        let key = from.open()?;
        let Notes { key: stored, former } = from.read()?;
        let kept = from.vaults.place(&stored.kind)?;
        let to = from.with_passphrase(passphrase);
        if kept != place {
            // There is room for one.
            self.forget_former(&key)?;
            to.keep(&key, place, Some(&stored))?;
        } else if place == KeyPlace::Passphrase {
            to.keep(&key, place, former.as_ref())?;
        }
        self.forget_former(&key)
    }

    /// What somebody has left who was killed while the key went to another place: that place forgets it.
    ///
    /// # Errors
    /// What it says if it does not.
    pub fn forget_former(&self, key: &DatabaseKey) -> Result<(), KeyError> {
        let Notes { key: stored, former } = self.keystore.read()?;
        let kept = self.keystore.vaults.place(&stored.kind)?;
        if kept != KeyPlace::File {
            private_file::remove(self.keystore.dir, KEY_FILE)?;
        }
        let Some(former) = former else { return Ok(()) };
        let place = self.keystore.vaults.place(&former.kind)?;
        if place != kept && place != KeyPlace::File {
            let vault = self.keystore.vaults.at(place)?;
            // Whoever has written the note may mean the key of another profile.
            match vault.load(&former.details) {
                Ok(there) if there.as_bytes().ct_eq(key.as_bytes()).into() => vault.remove(&former.details)?,
                Ok(_) | Err(KeyError::Vault { source: VaultError::Gone, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.keystore.note(&stored.kind, &stored.details, None)
    }
}

impl Keystore<'_> {
    /// Whether a place where the key was, or was to be, may still have it.
    ///
    /// # Errors
    /// As for [`Keystore::place`].
    pub fn has_former(&self) -> Result<bool, KeyError> {
        let notes = self.read()?;
        let io = |source| KeyError::Io { file: KEY_FILE, source };
        let has_file = || self.dir.join(KEY_FILE).try_exists().map_err(io);
        Ok(notes.former.is_some() || self.vaults.place(&notes.key.kind)? != KeyPlace::File && has_file()?)
    }
}

#[cfg(test)]
#[path = "moving_tests.rs"]
mod tests;
