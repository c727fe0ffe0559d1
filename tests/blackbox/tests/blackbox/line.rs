//! A WebSocket, told in JSON.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Line {
    stream: WebSocketStream<TcpStream>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        Self::open_from([127, 0, 0, 1], address).await
    }

    /// Connects from one of this machine's addresses.
    pub(crate) async fn open_from(own: [u8; 4], address: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((own, 0)))?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let (stream, _) = tokio_tungstenite::client_async(format!("ws://{address}/ws"), stream).await?;
        Ok(Self { stream })
    }

    pub(crate) async fn signed_in(address: SocketAddr, token: &str) -> Result<Self> {
        let mut line = Self::open(address).await?;
        line.authenticates(token).await?;
        Ok(line)
    }

    pub(crate) async fn authenticates(&mut self, token: &str) -> Result<()> {
        self.sends(&json!({"type": "authenticate", "payload": {"token": token}})).await?;
        self.until("authenticated").await.map(drop)
    }

    pub(crate) async fn sends(&mut self, frame: &Value) -> Result<()> {
        Ok(self.stream.send(Message::Text(frame.to_string().into())).await?)
    }

    /// Sends a message. Returns its id.
    pub(crate) async fn says(&mut self, sender: &str, recipient: &str, content: &str) -> Result<String> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("01890a5d-ac96-774b-bcce-{number:012x}");
        self.sends(&json!({"type": "message", "payload": {
            "message_id": id, "sender_id": sender, "recipient_id": recipient,
            "encrypted_content": content, "message_type": "text", "timestamp": 1,
        }}))
        .await?;
        Ok(id)
    }

    /// The next frame; `None` when the connection has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next()).await.context("nothing comes")? {
                Some(Ok(Message::Text(text))) => return Ok(Some(serde_json::from_str(&text)?)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame of this type.
    pub(crate) async fn until(&mut self, kind: &str) -> Result<Value> {
        loop {
            let frame = self.next().await?.with_context(|| format!("ended before a frame `{kind}`"))?;
            if frame["type"] == kind {
                return Ok(frame);
            }
            ensure!(frame["type"] != "error" || kind == "error", "{frame}");
        }
    }

    /// Waits for the end; the close code if there is one.
    pub(crate) async fn closed(&mut self) -> Result<Option<u16>> {
        loop {
            match tokio::time::timeout(PATIENCE, self.stream.next()).await.context("it does not end")? {
                Some(Ok(Message::Close(frame))) => return Ok(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }

    pub(crate) async fn ends(&mut self) -> Result<()> {
        self.closed().await.map(drop)
    }

    /// Nothing but control frames comes.
    pub(crate) async fn stays_quiet(&mut self, time: Duration) -> Result<()> {
        let quiet = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => return other,
                }
            }
        };
        match tokio::time::timeout(time, quiet).await {
            Err(_) => Ok(()),
            Ok(other) => bail!("unexpected: {other:?}"),
        }
    }
}
