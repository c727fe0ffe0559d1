//! Private files in the profile's directory.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::{DatabaseKey, KeyError};

/// The key in the clear, where neither a keyring nor a passphrase protects it.
pub const KEY_FILE: &str = "database.key";

pub(super) fn store(dir: &Path, key: &DatabaseKey) -> Result<(), KeyError> {
    let digits = Zeroizing::new(hex::encode(key.0));
    write_private(dir, KEY_FILE, digits.as_bytes())
}

pub(super) fn load(dir: &Path) -> Result<DatabaseKey, KeyError> {
    let io = |source| KeyError::Io { file: KEY_FILE, source };
    let mut file = File::open(dir.join(KEY_FILE)).map_err(io)?;
    refuse_if_open_to_others(&file)?;
    let mut digits = Zeroizing::new(String::new());
    file.read_to_string(&mut digits).map_err(io)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut bytes).map_err(|_| KeyError::Damaged(KEY_FILE))?;
    Ok(DatabaseKey(bytes))
}

pub(super) fn remove(dir: &Path, name: &'static str) -> Result<(), KeyError> {
    match std::fs::remove_file(dir.join(name)) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(KeyError::Io { file: name, source }),
        _ => Ok(()),
    }
}

/// Writes a file that only its owner may read: beside, synced, renamed, so that a crash leaves the old or the new.
pub(super) fn write_private(dir: &Path, name: &'static str, bytes: &[u8]) -> Result<(), KeyError> {
    let io = |source| KeyError::Io { file: name, source };
    let beside = dir.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(io)?;
    file.write_all(bytes).map_err(io)?;
    file.sync_all().map_err(io)?;
    std::fs::rename(&beside, dir.join(name)).map_err(io)?;
    File::open(dir).and_then(|d| d.sync_all()).map_err(io)
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(|source| KeyError::Io { file: KEY_FILE, source })?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyError::OpenToOthers) }
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_file: &File) -> Result<(), KeyError> {
    Ok(())
}
