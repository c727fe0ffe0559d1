//! Reading much at once for those who ask for little.
//!
//! A WebSocket has a small buffer, because it holds it for as long as it is open: a message and a half fit in, so that
//! under load there would be a system call for each message. Here all that has come is taken at once, into a buffer that
//! the connections of a thread have in common; what was not asked for waits in a buffer of its own size, which goes when
//! it is empty.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;

/// Read at once: what a connection may have under way is seldom more.
const PIECE: usize = 32 * 1024;

thread_local! {
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into());
}

/// See the module.
pub(super) struct Gathered<S> {
    stream: S,
    waiting: Vec<u8>,
    /// Of these, how many have been given away.
    given: usize,
}

impl<S> Gathered<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, waiting: Vec::new(), given: 0 }
    }

    fn give(&mut self, into: &mut ReadBuf<'_>) {
        let left = &self.waiting[self.given..];
        let count = left.len().min(into.remaining());
        into.put_slice(&left[..count]);
        self.given += count;
        if self.given == self.waiting.len() {
            (self.waiting, self.given) = (Vec::new(), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.waiting.is_empty() {
            // It is always ready; other connections of the thread must have their turn all the same, as after readings.
            let turn = std::task::ready!(coop::poll_proceed(context));
            self.give(into);
            turn.made_progress();
            return Poll::Ready(Ok(()));
        }
        if into.remaining() >= PIECE {
            return Pin::new(&mut self.stream).poll_read(context, into);
        }
        SHARED.with_borrow_mut(|shared| {
            let mut read = ReadBuf::new(shared);
            std::task::ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            let (now, later) = read.filled().split_at(read.filled().len().min(into.remaining()));
            into.put_slice(now);
            self.waiting = later.to_vec();
            Poll::Ready(Ok(()))
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Counts how often it is asked.
    struct Counting<S>(S, usize);

    impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.1 += 1;
            Pin::new(&mut self.0).poll_read(context, into)
        }
    }

    #[tokio::test]
    async fn small_pieces_are_of_one_reading_and_all_come_in_order() {
        let (mut one, other) = tokio::io::duplex(1024 * 1024);
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        one.write_all(&sent).await.unwrap();
        drop(one);
        let mut gathered = Gathered::new(Counting(other, 0));
        let (mut received, mut buffer) = (Vec::new(), [0; 700]);
        loop {
            match gathered.read(&mut buffer).await.unwrap() {
                0 => break,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
        assert!(received == sent);
        assert_eq!(gathered.stream.1, 100_000_usize.div_ceil(PIECE) + 1);
        assert_eq!(gathered.waiting.capacity(), 0, "nothing is held of a connection that is idle");
    }

    #[tokio::test]
    async fn whoever_has_much_waiting_gives_others_their_turn() {
        let (mut one, other) = tokio::io::duplex(1024 * 1024);
        one.write_all(&[7; PIECE]).await.unwrap();
        let mut gathered = Gathered::new(other);
        let others = tokio::spawn(async {});
        for _ in 0..PIECE {
            gathered.read_u8().await.unwrap();
        }
        assert!(others.is_finished());
    }

    #[tokio::test]
    async fn an_end_behind_what_waits_is_seen_behind_it() {
        let (mut one, other) = tokio::io::duplex(1024);
        one.write_all(&[7; 5]).await.unwrap();
        drop(one);
        let mut gathered = Gathered::new(other);
        let mut buffer = [0; 3];
        for count in [3, 2, 0, 0] {
            assert_eq!(gathered.read(&mut buffer).await.unwrap(), count);
        }
    }

    #[tokio::test]
    async fn much_is_read_directly() {
        let (mut one, other) = tokio::io::duplex(1024 * 1024);
        one.write_all(&vec![7; 200_000]).await.unwrap();
        let mut gathered = Gathered::new(other);
        let mut buffer = vec![0; 100_000];
        assert_eq!(gathered.read(&mut buffer).await.unwrap(), 100_000);
        assert_eq!(gathered.read(&mut buffer[..10]).await.unwrap(), 10);
        assert_eq!(gathered.read(&mut buffer).await.unwrap(), PIECE - 10);
    }
}
