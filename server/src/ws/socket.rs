//! Text frames in, text frames out.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use privmsg_protocol::error::ErrorCode;
use privmsg_protocol::frames::{ErrorFrame, ServerFrame};

use crate::hub::CloseReason;

/// How long the other end may take to take the close frame.
const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// A connection with something between frames and bytes.
pub(super) struct Socket(WebSocket);

/// What has been read.
pub(super) enum Incoming {
    Text(Utf8Bytes),
    /// The other end is there, and says nothing of importance.
    Alive,
    /// A frame over the limit; nothing can be read behind it.
    TooLarge,
    /// The other end has gone.
    Gone,
}

/// The connection is broken.
#[derive(Debug)]
pub(super) struct Broken;

impl Socket {
    pub(super) const fn new(socket: WebSocket) -> Self {
        Self(socket)
    }

    pub(super) async fn read(&mut self) -> Incoming {
        sort(self.0.next().await)
    }

    /// What is there without waiting. The next [`Socket::read`] is woken all the same: it asks again.
    pub(super) fn read_ready(&mut self) -> Option<Incoming> {
        self.0.next().now_or_never().map(sort)
    }

    /// Queues a frame; see [`Socket::flush`].
    pub(super) async fn write(&mut self, frame: &ServerFrame) -> Result<(), Broken> {
        self.feed(Message::Text(frame.to_json().into())).await
    }

    /// Queues a finished frame that others get as well.
    pub(super) async fn write_shared(&mut self, text: Bytes) -> Result<(), Broken> {
        match Utf8Bytes::try_from(text) {
            Ok(text) => self.feed(Message::Text(text)).await,
            Err(_) => {
                tracing::error!("a stored frame is not text");
                Ok(())
            }
        }
    }

    pub(super) async fn write_error(&mut self, code: ErrorCode, text: &str) -> Result<(), Broken> {
        self.write(&ServerFrame::Error(ErrorFrame {
            code,
            message: text.into(),
            message_id: None,
            retry_after_ms: None,
            epoch: None,
        }))
        .await
    }

    /// Asks whether the other end is there.
    pub(super) async fn ping(&mut self) -> Result<(), Broken> {
        self.feed(Message::Ping(Bytes::new())).await?;
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<(), Broken> {
        self.0.flush().await.map_err(|_| Broken)
    }

    pub(super) async fn close(&mut self, reason: CloseReason) {
        let frame = CloseFrame { code: reason.code(), reason: reason.text().as_ref().into() };
        let closing = async {
            self.0.send(Message::Close(Some(frame))).await.ok()?;
            // What the other end sends meanwhile is still taken: left unread, the system would answer it with a reset,
            // which can overtake the frame (RFC 6455, section 7.1.1). Not from those who are put out.
            if matches!(reason, CloseReason::GoingAway { .. }) {
                while let Some(Ok(_)) = self.0.next().await {}
            }
            Some(())
        };
        // Whoever does not read it finds the connection closed anyway.
        let _ = tokio::time::timeout(CLOSE_WAIT, closing).await;
    }

    async fn feed(&mut self, message: Message) -> Result<(), Broken> {
        self.0.feed(message).await.map_err(|_| Broken)
    }
}

fn sort(read: Option<Result<Message, axum::Error>>) -> Incoming {
    match read {
        Some(Ok(Message::Text(text))) => Incoming::Text(text),
        // Binary frames are not part of the protocol; an empty text is answered as a malformed frame.
        Some(Ok(Message::Binary(_))) => Incoming::Text(Utf8Bytes::default()),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Incoming::Alive,
        Some(Ok(Message::Close(_))) | None => Incoming::Gone,
        Some(Err(error)) if is_too_large(&error) => Incoming::TooLarge,
        Some(Err(_)) => Incoming::Gone,
    }
}

/// The library gives no other way to tell.
fn is_too_large(error: &axum::Error) -> bool {
    error.to_string().contains("Space limit exceeded")
}
