//! WebSockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use privmsg_protocol::MessageId;
use privmsg_protocol::frames::{DeliveredMessage, ErrorFrame, ServerFrame};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

/// An id that has not been used in this process.
pub(crate) fn new_id() -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    MessageId::v7(1_800_000_000_000, &random)
}

/// A WebSocket.
pub(crate) struct Line {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/ws");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next frame that is not about presence.
    pub(crate) async fn next(&mut self) -> ServerFrame {
        loop {
            match self.next_of_any_kind().await {
                ServerFrame::Presence(_) => {}
                frame => return frame,
            }
        }
    }

    pub(crate) async fn next_of_any_kind(&mut self) -> ServerFrame {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("a frame in time")
                .expect("an open connection")
                .unwrap();
            match message {
                Message::Text(text) => return ServerFrame::parse(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code that the server closes with. Frames before it are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("the end in time");
            match message {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("ended without a close frame: {other:?}"),
            }
        }
    }

    /// Nothing but presence has been on its way. A connection answers what it has read before it delivers what waits for
    /// it, and reads again after that: so the first answer may overtake a delivery, and the second one cannot.
    pub(crate) async fn is_quiet(&mut self) {
        self.ping().await;
        self.ping().await;
    }

    pub(crate) async fn message(&mut self) -> DeliveredMessage {
        match self.next().await {
            ServerFrame::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn error(&mut self) -> ErrorFrame {
        match self.next().await {
            ServerFrame::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// The ids that the server acknowledges next.
    pub(crate) async fn acked(&mut self) -> Vec<MessageId> {
        match self.next().await {
            ServerFrame::Ack(ack) => ack.message_ids,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ack(&mut self, ids: &[MessageId]) {
        self.send(json!({"type": "ack", "payload": {"message_ids": ids}})).await;
    }

    /// Sends, and waits until it is durable.
    pub(crate) async fn deliver(&mut self, frame: Value) {
        let id = frame["payload"]["message_id"].clone();
        self.send(frame).await;
        let acked = self.acked().await;
        assert_eq!(serde_json::to_value(&acked).unwrap(), json!([id]));
    }

    /// The same, passing over what comes before the answer.
    pub(crate) async fn deliver_through(&mut self, frame: Value) {
        self.send(frame).await;
        loop {
            match self.next().await {
                ServerFrame::Ack(_) => return,
                ServerFrame::Error(error) => panic!("{error:?}"),
                _ => {}
            }
        }
    }

    /// Everything before this has been taken in by the server.
    pub(crate) async fn ping(&mut self) {
        self.send(json!({"type": "ping", "payload": {}})).await;
        assert_eq!(self.next().await, ServerFrame::Pong);
    }

    /// The same, passing over what comes before the answer.
    pub(crate) async fn ping_through(&mut self) {
        self.send(json!({"type": "ping", "payload": {}})).await;
        while self.next().await != ServerFrame::Pong {}
    }
}
