//! The parser of multipart bodies looks for the end of a part's head in all that it has been given, however much that
//! is. So until the file begins it is given only a little.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::BodyDataStream;
use bytes::Bytes;
use futures_util::Stream;

/// Bytes in front of a file: the head of its part has 200, the rest is room for small fields before it.
const HEAD: usize = 8 * 1024;

/// A body that breaks off if the file has not begun after [`HEAD`] bytes.
pub(super) struct UploadBody {
    body: BodyDataStream,
    /// Set by the handler, which sees the file.
    begun: Arc<AtomicBool>,
    rest: Bytes,
    given: usize,
    /// The parser takes all that it can get before it looks at it: now it shall look.
    pause: bool,
}

impl UploadBody {
    /// The body, and the flag to be set when the file begins.
    pub(super) fn new(body: BodyDataStream) -> (Self, Arc<AtomicBool>) {
        let begun = Arc::new(AtomicBool::new(false));
        (Self { body, begun: Arc::clone(&begun), rest: Bytes::new(), given: 0, pause: false }, begun)
    }
}

impl Stream for UploadBody {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let begun = self.begun.load(Ordering::Relaxed);
        if !begun && std::mem::take(&mut self.pause) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !begun && self.given >= HEAD {
            return Poll::Ready(Some(Err(axum::Error::new(io::Error::other("too much in front of the file")))));
        }
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        if begun {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        let len = self.rest.len().min(HEAD - self.given);
        let piece = self.rest.split_to(len);
        self.given += len;
        self.pause = true;
        Poll::Ready(Some(Ok(piece)))
    }
}
