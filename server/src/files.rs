//! Bytes of uploaded files on the disk. A file is named by its unguessable id; what its sender called it is never
//! known here.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use privmsg_protocol::FileId;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::private;
use crate::secrets::{generated_file_id, random_file_id};

/// Ending of files that are still being uploaded.
const UNFINISHED: &str = ".part";

/// Bytes that are handed to the disk at once.
const WRITE_BUFFER: usize = 256 * 1024;

/// The folder of files.
pub(crate) struct FileStore {
    folder: PathBuf,
    /// Files between their first byte and their row in the database; the sweep leaves them alone.
    uploading: Arc<Mutex<HashSet<FileId>>>,
}

impl FileStore {
    /// Makes the folder, and deletes uploads that an earlier process did not finish. Whatever else somebody keeps in
    /// the folder is left alone.
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

    /// Begins a new file.
    pub(crate) async fn create(&self) -> io::Result<Upload> {
        let id = random_file_id();
        let part = self.folder.join(format!("{id}{UNFINISHED}"));
        let mut file = File::options().write(true).create_new(true).open(&part).await?;
        file.set_max_buf_size(WRITE_BUFFER);
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone());
        Ok(Upload {
            path: self.path(&id),
            folder: self.folder.clone(),
            part,
            id,
            file,
            size: 0,
            kept: false,
            uploading: Arc::clone(&self.uploading),
        })
    }

    pub(crate) async fn read(&self, id: &FileId) -> io::Result<File> {
        File::open(self.path(id)).await
    }

    /// Deletes a file; one that is gone already is fine.
    pub(crate) async fn remove(&self, id: &FileId) -> io::Result<()> {
        match tokio::fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Finished files in the folder, without those that are still being taken over, and without what is not the
    /// server's: a name that it does not make is somebody else's.
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
}

/// A file that is being written. Dropped before [`Upload::keep`], it leaves nothing behind.
pub(crate) struct Upload {
    id: FileId,
    part: PathBuf,
    path: PathBuf,
    folder: PathBuf,
    file: File,
    size: u64,
    kept: bool,
    uploading: Arc<Mutex<HashSet<FileId>>>,
}

impl Upload {
    pub(crate) const fn id(&self) -> &FileId {
        &self.id
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Makes the bytes durable under their final name.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        tokio::fs::rename(&self.part, &self.path).await?;
        // Elsewhere a folder cannot be opened as a file, and its entries are durable without.
        #[cfg(unix)]
        File::open(&self.folder).await?.sync_all().await?;
        Ok(())
    }

    /// The file has its row in the database.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.kept {
            // At most one of them is there.
            let _ = std::fs::remove_file(&self.part);
            let _ = std::fs::remove_file(&self.path);
        }
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// Whether there was no room for the bytes.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
