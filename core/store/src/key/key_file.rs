//! The key in the clear, where neither a keyring nor a passphrase protects it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::private_file;
use super::{DatabaseKey, Details, KeyError, Vault};

/// The file with the key.
pub const KEY_FILE: &str = "database.key";

/// Hexadecimal digits and what an editor may add. More is no key, and is not read.
const MAX_LENGTH: usize = 128;

/// A file that only its owner may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyFile<'a> {
    pub(super) dir: &'a Path,
}

impl KeyFile<'_> {
    pub(super) const NAME: &'static str = "file";
}

impl Vault for KeyFile<'_> {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
        let digits = Zeroizing::new(hex::encode(key.as_bytes()));
        private_file::write(self.dir, KEY_FILE, digits.as_bytes())?;
        Ok(Details::new())
    }

    fn load(&self, _details: &Details) -> Result<DatabaseKey, KeyError> {
        let io = |source| KeyError::Io { file: KEY_FILE, source };
        let file = File::open(self.dir.join(KEY_FILE)).map_err(io)?;
        if private_file::is_open_to_others(&file).map_err(io)? {
            return Err(KeyError::OpenToOthers);
        }
        // At once large enough: a vector that grows leaves copies behind.
        let mut digits = Zeroizing::new(Vec::with_capacity(2 * MAX_LENGTH));
        file.take(MAX_LENGTH as u64).read_to_end(&mut digits).map_err(io)?;
        let mut key = DatabaseKey::from_bytes([0; 32]);
        hex::decode_to_slice(digits.trim_ascii(), &mut key.0).map_err(|_| KeyError::Damaged(KEY_FILE))?;
        Ok(key)
    }

    fn remove(&self, _details: &Details) -> Result<(), KeyError> {
        private_file::remove(self.dir, KEY_FILE)
    }
}
