//! The key of the database, and where it is kept.
//!
//! The database has a random 256-bit key, made once. `keystore.json` in the profile says which [`Vault`] keeps it, and
//! what that vault needs to find it again:
//!
//! | kind | where the key is |
//! |---|---|
//! | `keyring` | in the keyring of the system: Secret Service (GNOME Keyring, KWallet, KeePassXC), Credential Manager, Keychain |
//! | `passphrase` | in `keystore.json`, encrypted (AES-256-GCM) under Argon2id of a passphrase (RFC 9106) |
//! | `file` | in the clear in `database.key`, readable by its owner only. Whoever copies the profile can read it |
//! | any other name | in a vault of the host, which it gives to [`Keystore::with_vault`]: a phone's keystore, a browser |
//!
//! A profile is made once, whoever begins it, how often, and wherever they are stopped: see [`Creation`].

mod creation;
mod error;
mod key_file;
mod keyring;
mod keystore;
mod moving;
mod passphrase;
pub(crate) mod private_file;
mod vault;

use std::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

pub use creation::{Creation, wait_until_made};
pub use error::{KeyError, VaultError};
pub use key_file::KEY_FILE;
pub use keyring::keyring_is_available;
pub use keystore::{KEYSTORE_FILE, Keystore};
pub use vault::{Details, Vault};

/// The key of one database. Wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct DatabaseKey([u8; 32]);

impl DatabaseKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for a vault to keep.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn random() -> Result<Self, KeyError> {
        Ok(Self(random()?))
    }

    /// SQLCipher's raw key form, which skips its own (weaker) key derivation.
    pub(crate) fn pragma(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex::encode(self.0));
        Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", *digits))
    }
}

impl fmt::Debug for DatabaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseKey(…)")
    }
}

fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(bytes)
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// The keyring of the system.
    Keyring,
    /// Under a passphrase.
    Passphrase,
    /// In a file that only its owner may read.
    File,
    /// In the vault that the host has given.
    Host,
}

impl KeyPlace {
    /// A word for it that does not change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::Passphrase => "passphrase",
            Self::File => "file",
            Self::Host => "host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", DatabaseKey::from_bytes([7; 32])), "DatabaseKey(…)");
    }
}
