//! Private files in the profile's directory.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::KeyError;

/// Writes a file that only its owner may read: beside, synced, renamed, so that a crash leaves the old or the new.
/// One process at a time.
pub(super) fn write(dir: &Path, name: &'static str, bytes: &[u8]) -> Result<(), KeyError> {
    let beside = beside(dir, name);
    let written = write_new(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, dir.join(name)))
        .and_then(|()| sync_directory(dir));
    if written.is_err() {
        // The failure is told; on a full disk this also gives back what it took.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(|source| KeyError::Io { file: name, source })
}

/// Removes a file, and what a crash has left of it. It need not exist.
pub(super) fn remove(dir: &Path, name: &'static str) -> Result<(), KeyError> {
    for path in [beside(dir, name), dir.join(name)] {
        remove_if_there(&path).map_err(|source| KeyError::Io { file: name, source })?;
    }
    Ok(())
}

/// Opens a file that only its owner may read or write, and makes it if there is none. What is in it stays. Not for the database:
/// whoever closes a file takes all locks from it that SQLite has in this process.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    private().create(true).truncate(false).open(path)
}

/// Makes a file that only its owner may read or write. One that is there already is not even opened.
pub(crate) fn make(path: &Path) -> std::io::Result<File> {
    private().create_new(true).open(path)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.new"))
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    remove_if_there(path)?;
    let mut file = make(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// So that a new name survives a crash, too.
#[cfg(unix)]
fn sync_directory(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Windows opens no directory as a file; NTFS logs names by itself.
#[cfg(not(unix))]
fn sync_directory(_dir: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Whether others than the owner may read an open file.
#[cfg(unix)]
pub(super) fn is_open_to_others(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

/// On Windows the folder of the user's profile is private, and what is made in it inherits that.
#[cfg(not(unix))]
pub(super) fn is_open_to_others(_file: &File) -> std::io::Result<bool> {
    Ok(false)
}
