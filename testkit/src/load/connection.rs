//! A signed-in WebSocket that hands out frames as text.

use anyhow::{Context as _, Result, bail};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use privmsg_protocol::Secret;
use privmsg_protocol::frames::{Authenticate, ClientFrame, ErrorFrame, ServerFrame};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::SignedIn;
use crate::Endpoint;

/// Read at a time. The library's own default would be 1.3 GB for 10,000 connections.
const READ_BUFFER: usize = 16 * 1024;

/// A connection of one device.
#[derive(Debug)]
pub struct Connection {
    socket: WebSocketStream<privmsg_harness::Stream>,
}

/// What a frame is, without parsing what is not needed.
pub(crate) enum Frame {
    Message(Utf8Bytes),
    Ack(Utf8Bytes),
    CaughtUp,
    /// What the server says; of which message, if it says so.
    Error(ErrorFrame),
    Other,
}

impl Connection {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn open(to: impl Into<Endpoint>, who: &SignedIn) -> Result<Self> {
        let to = to.into();
        let stream = to.connect().await?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(READ_BUFFER);
        let url = format!("ws://{}/ws", to.address());
        let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
        let mut connection = Self { socket };
        let authenticate = ClientFrame::Authenticate(Authenticate { token: Secret::new(who.token.clone()) });
        connection.socket.send(Message::Text(authenticate.to_json().into())).await?;
        let answer = connection.text().await?;
        match ServerFrame::parse(&answer) {
            Ok(ServerFrame::Authenticated(_)) => Ok(connection),
            _ => bail!("not authenticated: {answer}"),
        }
    }

    async fn text(&mut self) -> Result<Utf8Bytes> {
        loop {
            match self.socket.next().await.context("the server has closed the connection")?? {
                Message::Text(text) => return Ok(text),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    pub(crate) async fn read(&mut self) -> Result<Frame> {
        Ok(sort(self.text().await?))
    }

    /// A frame that is there without waiting.
    pub(crate) fn read_ready(&mut self) -> Option<Result<Frame>> {
        match self.socket.next().now_or_never()? {
            Some(Ok(Message::Text(text))) => Some(Ok(sort(text))),
            Some(Ok(_)) => None,
            Some(Err(error)) => Some(Err(error.into())),
            None => Some(Err(anyhow::anyhow!("the server has closed the connection"))),
        }
    }

    /// Queues a frame; see [`Connection::flush`].
    pub(crate) async fn feed(&mut self, frame: String) -> Result<()> {
        Ok(self.socket.feed(Message::Text(frame.into())).await?)
    }

    pub(crate) async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }
}

fn sort(text: Utf8Bytes) -> Frame {
    if text.starts_with(r#"{"type":"message""#) {
        return Frame::Message(text);
    }
    if text.starts_with(r#"{"type":"ack""#) {
        return Frame::Ack(text);
    }
    match ServerFrame::parse(&text) {
        Ok(ServerFrame::Message(_)) => Frame::Message(text),
        Ok(ServerFrame::Ack(_)) => Frame::Ack(text),
        Ok(ServerFrame::CaughtUp) => Frame::CaughtUp,
        Ok(ServerFrame::Error(error)) => Frame::Error(error),
        _ => Frame::Other,
    }
}

const UUID: usize = 36;

/// The id of a `message` frame.
pub(crate) fn id_of(message: &str) -> Option<&str> {
    let key = r#""message_id":""#;
    let at = message.find(key)? + key.len();
    message.get(at..at + UUID)
}

/// The ids of an `ack` frame.
pub(crate) fn ids_of(ack: &str) -> impl Iterator<Item = &str> {
    let key = r#""message_ids":["#;
    let list = ack.find(key).and_then(|at| ack.get(at + key.len()..)).unwrap_or("");
    let list = list.split(']').next().unwrap_or("");
    list.split(',').map(|id| id.trim().trim_matches('"')).filter(|id| id.len() == UUID)
}

/// Pair and index of a message, from the last six bytes of its id.
pub(crate) fn place_of(id: &str) -> Option<(u16, usize)> {
    let pair = u16::from_str_radix(id.get(24..28)?, 16).ok()?;
    let index = u32::from_str_radix(id.get(28..36)?, 16).ok()?;
    Some((pair, index as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_place() {
        let id = super::super::message_id(1_700_000_000_000, 0x1234, 0xabcdef).to_string();
        assert_eq!(place_of(&id), Some((0x1234, 0xabcdef)));
        let ack = format!(r#"{{"type":"ack","payload":{{"message_ids":["{id}","{id}"]}}}}"#);
        assert_eq!(ids_of(&ack).collect::<Vec<_>>(), [id.as_str(), id.as_str()]);
        assert_eq!(id_of(&format!(r#"{{"type":"message","payload":{{"message_id":"{id}"}}}}"#)), Some(id.as_str()));
    }
}
