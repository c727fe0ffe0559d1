//! The WebSocket half of the protocol.

use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use privmsg_protocol::closing;
use privmsg_protocol::frames::{Authenticate, ClientFrame, ServerFrame};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::error::{LinkFault, NetworkError};
use super::http::Api;
use super::stream::Stream;
use super::upgrade;
use crate::error::ClientError;

/// How long signing in may take, once there is a connection.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the server may take to read what we send. Longer means that the connection is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whatever a server says, somebody who uses this program wants to be back within minutes.
const LONGEST_ABSENCE: Duration = Duration::from_secs(120);

/// Frames handled together: one transaction, one acknowledgement.
const BATCH: usize = 512;

/// Largest frame that is read: a commit for the largest planned group, in base64, and room.
const MAX_FRAME: usize = 16 << 20;

/// The oldest version of the protocol that a server may speak: before it, there were no conversations over MLS.
const OLDEST_SERVER: u32 = 1;

/// A signed-in connection.
pub(crate) struct Socket {
    stream: WebSocketStream<Stream>,
    /// Frames that came in one go with `authenticated`.
    early: Vec<ServerFrame>,
}

impl Socket {
    /// Connects and authenticates.
    pub(crate) async fn open(api: &Api) -> Result<Self, ClientError> {
        let patience = OPEN_TIMEOUT + api.server().patience();
        timeout(patience, Self::open_patiently(api)).await.unwrap_or(Err(lost_to(LinkFault::TimedOut)))
    }

    async fn open_patiently(api: &Api) -> Result<Self, ClientError> {
        let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
        let stream = upgrade::open(api, config).await?;
        let mut socket = Self { stream, early: Vec::new() };
        let token = api.token().ok_or(ClientError::NotSignedIn)?;
        socket.send(&[ClientFrame::Authenticate(Authenticate { token })]).await?;
        loop {
            let mut frames = socket.receive().await?.into_iter();
            while let Some(frame) = frames.next() {
                match frame {
                    ServerFrame::Authenticated(welcome) if welcome.protocol_version < OLDEST_SERVER => {
                        return Err(ClientError::ServerTooOld(welcome.protocol_version));
                    }
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
            Err(_) => Err(lost_to(LinkFault::TimedOut)),
        }
    }
}

type Next = Option<Result<Message, Error>>;

fn read(next: Next, frames: &mut Vec<ServerFrame>) -> Result<(), ClientError> {
    match next {
        Some(Ok(Message::Text(text))) => match ServerFrame::parse(&text) {
            Ok(frame) => frames.push(frame),
            Err(error) => tracing::debug!(%error, "passed over a frame"),
        },
        Some(Ok(Message::Close(reason))) => return Err(closed(reason.as_ref())),
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(lost(&error)),
        None => return Err(lost_to(LinkFault::Broken)),
    }
    Ok(())
}

/// A server that stops says when to come back; one that has the same device on a newer connection does not want it back.
fn closed(frame: Option<&CloseFrame>) -> ClientError {
    let Some(frame) = frame else { return lost_to(LinkFault::Broken) };
    match (u16::from(frame.code), closing::retry_after_ms(&frame.reason)) {
        (closing::REPLACED, _) => ClientError::Replaced,
        (closing::GOING_AWAY, Some(ms)) => {
            ClientError::GoingAway { retry_after: Duration::from_millis(ms).min(LONGEST_ABSENCE) }
        }
        _ => NetworkError::Closed(frame.reason.to_string()).into(),
    }
}

fn lost(error: &Error) -> ClientError {
    lost_to(match error {
        Error::Io(error) => LinkFault::from(error),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => LinkFault::Broken,
        other => LinkFault::Other(other.to_string()),
    })
}

fn lost_to(fault: LinkFault) -> ClientError {
    NetworkError::Lost(fault).into()
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
    fn an_older_connection_of_the_same_device_does_not_come_back() {
        let error = farewell(CloseCode::from(closing::REPLACED), "the same device has connected anew".into());
        assert!(matches!(error, ClientError::Replaced), "{error}");
    }

    #[test]
    fn any_other_end_is_one_of_the_network() {
        for error in [
            closed(None),
            farewell(CloseCode::Away, "the server is stopping".into()),
            farewell(CloseCode::Error, closing::going_away(7_000)),
            farewell(CloseCode::from(4003), String::new()),
        ] {
            assert!(matches!(error, ClientError::Network(_)), "{error}");
        }
    }
}
