//! The form of an archive: writing it, and reading it without trusting it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::encryption::{Encryption, SealError, Sealed, Unlock};
use super::error::{is_stop, stop_unless};
use super::hash::hash;
use super::manifest::{FORMAT, MANIFEST, Manifest, Member};
use super::{BackupError, Progress, Tick};

/// Longest manifest that is read: over a million files.
const LONGEST_MANIFEST: u64 = 256 * 1024 * 1024;

/// An archive that is being written.
pub(super) struct Archive {
    tar: tar::Builder<Sealed>,
    path: PathBuf,
    created_at: u64,
}

impl Archive {
    pub(super) fn begin(
        file: File,
        encryption: &Encryption,
        manifest: &Manifest,
        path: &Path,
    ) -> Result<Self, BackupError> {
        let failed = BackupError::io("write", path);
        let sealed = encryption.seal(file).map_err(|error| match error {
            SealError::Encrypt(error) => BackupError::Encrypt(error),
            SealError::Write(error) => failed(error),
        })?;
        let created_at = u64::try_from(manifest.created_at).unwrap_or(0);
        let mut archive = Self { tar: tar::Builder::new(sealed), path: path.to_owned(), created_at };
        let text = serde_json::to_vec_pretty(manifest).expect("a manifest is plain data");
        let mut header = archive.header(text.len() as u64);
        archive.tar.append_data(&mut header, MANIFEST, text.as_slice()).map_err(&failed)?;
        Ok(archive)
    }

    /// Adds a file that has not changed since it was hashed.
    pub(super) fn add(&mut self, member: &Member, from: &Path, tick: Tick<'_>) -> Result<(), BackupError> {
        let failed = BackupError::io("read", from);
        let mut header = self.header(member.size);
        let file = Counting { from: File::open(from).map_err(&failed)?.take(member.size), tick };
        self.tar.append_data(&mut header, &member.name, file).map_err(BackupError::io("write", &self.path))
    }

    pub(super) fn finish(self) -> Result<File, BackupError> {
        self.tar.into_inner().and_then(Sealed::finish).map_err(BackupError::io("write", &self.path))
    }

    fn header(&self, size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.created_at);
        header
    }
}

/// Tells how much is read.
struct Counting<'a, R> {
    from: R,
    tick: Tick<'a>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        (self.tick)(count as u64)?;
        Ok(count)
    }
}

/// Reads a whole archive and compares each member with the manifest. `place` says where a member is to be written, if
/// anywhere; it is called in the order of the manifest.
pub(super) fn read(
    path: &Path,
    unlock: &Unlock,
    begun: &mut dyn FnMut(&Manifest) -> Result<(), BackupError>,
    place: &mut dyn FnMut(&Member) -> Result<Option<File>, BackupError>,
    progress: Progress<'_>,
) -> Result<Manifest, BackupError> {
    let mut archive = tar::Archive::new(unlock.open(path)?);
    let mut entries = archive.entries().map_err(|error| unreadable(path, error))?;
    let manifest = match entries.next() {
        Some(first) => manifest(first.map_err(|error| unreadable(path, error))?)?,
        None => return Err(BackupError::Foreign { what: "it is empty" }),
    };
    begun(&manifest)?;
    let (total, mut done) = (manifest.total(), 0);
    for member in manifest.members() {
        let mut entry = match entries.next() {
            Some(entry) => entry.map_err(|error| unreadable(path, error))?,
            None => return Err(BackupError::damaged(format!("{} is not in it", member.name))),
        };
        if entry.path_bytes() != member.name.as_bytes() || entry.size() != member.size {
            return Err(BackupError::damaged(format!("something else is in place of {}", member.name)));
        }
        let mut tick = |bytes| {
            done += bytes;
            stop_unless(progress(done, total))
        };
        let (size, sha256) = match place(member)? {
            None => hash(&mut entry, &mut tick).map_err(|error| unreadable(path, error))?,
            Some(mut file) => {
                let copied = hash(&mut Tee { from: entry, to: &mut file }, &mut tick);
                let hashed = copied.map_err(|error| unreadable(path, error))?;
                file.sync_all().map_err(BackupError::io("write", Path::new(&member.name)))?;
                hashed
            }
        };
        if size != member.size || sha256 != member.sha256 {
            return Err(BackupError::damaged(format!("{} has changed", member.name)));
        }
    }
    if entries.next().is_some() {
        return Err(BackupError::damaged("more is in it than its list of contents says"));
    }
    // Only at its very end does an encrypted archive show that nothing was cut off.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(|error| unreadable(path, error))?;
    Ok(manifest)
}

fn manifest(mut entry: tar::Entry<'_, impl Read>) -> Result<Manifest, BackupError> {
    if entry.path_bytes() != MANIFEST.as_bytes() || entry.size() > LONGEST_MANIFEST {
        return Err(BackupError::Foreign { what: "it does not begin with a list of contents" });
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(|_| BackupError::damaged(UNREADABLE))?;
    let foreign = |_| BackupError::Foreign { what: "its list of contents cannot be read" };
    let format: Format = serde_json::from_slice(&text).map_err(foreign)?;
    if format.format > FORMAT {
        return Err(BackupError::Newer { version: format.version });
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(foreign)?;
    match manifest.fault() {
        None => Ok(manifest),
        Some(what) => Err(BackupError::Damaged { what }),
    }
}

/// What every version of the manifest has.
#[derive(serde::Deserialize)]
struct Format {
    format: u32,
    version: String,
}

/// Reads, and writes what is read.
struct Tee<'a, R> {
    from: R,
    to: &'a mut File,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        io::Write::write_all(self.to, &buffer[..count])?;
        Ok(count)
    }
}

/// What the library says of it quotes the file, which may be anything.
const UNREADABLE: &str = "it cannot be read to its end";

/// Errors of the disk are told apart from an archive that is cut off or altered.
fn unreadable(path: &Path, error: io::Error) -> BackupError {
    if is_stop(&error) {
        return BackupError::Stopped;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::Other => BackupError::damaged(UNREADABLE),
        _ => BackupError::io("read", path)(error),
    }
}
