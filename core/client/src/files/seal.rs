//! Encrypting a file that is to be sent: once, whatever becomes of the attempts to upload it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use privmsg_e2ee::OsRng;
use privmsg_e2ee::attachment::{AttachmentError, EncryptedFile, EncryptingReader, encrypted_len};
use privmsg_store::uploads::Sealed;
use zeroize::Zeroizing;

use super::durable::DurableWriter;
use super::folder::private_file;
use super::{Cancel, Cancelled, PIECE, Progress};
use crate::context::Context;
use crate::error::{ClientError, During as _};

/// How often a file that becomes shorter while it is read is read again.
const ATTEMPTS: u32 = 3;

/// Where what is to be encrypted is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// At a path.
    At(PathBuf),
    /// In memory, and nowhere else.
    Held(Arc<[u8]>),
}

impl Source {
    /// What is there now, and how long it is.
    fn open(&self) -> io::Result<(Box<dyn Read + '_>, u64)> {
        Ok(match self {
            Self::At(path) => {
                let file = open(path)?;
                let size = file.metadata()?.len();
                (Box::new(file), size)
            }
            Self::Held(bytes) => (Box::new(&**bytes), bytes.len() as u64),
        })
    }
}

/// Encrypts what is at `source` under a fresh key, into the file `name` of the profile's folder. What is appended to it
/// meanwhile is not part of it. If that fails, or nobody waits for it any more, nothing is left.
pub(crate) async fn seal(
    context: &Context,
    source: Source,
    name: String,
    progress: Progress,
) -> Result<Sealed, ClientError> {
    let cancel = Cancel::default();
    let (target, cancelled) = (context.files.path(&name), cancel.heard());
    let encrypt = move || {
        let encrypted = encrypt_steadily(&source, &target, &progress, &cancelled);
        if encrypted.is_err() {
            // What cannot be removed now is when nothing refers to it any more.
            let _ = std::fs::remove_file(&target);
        }
        encrypted.map_err(|fault| fault.of(&source))
    };
    let (file, len) = tokio::task::spawn_blocking(encrypt).await.during("encrypting a file")??;
    let key = Zeroizing::new(*file.key.as_bytes());
    Ok(Sealed { name: Some(name), len, key, digest: file.digest, size: file.size })
}

fn encrypt_steadily(
    source: &Source,
    target: &Path,
    progress: &Progress,
    cancelled: &Cancelled,
) -> Result<(EncryptedFile, u64), Fault> {
    for _ in 1..ATTEMPTS {
        match encrypt(source, target, progress, cancelled) {
            Err(Fault::Changed) => {}
            other => return other,
        }
    }
    encrypt(source, target, progress, cancelled)
}

enum Fault {
    /// It became shorter while it was read.
    Changed,
    /// The file that is to be sent.
    Source(io::Error),
    /// The profile's folder.
    Target(io::Error),
}

impl Fault {
    fn of(self, source: &Source) -> ClientError {
        let source = match source {
            Source::At(path) => path.as_path(),
            Source::Held(_) => Path::new(""),
        };
        match self {
            Self::Changed => ClientError::file(source, io::Error::other("changes while it is read")),
            Self::Source(error) => ClientError::file(source, error),
            Self::Target(error) => ClientError::Disk(error),
        }
    }
}

/// Runs on a blocking thread. Returns what opens the ciphertext, and its length.
fn encrypt(
    source: &Source,
    target: &Path,
    progress: &Progress,
    cancelled: &Cancelled,
) -> Result<(EncryptedFile, u64), Fault> {
    let too_long = |_| Fault::Source(io::Error::other("is too large to be encrypted"));
    let (file, size) = source.open().map_err(Fault::Source)?;
    let len = encrypted_len(size).map_err(too_long)?;
    let mut reader = EncryptingReader::new(file.take(size), size, &mut OsRng).map_err(too_long)?;
    let mut sealed = private_file()
        .write(true)
        .create(true)
        .truncate(true)
        .open(target)
        .map(DurableWriter::of)
        .map_err(Fault::Target)?;
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    loop {
        cancelled.check().map_err(Fault::Target)?;
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                sealed.write_all(&piece[..n]).map_err(Fault::Target)?;
                done += n as u64;
                progress(done, len);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if AttachmentError::of(&error) == Some(AttachmentError::Changed) => return Err(Fault::Changed),
            Err(error) => return Err(Fault::Source(error)),
        }
    }
    // The key is kept for good from now on, so what it opens must be, too.
    sealed.finish().map_err(Fault::Target)?;
    let file = reader.finish().map_err(|_| Fault::Changed)?;
    Ok((file, len))
}

/// Opening a pipe would wait for somebody who writes to it.
fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::Error::other("is not a file")) }
}
