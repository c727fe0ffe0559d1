//! A key that is kept, and is to be kept elsewhere: under a passphrase, under another one, or under none any more.
//!
//! The key stays the same: only its place is another. Whoever has a copy of the folder from before opens that copy as before.
//!
//! | killed | what is there then |
//! |---|---|
//! | before the new place is noted | the former place holds; what the new one keeps is replaced, or nothing refers to it |
//! | after that | the new place holds, and the note says which former one has still to forget the key; whoever opens it next sees to that |

use super::keystore::Stored;
use super::{Creation, KeyError, KeyPlace, Keystore};

impl Creation<'_> {
    /// Keeps the key in `place` from now on, under `passphrase` where that is its place. The keystore has the passphrase under which it
    /// lies so far, if it does.
    ///
    /// # Errors
    /// What [`Keystore::open`] says of the place where the key is, and what the new one says; then nothing has changed. What the former
    /// place says that does not forget it: then the key is in the new one already, and whoever opens it next tries again.
    pub fn keep_in(self, place: KeyPlace, passphrase: Option<&str>) -> Result<(), KeyError> {
        let from = self.keystore;
        let key = from.open()?;
        from.forget_former()?;
        let stored = from.read()?.key;
        let kept = from.place_of(&stored)?;
        if kept == place && place != KeyPlace::Passphrase {
            return Ok(());
        }
        let to = from.with_passphrase(passphrase);
        let former = (kept != place).then_some(&stored);
        to.keep(&key, place, former)?;
        from.forget_former()
    }
}

impl Keystore<'_> {
    /// Whether a place has still to forget the key, because somebody was killed who kept it elsewhere.
    ///
    /// # Errors
    /// As for [`Keystore::place`].
    pub fn has_former(&self) -> Result<bool, KeyError> {
        Ok(self.read()?.former.is_some())
    }

    /// The place where the key was before forgets it. Only for whoever has the right to ([`Creation`]).
    fn forget_former(&self) -> Result<(), KeyError> {
        let notes = self.read()?;
        let Some(former) = &notes.former else { return Ok(()) };
        self.remove(former)?;
        self.note(&notes.key.kind, &notes.key.details, None)
    }

    fn place_of(&self, stored: &Stored) -> Result<KeyPlace, KeyError> {
        self.vaults.place(&stored.kind)
    }
}

impl Creation<'_> {
    /// What somebody has left who was killed while the key went to another place.
    ///
    /// # Errors
    /// What the former place says that does not forget it.
    pub fn forget_former(&self) -> Result<(), KeyError> {
        self.keystore.forget_former()
    }
}

#[cfg(test)]
#[path = "moving_tests.rs"]
mod tests;
