//! Bringing a large file to the disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes after which a file begins to be brought to the disk.
const FLUSH_EVERY: usize = 32 << 20;

/// A file that is brought to the disk while it grows, on a thread of its own: so the disk has not slept when all of it is
/// there, and the last wait is short.
pub(crate) struct DurableWriter {
    file: Arc<File>,
    unasked: usize,
    flusher: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl DurableWriter {
    pub(crate) fn of(file: File) -> Self {
        Self { file: Arc::new(file), unasked: 0, flusher: None }
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
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

    /// All of it is on the disk when this returns.
    pub(crate) fn finish(self) -> io::Result<()> {
        if let Some((ask, flusher)) = self.flusher {
            drop(ask);
            // It panics nowhere.
            let _ = flusher.join();
        }
        self.file.sync_all()
    }
}
