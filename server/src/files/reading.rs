//! Reading a file into an answer.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::Slot;

/// Bytes that are read, and then sent, at once: they stay in the processor's cache in between.
const PIECE: usize = 128 * 1024;

/// The same where another thread has to read them: the way there and back takes as long as copying some hundred
/// kilobytes.
const HANDED_OVER: usize = 512 * 1024;

/// A part of a file as the body of an answer. Holds two pieces at most.
pub(crate) struct FileBody {
    file: Arc<File>,
    at: u64,
    end: u64,
    reading: Option<JoinHandle<io::Result<BytesMut>>>,
    /// The piece that was given out last. Once it is sent, its memory takes the next one.
    given: Bytes,
    /// The file system says whether reading would wait.
    tells: bool,
    _slot: Slot,
}

impl FileBody {
    /// The bytes from `start` up to `end`.
    pub(crate) fn new(file: File, start: u64, end: u64, slot: Slot) -> Self {
        Self { file: Arc::new(file), at: start, end, reading: None, given: Bytes::new(), tells: true, _slot: slot }
    }

    /// Memory for the next piece.
    fn piece(&mut self) -> BytesMut {
        let most = if self.tells { PIECE } else { HANDED_OVER };
        let wanted = usize::try_from(self.end - self.at).unwrap_or(most).min(most);
        let mut piece = std::mem::take(&mut self.given).try_into_mut().unwrap_or_default();
        piece.resize(wanted, 0);
        piece
    }

    fn give(&mut self, piece: BytesMut) -> Option<Result<Frame<Bytes>, io::Error>> {
        if piece.is_empty() {
            // Shorter than its row says: the connection is broken off rather than the answer made up.
            self.at = self.end;
            return Some(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.at += piece.len() as u64;
        self.given = piece.freeze();
        Some(Ok(Frame::data(self.given.clone())))
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        if self.reading.is_none() {
            let mut piece = self.piece();
            if self.tells {
                match read_at_once(&self.file, &mut piece, self.at) {
                    Ok(0) => {}
                    Ok(read) => {
                        piece.truncate(read);
                        return Poll::Ready(self.give(piece));
                    }
                    // Not now; anything worse is found again by whoever waits for it.
                    Err(error) => self.tells = error.kind() != io::ErrorKind::Unsupported,
                }
            }
            let (file, at) = (Arc::clone(&self.file), self.at);
            self.reading = Some(tokio::task::spawn_blocking(move || read_from_disk(&file, piece, at)));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        match read.unwrap_or_else(|_| Err(io::Error::other("a disk operation panicked"))) {
            Ok(piece) => Poll::Ready(self.give(piece)),
            Err(error) => {
                self.at = self.end;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.end.saturating_sub(self.at))
    }
}

/// Reads what the system holds in memory, without waiting for the disk: the way to another thread and back takes as
/// long as copying the bytes.
#[cfg(target_os = "linux")]
fn read_at_once(file: &File, piece: &mut [u8], at: u64) -> io::Result<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};
    Ok(preadv2(file, &mut [io::IoSliceMut::new(piece)], at, ReadWriteFlags::NOWAIT)?)
}

#[cfg(not(target_os = "linux"))]
fn read_at_once(_file: &File, _piece: &mut [u8], _at: u64) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

fn read_from_disk(mut file: &File, mut piece: BytesMut, at: u64) -> io::Result<BytesMut> {
    file.seek(SeekFrom::Start(at))?;
    loop {
        match file.read(&mut piece) {
            Ok(read) => {
                piece.truncate(read);
                return Ok(piece);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
