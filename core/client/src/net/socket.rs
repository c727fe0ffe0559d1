//! The WebSocket half of the protocol.

use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use privmsg_protocol::closing;
use privmsg_protocol::frames::{Authenticate, ClientFrame, ServerFrame};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use crate::error::ClientError;
use crate::net::http::Api;

/// How long connecting and signing in may take together.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the server may take to read what we send. Longer means that the connection is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whatever a server says, somebody who uses this program wants to be back within minutes.
const LONGEST_ABSENCE: Duration = Duration::from_secs(120);

/// Frames handled together: one transaction, one acknowledgement.
const BATCH: usize = 512;

/// Largest frame that is read: a commit for the largest planned group, in base64, and room.
const MAX_FRAME: usize = 16 << 20;

/// A signed-in connection.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Frames that came in one go with `authenticated`.
    early: Vec<ServerFrame>,
}

impl Socket {
    /// Connects and authenticates.
    pub(crate) async fn open(api: &Api) -> Result<Self, ClientError> {
        timeout(OPEN_TIMEOUT, Self::open_patiently(api))
            .await
            .map_err(|_| ClientError::Network("the server does not answer".into()))?
    }

    async fn open_patiently(api: &Api) -> Result<Self, ClientError> {
        let url = match api.base().split_once("://") {
            Some(("https", rest)) => format!("wss://{rest}/ws"),
            Some((_, rest)) => format!("ws://{rest}/ws"),
            None => return Err(ClientError::Protocol("a server address without http:// or https://")),
        };
        let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
        let connector = Connector::Rustls(api.tls());
        let (stream, _) =
            connect_async_tls_with_config(url, Some(config), true, Some(connector)).await.map_err(|e| lost(&e))?;
        let mut socket = Self { stream, early: Vec::new() };
        let token = api.token().ok_or(ClientError::NotSignedIn)?;
        socket.send(&[ClientFrame::Authenticate(Authenticate { token })]).await?;
        loop {
            let mut frames = socket.receive().await?.into_iter();
            while let Some(frame) = frames.next() {
                match frame {
                    ServerFrame::Authenticated(_) => {
                        socket.early = frames.collect();
                        return Ok(socket);
                    }
                    ServerFrame::Error(error) => {
                        return Err(ClientError::Server {
                            code: error.code,
                            detail: error.message.into(),
                            retry_after: error.retry_after_ms.map(Duration::from_millis),
                            epoch: None,
                            group_id: None,
                        });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Waits for at least one frame and takes what else is there, up to a batch. Frames of types that this build does
    /// not know are passed over. Cancel-safe: what has been read is returned or still in the stream.
    pub(crate) async fn receive(&mut self) -> Result<Vec<ServerFrame>, ClientError> {
        let mut frames = std::mem::take(&mut self.early);
        if frames.is_empty() {
            read(self.stream.next().await, &mut frames)?;
        }
        while frames.len() < BATCH {
            match self.stream.next().now_or_never() {
                // What came before the end of the connection is handled first; the end shows again at the next call.
                Some(next) => {
                    if read(next, &mut frames).is_err() {
                        break;
                    }
                }
                None => break,
            }
        }
        Ok(frames)
    }

    /// Sends frames, together.
    pub(crate) async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), ClientError> {
        let write = async {
            for frame in frames {
                self.stream.feed(Message::text(frame.to_json())).await?;
            }
            self.stream.flush().await
        };
        match timeout(WRITE_TIMEOUT, write).await {
            Ok(result) => result.map_err(|e| lost(&e)),
            Err(_) => Err(ClientError::Network("the server does not read".into())),
        }
    }
}

type Next = Option<Result<Message, tokio_tungstenite::tungstenite::Error>>;

fn read(next: Next, frames: &mut Vec<ServerFrame>) -> Result<(), ClientError> {
    match next {
        Some(Ok(Message::Text(text))) => match ServerFrame::parse(&text) {
            Ok(frame) => frames.push(frame),
            Err(error) => tracing::debug!(%error, "passed over a frame"),
        },
        Some(Ok(Message::Close(reason))) => return Err(closed(reason.as_ref())),
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(lost(&error)),
        None => return Err(ClientError::Network("the connection is closed".into())),
    }
    Ok(())
}

/// A server that stops says when to come back.
fn closed(frame: Option<&CloseFrame>) -> ClientError {
    let Some(frame) = frame else { return ClientError::Network("closed by the server".into()) };
    match closing::retry_after_ms(&frame.reason) {
        Some(ms) if u16::from(frame.code) == closing::GOING_AWAY => {
            ClientError::GoingAway { retry_after: Duration::from_millis(ms).min(LONGEST_ABSENCE) }
        }
        _ => ClientError::Network(frame.reason.to_string()),
    }
}

fn lost(error: &tokio_tungstenite::tungstenite::Error) -> ClientError {
    ClientError::Network(error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

    use super::*;

    fn farewell(code: CloseCode, reason: String) -> ClientError {
        closed(Some(&CloseFrame { code, reason: reason.into() }))
    }

    #[test]
    fn a_server_that_stops_says_when_to_come_back() {
        let error = farewell(CloseCode::Away, closing::going_away(7_000));
        assert!(
            matches!(error, ClientError::GoingAway { retry_after } if retry_after == Duration::from_secs(7)),
            "{error}"
        );
        let error = farewell(CloseCode::Away, closing::going_away(u64::MAX));
        assert!(
            matches!(error, ClientError::GoingAway { retry_after } if retry_after == LONGEST_ABSENCE),
            "nobody is kept away for ever: {error}"
        );
    }

    #[test]
    fn any_other_end_is_one_of_the_network() {
        for error in [
            closed(None),
            farewell(CloseCode::Away, "the server is stopping".into()),
            farewell(CloseCode::Error, closing::going_away(7_000)),
        ] {
            assert!(matches!(error, ClientError::Network(_)), "{error}");
        }
    }
}
