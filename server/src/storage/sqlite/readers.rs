//! Threads that read, each with a connection of its own. They see what is committed and never wait for the writer.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::connection;
use crate::storage::{Result, StorageError};

/// Reading is short, and the machine is small; one more than its cores so that a slow disk does not stop everybody.
const THREADS: usize = 3;

/// Reads waiting for a thread.
const QUEUE: usize = 512;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// Handle to the readers' queue.
pub(super) struct Readers {
    queue: SyncSender<Read>,
    room: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn start(path: &Path) -> std::result::Result<(Self, Vec<JoinHandle<()>>), StartError> {
        let (queue, reads) = sync_channel::<Read>(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        let room = Arc::new(Semaphore::new(QUEUE));
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let conn = connection::open_read_only(path).map_err(StartError::Open)?;
            let (reads, room) = (Arc::clone(&reads), Arc::clone(&room));
            let thread = std::thread::Builder::new()
                .name("storage-reader".into())
                .spawn(move || serve(&conn, &reads, &room))
                .map_err(StartError::Thread)?;
            threads.push(thread);
        }
        Ok((Self { queue, room }, threads))
    }

    pub(super) async fn call<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = self.room.acquire().await.map_err(|_| StorageError::Stopped)?;
        let (answer, answered) = oneshot::channel();
        let job: Read = Box::new(move |conn| {
            // The caller may have gone away.
            let _ = answer.send(read(conn));
        });
        match self.queue.try_send(job) {
            Ok(()) => permit.forget(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                return Err(StorageError::Stopped);
            }
        }
        answered.await.map_err(|_| StorageError::Stopped)?
    }
}

/// Why the readers did not start.
#[derive(Debug)]
pub(super) enum StartError {
    Open(rusqlite::Error),
    Thread(std::io::Error),
}

fn serve(conn: &Connection, reads: &Mutex<Receiver<Read>>, room: &Semaphore) {
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(read) = next else { return };
        room.add_permits(1);
        read(conn);
    }
}
