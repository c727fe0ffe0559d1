//! Bytes of uploaded files on the disk. A file is named by its unguessable id; what its sender called it is never
//! known here.
//!
//! A resumable upload lies under the final name of its file from the beginning, and a row in the database says that it
//! is unfinished: so finishing it is one transaction and renames nothing, and a process that dies at any moment leaves
//! either an upload to go on with or a file. The plain upload writes to a name of its own, which nobody goes on with.

mod appending;
mod reading;
mod transfers;
mod writing;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use privmsg_protocol::FileId;

pub(crate) use appending::{Appending, Busy, Hold};
pub(crate) use reading::FileBody;
pub(crate) use transfers::{Slot, Transfers};
pub(crate) use writing::FileWriter;

use crate::private;
use crate::secrets::{generated_file_id, random_file_id};

/// Ending of files that are still being uploaded in one piece.
const UNFINISHED: &str = ".part";

/// The folder of files.
pub(crate) struct FileStore {
    folder: PathBuf,
    /// Files between their first byte and their row in the database; the sweep leaves them alone.
    uploading: Arc<Mutex<HashSet<FileId>>>,
}

impl FileStore {
    /// Makes the folder, and deletes plain uploads that an earlier process did not finish. Whatever else somebody keeps
    /// in the folder is left alone.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        private::folder(folder)?;
        private::restrict(folder, 0o700)?;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(UNFINISHED));
            if id.and_then(generated_file_id).is_some() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self { folder: folder.to_owned(), uploading: Arc::default() })
    }

    fn path(&self, id: &FileId) -> PathBuf {
        self.folder.join(id.as_str())
    }

    /// Begins a new file that is uploaded in one piece.
    pub(crate) async fn create(&self) -> io::Result<Upload> {
        let mark = self.mark();
        let part = self.folder.join(format!("{}{UNFINISHED}", mark.id));
        let path = self.path(&mark.id);
        let made = part.clone();
        let file = blocking(move || std::fs::File::options().write(true).create_new(true).open(made)).await?;
        let leftovers = Leftovers { paths: vec![part.clone(), path.clone()], kept: false };
        Ok(Upload { leftovers, mark, writer: FileWriter::new(file), part, path, folder: self.folder.clone() })
    }

    /// Makes the empty file of a resumable upload, durably.
    pub(crate) async fn reserve(&self) -> io::Result<Reserved> {
        let mark = self.mark();
        let (path, folder) = (self.path(&mark.id), self.folder.clone());
        let made = path.clone();
        blocking(move || {
            std::fs::File::options().write(true).create_new(true).open(made)?;
            sync_folder(&folder)
        })
        .await?;
        Ok(Reserved { leftovers: Leftovers { paths: vec![path], kept: false }, mark })
    }

    /// Goes on with the file of a resumable upload behind its first `offset` bytes. What lies behind them goes.
    pub(crate) async fn append(&self, id: &FileId, offset: u64) -> io::Result<FileWriter> {
        let path = self.path(id);
        let file = blocking(move || {
            use std::io::{Seek as _, SeekFrom};
            let mut file = std::fs::File::options().read(true).write(true).open(path)?;
            if file.metadata()?.len() > offset {
                file.set_len(offset)?;
                file.sync_all()?;
            }
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        })
        .await?;
        Ok(FileWriter::new(file))
    }

    /// How many bytes of a file are on the disk for good.
    pub(crate) async fn durable_len(&self, id: &FileId) -> io::Result<u64> {
        let path = self.path(id);
        blocking(move || {
            let file = std::fs::File::options().write(true).open(path)?;
            let len = file.metadata()?.len();
            file.sync_data()?;
            Ok(len)
        })
        .await
    }

    pub(crate) async fn read(&self, id: &FileId) -> io::Result<std::fs::File> {
        let path = self.path(id);
        blocking(move || std::fs::File::open(path)).await
    }

    /// Deletes a file; one that is gone already is fine.
    pub(crate) async fn remove(&self, id: &FileId) -> io::Result<()> {
        match tokio::fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Files in the folder, without those that are still being taken over, and without what is not the server's: a name
    /// that it does not make is somebody else's.
    pub(crate) async fn list(&self) -> io::Result<Vec<FileId>> {
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        let mut found = Vec::new();
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            found.extend(name.to_str().and_then(generated_file_id));
        }
        let uploading = self.uploading.lock().unwrap_or_else(PoisonError::into_inner);
        found.retain(|id| !uploading.contains(id));
        Ok(found)
    }

    fn mark(&self) -> Mark {
        let id = random_file_id();
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        Mark { id, uploading: Arc::clone(&self.uploading) }
    }
}

/// Runs what waits for the disk where waiting holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("a disk operation panicked")))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file, and its entries are durable without.
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Keeps the sweep away from a file that has no row yet.
struct Mark {
    id: FileId,
    uploading: Arc<Mutex<HashSet<FileId>>>,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Files that go with this unless they are kept.
struct Leftovers {
    paths: Vec<PathBuf>,
    kept: bool,
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if !self.kept {
            for path in &self.paths {
                // At most one of them is there.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// The empty file of a resumable upload that has no row yet. Dropped before [`Reserved::keep`], it leaves nothing
/// behind.
pub(crate) struct Reserved {
    // Before the mark: fields are dropped in order, and the sweep may come in between.
    leftovers: Leftovers,
    mark: Mark,
}

impl Reserved {
    pub(crate) const fn id(&self) -> &FileId {
        &self.mark.id
    }

    /// The upload has its row in the database.
    pub(crate) fn keep(mut self) {
        self.leftovers.kept = true;
    }
}

/// A file that is being uploaded in one piece. Dropped before [`Upload::keep`], it leaves nothing behind.
pub(crate) struct Upload {
    leftovers: Leftovers,
    mark: Mark,
    writer: FileWriter,
    part: PathBuf,
    path: PathBuf,
    folder: PathBuf,
}

impl Upload {
    pub(crate) const fn id(&self) -> &FileId {
        &self.mark.id
    }

    pub(crate) const fn size(&self) -> u64 {
        self.writer.taken()
    }

    pub(crate) async fn write(&mut self, bytes: bytes::Bytes) -> io::Result<()> {
        self.writer.write(bytes).await
    }

    /// Makes the bytes durable under their final name.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.writer.finish().await?;
        let (part, path, folder) = (self.part.clone(), self.path.clone(), self.folder.clone());
        blocking(move || {
            std::fs::rename(part, path)?;
            sync_folder(&folder)
        })
        .await
    }

    /// The file has its row in the database.
    pub(crate) fn keep(mut self) {
        self.leftovers.kept = true;
    }
}

/// Whether there was no room for the bytes.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::StorageFull | E::QuotaExceeded | E::FileTooLarge)
}
