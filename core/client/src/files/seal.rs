//! Encrypting a file that is to be sent: once, whatever becomes of the attempts to upload it.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use privmsg_e2ee::OsRng;
use privmsg_e2ee::attachment::{AttachmentError, EncryptedFile, EncryptingReader, encrypted_len};
use privmsg_store::uploads::Sealed;
use zeroize::Zeroizing;

use super::PIECE;
use crate::context::Context;
use crate::error::{ClientError, During as _};

/// How often a file that becomes shorter while it is read is read again.
const ATTEMPTS: u32 = 3;

/// Encrypts the file at `source` under a fresh key. What is appended to it meanwhile is not part of it.
pub(crate) async fn seal(context: &Context, source: &Path) -> Result<Sealed, ClientError> {
    let name = context.files.make(&context.store, context.clock.now_ms()).await?;
    let cancelled = Cancelled::default();
    let (source, target, stop) = (source.to_owned(), context.files.path(&name), Arc::clone(&cancelled.0));
    let encrypt = move || {
        for _ in 1..ATTEMPTS {
            match encrypt(&source, &target, &stop) {
                Err(Fault::Changed) => {}
                other => return other.map_err(|fault| fault.of(&source)),
            }
        }
        encrypt(&source, &target, &stop).map_err(|fault| fault.of(&source))
    };
    let (file, len) = tokio::task::spawn_blocking(encrypt).await.during("encrypting a file")??;
    let key = Zeroizing::new(*file.key.as_bytes());
    Ok(Sealed { name: Some(name), len, key, digest: file.digest, size: file.size })
}

/// Tells the thread that nobody waits for it any more.
#[derive(Default)]
struct Cancelled(Arc<AtomicBool>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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
    fn of(self, source: &Path) -> ClientError {
        match self {
            Self::Changed => ClientError::file(source, io::Error::other("changes while it is read")),
            Self::Source(error) => ClientError::file(source, error),
            Self::Target(error) => ClientError::Disk(error),
        }
    }
}

/// Runs on a blocking thread. Returns what opens the ciphertext, and its length.
fn encrypt(source: &Path, target: &Path, stop: &AtomicBool) -> Result<(EncryptedFile, u64), Fault> {
    let too_long = |_| Fault::Source(io::Error::other("is too large to be encrypted"));
    let file = open(source).map_err(Fault::Source)?;
    let size = file.metadata().map_err(Fault::Source)?.len();
    let len = encrypted_len(size).map_err(too_long)?;
    let mut reader = EncryptingReader::new(file.take(size), size, &mut OsRng).map_err(too_long)?;
    let mut sealed = File::create(target).map_err(Fault::Target)?;
    let mut piece = vec![0; PIECE];
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Fault::Target(io::ErrorKind::Interrupted.into()));
        }
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => sealed.write_all(&piece[..n]).map_err(Fault::Target)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if AttachmentError::of(&error) == Some(AttachmentError::Changed) => return Err(Fault::Changed),
            Err(error) => return Err(Fault::Source(error)),
        }
    }
    // The key is kept for good from now on, so what it opens must be, too.
    sealed.sync_all().map_err(Fault::Target)?;
    let file = reader.finish().map_err(|_| Fault::Changed)?;
    Ok((file, len))
}

/// Opening a pipe would wait for somebody who writes to it.
fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::Error::other("is not a file")) }
}
