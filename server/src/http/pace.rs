//! Closing connections whose other end takes too little of what is written to it.
//!
//! What waits to be written holds memory, and a place among those of its kind. The system gives up whoever takes nothing at
//! all for a minute, but not who takes a byte now and then. So writing has an account of time: waiting costs what it
//! lasts, and what is taken is worth as long as it would have lasted at the slowest pace. Who has nothing to read owes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long one may be waited for in advance.
const CREDIT: Duration = Duration::from_secs(60);

/// Bytes in a second that everybody takes: less than the worst mobile network.
const SLOWEST: u32 = 4 * 1024;

/// See the module.
pub(super) struct Paced<S> {
    stream: S,
    credit: Duration,
    /// Since when it has been waited for the other end.
    waits_since: Option<Instant>,
    /// It is waited for what has been written already, to go out.
    is_flushing: bool,
    /// Ends with the credit. There is one while it is waited.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, credit: CREDIT, waits_since: None, is_flushing: false, end: None }
    }

    fn has_written(&mut self, bytes: usize) {
        (self.end, self.is_flushing) = (None, false);
        let waited = self.waits_since.take().map_or(Duration::ZERO, |since| since.elapsed());
        let worth = Duration::from_secs(1).saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)) / SLOWEST;
        self.credit = (self.credit.saturating_sub(waited) + worth).min(CREDIT);
    }

    fn settle(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            self.has_written(result.as_ref().copied().unwrap_or_default());
            return Poll::Ready(result);
        }
        let end = *self.waits_since.get_or_insert_with(Instant::now) + self.credit;
        let timer = self.end.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.settle(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.settle(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => {
                self.is_flushing |= self.waits_since.is_none();
                self.settle(context, Poll::Pending).map_ok(|_| ())
            }
            // Where nothing is held back, it says nothing about what is waited for.
            Poll::Ready(result) => {
                if self.is_flushing {
                    self.has_written(0);
                }
                Poll::Ready(result)
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// Writes ten megabytes to somebody who reads so many bytes every so many seconds. Returns how long that went well, and
    /// whether all of it was written.
    async fn writes_to(bytes: usize, every: u64) -> (Duration, bool) {
        let (ours, mut theirs): (_, DuplexStream) = duplex(16 * 1024);
        let begun = Instant::now();
        let writing = tokio::spawn(async move {
            let mut paced = Paced::new(ours);
            let all = paced.write_all(&vec![0; 10 * 1024 * 1024]).await.is_ok();
            (begun.elapsed(), all)
        });
        let mut piece = vec![0; bytes];
        while !writing.is_finished() {
            tokio::time::sleep(Duration::from_secs(every)).await;
            if bytes > 0 && theirs.read_exact(&mut piece).await.is_err() {
                break;
            }
        }
        writing.await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_or_a_little_now_and_then_is_given_up() {
        assert_eq!(writes_to(0, 10).await, (CREDIT, false));
        let (lasted, all) = writes_to(100, 30).await;
        assert!(!all && lasted <= Duration::from_secs(62), "{lasted:?}");
        let (lasted, all) = writes_to(20 * 1024, 10).await;
        assert!(!all && lasted < Duration::from_secs(200), "half the pace: {lasted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_slow_gets_all_of_it() {
        let (lasted, all) = writes_to(50 * 1024, 10).await;
        assert!(all && lasted > Duration::from_secs(1800), "{lasted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_nothing_to_read_owes_nothing() {
        let (ours, mut theirs) = duplex(16 * 1024);
        let mut paced = Paced::new(ours);
        for _ in 0..100 {
            paced.write_all(&[0; 1024]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
            theirs.read_exact(&mut [0; 1024]).await.unwrap();
        }
        assert_eq!(paced.credit, CREDIT);
    }
}
