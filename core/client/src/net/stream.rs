//! A connection to the server, however it was made.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes in both directions.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// A connection: TCP, perhaps through a proxy, perhaps with TLS.
pub(super) struct Stream {
    io: Box<dyn Io>,
    watch: Option<Watch>,
}

impl Stream {
    pub(super) fn new(io: impl Io + 'static) -> Self {
        Self { io: Box::new(io), watch: None }
    }

    /// Ends with [`io::ErrorKind::TimedOut`] when something is waited for and nothing moves in either direction for so
    /// long.
    pub(super) fn watched(self, patience: Duration) -> Self {
        Self { watch: Some(Watch::new(patience)), ..self }
    }

    fn moved<T>(
        &mut self,
        cx: &mut Context<'_>,
        direction: Direction,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let Some(watch) = &mut self.watch else { return polled };
        match polled {
            Poll::Ready(result) => {
                watch.moved(direction);
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(watch.poll_stalled(cx, direction));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Read,
    Write,
}

/// Whether anything moves.
struct Watch {
    patience: Duration,
    /// When something moved, or began to be waited for.
    last: Instant,
    /// Whether reading, writing is being waited for.
    waiting: [bool; 2],
    timer: Pin<Box<Sleep>>,
}

impl Watch {
    fn new(patience: Duration) -> Self {
        let last = Instant::now();
        Self { patience, last, waiting: [false; 2], timer: Box::pin(sleep_until(last + patience)) }
    }

    fn moved(&mut self, direction: Direction) {
        self.waiting[direction as usize] = false;
        self.last = Instant::now();
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>, direction: Direction) -> Poll<()> {
        // Whoever has not asked for a while, because a slow reader holds it up, has not waited for all that time.
        if !std::mem::replace(&mut self.waiting[direction as usize], true) {
            self.last = Instant::now();
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let until = self.last + self.patience;
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        self.moved(cx, Direction::Read, polled)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.moved(cx, Direction::Write, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.moved(cx, Direction::Write, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        self.moved(cx, Direction::Write, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_shutdown(cx);
        self.moved(cx, Direction::Write, polled)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::sleep;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn nothing_for_too_long_is_an_end() {
        let (ours, _theirs) = duplex(16);
        let started = Instant::now();
        let error = Stream::new(ours).watched(PATIENCE).read_u8().await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_one_too() {
        let (ours, _theirs) = duplex(16);
        let error = Stream::new(ours).watched(PATIENCE).write_all(&[0; 17]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_is_not_stalled() {
        let (ours, mut theirs) = duplex(16);
        let mut stream = Stream::new(ours).watched(PATIENCE);
        let slowly = tokio::spawn(async move {
            for byte in 0..10 {
                sleep(PATIENCE - Duration::from_secs(1)).await;
                theirs.write_u8(byte).await.unwrap();
            }
            theirs
        });
        for byte in 0..10 {
            assert_eq!(stream.read_u8().await.unwrap(), byte);
        }
        // A reader that has paused has waited for nothing.
        sleep(PATIENCE * 3).await;
        let mut theirs = slowly.await.unwrap();
        let late = tokio::spawn(async move {
            sleep(PATIENCE / 2).await;
            theirs.write_u8(10).await.unwrap();
        });
        assert_eq!(stream.read_u8().await.unwrap(), 10);
        late.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_in_one_direction_counts_for_the_other() {
        let (ours, mut theirs) = duplex(16);
        let (mut reading, mut writing) = tokio::io::split(Stream::new(ours).watched(PATIENCE));
        let upload = tokio::spawn(async move {
            for _ in 0..10 {
                sleep(PATIENCE / 2).await;
                writing.write_u8(0).await.unwrap();
                theirs.read_u8().await.unwrap();
            }
            theirs.write_u8(200).await.unwrap();
            theirs
        });
        assert_eq!(reading.read_u8().await.unwrap(), 200, "the answer to a long upload");
        drop(upload.await.unwrap());
    }
}
