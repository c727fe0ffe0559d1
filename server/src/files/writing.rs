//! Writing a file while its next bytes come in.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::blocking;

/// Bytes that go to the disk at once: so many that handing them to another thread costs little, and so few that many
/// uploads fit into memory. While one batch is written the next is gathered.
const BATCH: usize = 512 * 1024;

/// Pieces in a batch, for senders that send a few bytes at a time.
const PIECES: usize = 256;

/// Bytes after which the disk is told to begin. Without, all of a large file waits for the end, and the disk has
/// nothing to do until then.
const SYNC_EVERY: u64 = 8 * 1024 * 1024;

/// Appends to a file. Holds at most two batches.
pub(crate) struct FileWriter {
    file: Arc<File>,
    batch: VecDeque<Bytes>,
    batch_len: usize,
    writing: Option<JoinHandle<io::Result<()>>>,
    syncing: Option<JoinHandle<io::Result<()>>>,
    taken: u64,
    unsynced: u64,
    /// Bytes are missing in the middle: nothing may be written behind them.
    failed: bool,
}

impl FileWriter {
    pub(super) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            batch: VecDeque::new(),
            batch_len: 0,
            writing: None,
            syncing: None,
            taken: 0,
            unsynced: 0,
            failed: false,
        }
    }

    /// Bytes that it has been given.
    pub(crate) const fn taken(&self) -> u64 {
        self.taken
    }

    /// Takes the next bytes; waits only for room.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        // Nothing to write is no failure, but a write that took nothing looks like one.
        if bytes.is_empty() {
            return Ok(());
        }
        self.taken += bytes.len() as u64;
        self.batch_len += bytes.len();
        self.batch.push_back(bytes);
        if self.batch_len >= BATCH || self.batch.len() >= PIECES {
            self.hand_over().await?;
        }
        Ok(())
    }

    /// Everything that was taken is on the disk for good.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.hand_over().await?;
        self.written().await?;
        self.synced().await?;
        let file = Arc::clone(&self.file);
        blocking(move || file.sync_all()).await
    }

    /// Everything behind the first `len` bytes goes from the file, and nothing more is taken.
    pub(crate) async fn cut(&mut self, len: u64) -> io::Result<()> {
        self.batch.clear();
        self.batch_len = 0;
        // Whatever they say, it goes.
        let _ = self.written().await;
        let _ = self.synced().await;
        self.failed = true;
        let file = Arc::clone(&self.file);
        blocking(move || {
            file.set_len(len)?;
            file.sync_all()
        })
        .await
    }

    async fn hand_over(&mut self) -> io::Result<()> {
        self.written().await?;
        self.start_syncing().await?;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        self.unsynced += self.batch_len as u64;
        self.batch_len = 0;
        let file = Arc::clone(&self.file);
        self.writing = Some(tokio::task::spawn_blocking(move || write_all(&file, batch)));
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.failed { Err(io::Error::other("an earlier write failed")) } else { Ok(()) }
    }

    async fn written(&mut self) -> io::Result<()> {
        let ended = join(&mut self.writing).await;
        self.failed |= ended.is_err();
        ended.and_then(|()| self.check())
    }

    async fn synced(&mut self) -> io::Result<()> {
        let ended = join(&mut self.syncing).await;
        self.failed |= ended.is_err();
        ended.and_then(|()| self.check())
    }

    async fn start_syncing(&mut self) -> io::Result<()> {
        let idle = self.syncing.as_ref().is_none_or(JoinHandle::is_finished);
        if self.unsynced < SYNC_EVERY || !idle {
            return Ok(());
        }
        self.synced().await?;
        self.unsynced = 0;
        let file = Arc::clone(&self.file);
        self.syncing = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }
}

async fn join(task: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    // Taken out only when it has ended: whoever stops waiting must not lose what it says.
    let Some(running) = task else { return Ok(()) };
    let ended = running.await.unwrap_or_else(|_| Err(io::Error::other("a disk operation panicked")));
    *task = None;
    ended
}

fn write_all(mut file: &File, mut batch: VecDeque<Bytes>) -> io::Result<()> {
    while !batch.is_empty() {
        let slices: Vec<IoSlice<'_>> = batch.iter().map(|bytes| IoSlice::new(bytes)).collect();
        let mut written = match file.write_vectored(&slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        drop(slices);
        while let Some(first) = batch.front_mut() {
            if written < first.len() {
                let _ = first.split_to(written);
                break;
            }
            written -= first.len();
            batch.pop_front();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_of_all_sizes_arrive_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut writer = FileWriter::new(File::create(&path).unwrap());
        let mut expected = Vec::new();
        for n in 0..2_000_usize {
            let piece = vec![u8::try_from(n % 251).unwrap(); n * 7 % 4_096];
            expected.extend_from_slice(&piece);
            writer.write(piece.into()).await.unwrap();
        }
        writer.finish().await.unwrap();
        assert_eq!(writer.taken(), expected.len() as u64);
        assert!(std::fs::read(&path).unwrap() == expected);
        writer.write(Bytes::from_static(b"more")).await.unwrap();
        writer.cut(10).await.unwrap();
        assert!(std::fs::read(&path).unwrap() == expected[..10]);
    }

    #[tokio::test]
    async fn a_file_may_be_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut writer = FileWriter::new(File::create(&path).unwrap());
        writer.write(Bytes::new()).await.unwrap();
        writer.finish().await.unwrap();
        assert!(std::fs::read(&path).unwrap().is_empty());
    }

    #[tokio::test]
    async fn nothing_is_written_behind_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let mut writer = FileWriter::new(File::open(&path).unwrap());
        for _ in 0..8 {
            let _ = writer.write(vec![1; BATCH].into()).await;
        }
        assert!(writer.finish().await.is_err(), "it was not opened for writing");
        assert!(writer.finish().await.is_err());
    }
}
