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
pub(super) const MAX_FRAME: usize = 16 << 20;

/// The oldest version of the protocol that a server may speak: before it, there were no conversations over MLS.
const OLDEST_SERVER: u32 = 1;

/// A signed-in connection.
pub(crate) struct Socket {
    stream: WebSocketStream<Stream>,
    inbox: Inbox,
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
        let mut socket = Self { stream, inbox: Inbox::default() };
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
                        socket.inbox.early = frames.collect();
                        return Ok(socket);
                    }
                    ServerFrame::Error(error) => {
                        return Err(ClientError::Server {
                            code: error.code,
                            detail: error.message.into(),
                            retry_after: error.retry_after_ms.map(Duration::from_millis),
                            epoch: None,
                            group_id: None,
                            incarnation: None,
                        });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Waits for at least one frame and takes what else is there, up to a batch. Frames of types that this build does
    /// not know are passed over. Cancel-safe: what has been read is returned or kept.
    pub(crate) async fn receive(&mut self) -> Result<Vec<ServerFrame>, ClientError> {
        self.inbox.take(&mut self.stream).await
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

/// What has been read and not been handled yet.
#[derive(Default)]
struct Inbox {
    /// Frames that came in one go with `authenticated`.
    early: Vec<ServerFrame>,
    /// Why the connection has ended, when that came in one go with frames: it is said once.
    end: Option<ClientError>,
}

impl Inbox {
    async fn take(
        &mut self,
        messages: &mut (impl futures_util::Stream<Item = Result<Message, Error>> + Unpin),
    ) -> Result<Vec<ServerFrame>, ClientError> {
        if let Some(end) = self.end.take() {
            return Err(end);
        }
        let mut frames = std::mem::take(&mut self.early);
        if frames.is_empty() {
            read(messages.next().await, &mut frames)?;
        }
        while frames.len() < BATCH {
            let Some(next) = messages.next().now_or_never() else { break };
            // What came before the end of the connection is handled first.
            if let Err(end) = read(next, &mut frames) {
                self.end = Some(end);
                break;
            }
        }
        Ok(frames)
    }
}

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
        (closing::NOT_LISTED, _) => ClientError::NotListed,
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
        | Error::Protocol(
            ProtocolError::ResetWithoutClosingHandshake
            | ProtocolError::SendAfterClosing
            | ProtocolError::ReceivedAfterClosing,
        ) => LinkFault::Broken,
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

    #[tokio::test]
    async fn the_reason_of_an_end_is_heard_after_what_came_with_it() {
        let pong = Message::text(serde_json::to_string(&ServerFrame::Pong).unwrap());
        let reason = closing::going_away(7_000).into();
        let close = Message::Close(Some(CloseFrame { code: CloseCode::Away, reason }));
        let mut messages = futures_util::stream::iter([Ok(pong), Ok(close), Err(Error::AlreadyClosed)]);
        let mut inbox = Inbox::default();
        let frames = inbox.take(&mut messages).await.unwrap();
        assert!(matches!(frames[..], [ServerFrame::Pong]), "{frames:?}");
        let end = inbox.take(&mut messages).await.unwrap_err();
        assert!(matches!(end, ClientError::GoingAway { .. }), "{end}");
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
