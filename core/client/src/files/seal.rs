//! Encrypting a file that is to be sent: once, whatever becomes of the attempts to upload it.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use privmsg_e2ee::OsRng;
use privmsg_e2ee::attachment::{AttachmentError, EncryptedFile, EncryptingReader, encrypted_len};
use privmsg_store::uploads::Sealed;
use zeroize::Zeroizing;

use super::{Cancel, Cancelled, PIECE};
use crate::context::Context;
use crate::error::{ClientError, During as _};

/// Bytes after which a file begins to be brought to the disk.
const FLUSH_EVERY: usize = 32 << 20;

/// How often a file that becomes shorter while it is read is read again.
const ATTEMPTS: u32 = 3;

/// Encrypts the file at `source` under a fresh key. What is appended to it meanwhile is not part of it.
pub(crate) async fn seal(context: &Context, source: &Path) -> Result<Sealed, ClientError> {
    let name = context.files.make(&context.store, context.clock.now_ms()).await?;
    let cancel = Cancel::default();
    let (source, target, cancelled) = (source.to_owned(), context.files.path(&name), cancel.heard());
    let encrypt = move || {
        for _ in 1..ATTEMPTS {
            match encrypt(&source, &target, &cancelled) {
                Err(Fault::Changed) => {}
                other => return other.map_err(|fault| fault.of(&source)),
            }
        }
        encrypt(&source, &target, &cancelled).map_err(|fault| fault.of(&source))
    };
    let (file, len) = tokio::task::spawn_blocking(encrypt).await.during("encrypting a file")??;
    let key = Zeroizing::new(*file.key.as_bytes());
    Ok(Sealed { name: Some(name), len, key, digest: file.digest, size: file.size })
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
fn encrypt(source: &Path, target: &Path, cancelled: &Cancelled) -> Result<(EncryptedFile, u64), Fault> {
    let too_long = |_| Fault::Source(io::Error::other("is too large to be encrypted"));
    let file = open(source).map_err(Fault::Source)?;
    let size = file.metadata().map_err(Fault::Source)?.len();
    let len = encrypted_len(size).map_err(too_long)?;
    let mut reader = EncryptingReader::new(file.take(size), size, &mut OsRng).map_err(too_long)?;
    let mut sealed = DurableWriter::create(target).map_err(Fault::Target)?;
    let mut piece = vec![0; PIECE];
    loop {
        cancelled.check().map_err(Fault::Target)?;
        match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => sealed.write_all(&piece[..n]).map_err(Fault::Target)?,
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

/// A file that is brought to the disk while it grows, on a thread of its own: so the disk has not slept when all of it is
/// there, and the last wait is short.
struct DurableWriter {
    file: Arc<File>,
    unasked: usize,
    flusher: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl DurableWriter {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { file: Arc::new(File::create(path)?), unasked: 0, flusher: None })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)?;
        self.unasked += bytes.len();
        if self.unasked < FLUSH_EVERY {
            return Ok(());
        }
        self.unasked = 0;
        let (ask, _) = self.flusher.get_or_insert_with(|| {
            let (ask, asked) = sync_channel(1);
            let file = Arc::clone(&self.file);
            // What does not work now will not work in the end either, and is said then.
            let flush = move || while asked.recv().is_ok_and(|()| file.sync_data().is_ok()) {};
            (ask, std::thread::spawn(flush))
        });
        // One that is still at it will be asked again.
        let _ = ask.try_send(());
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        if let Some((ask, flusher)) = self.flusher {
            drop(ask);
            // It panics nowhere.
            let _ = flusher.join();
        }
        self.file.sync_all()
    }
}

/// Opening a pipe would wait for somebody who writes to it.
fn open(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::Error::other("is not a file")) }
}
