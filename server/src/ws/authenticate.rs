//! The first frames of a connection.

use std::time::Duration;

use privmsg_protocol::ErrorCode;
use privmsg_protocol::frames::{Authenticate, ClientFrame, ServerFrame};

use super::socket::{Broken, Incoming, Socket};
use crate::app::App;
use crate::hub::CloseReason;
use crate::secrets::KeyHash;
use crate::storage::{Session, not_listed};

/// How long a connection may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Frames that a connection may send until it has. One is enough.
const FRAMES: usize = 64;

/// Reads until the connection has authenticated.
///
/// # Errors
/// Why the connection ends; `None` if there is nobody to tell.
pub(super) async fn authenticate(app: &App, socket: &mut Socket) -> Result<Session, Option<CloseReason>> {
    match tokio::time::timeout(PATIENCE, listen(app, socket)).await {
        Ok(Ok(result)) => result,
        Ok(Err(Broken)) => Err(None),
        Err(_) => Err(Some(CloseReason::TimedOut)),
    }
}

async fn listen(app: &App, socket: &mut Socket) -> Result<Result<Session, Option<CloseReason>>, Broken> {
    for _ in 0..FRAMES {
        let text = match socket.read().await {
            Incoming::Text(text) => text,
            Incoming::Alive => continue,
            Incoming::TooLarge => {
                socket.write_error(ErrorCode::FrameTooLarge, "the frame is too large").await?;
                return Ok(Err(Some(CloseReason::TooBig)));
            }
            Incoming::Gone => return Ok(Err(None)),
        };
        match ClientFrame::parse(&text) {
            Ok(ClientFrame::Authenticate(Authenticate { token })) => {
                match app.storage.session(KeyHash::of(token.expose())).await {
                    Ok(session) if session.waiting => {
                        let refusal = not_listed();
                        socket.write_error(refusal.code, &refusal.detail).await?;
                        return Ok(Err(Some(CloseReason::NotListed)));
                    }
                    Ok(session) => return Ok(Ok(session)),
                    Err(error) => {
                        let refusal = error.refusal();
                        socket.write_error(refusal.code, &refusal.detail).await?;
                        return Ok(Err(Some(CloseReason::SessionEnded)));
                    }
                }
            }
            Ok(ClientFrame::Ping) => socket.write(&ServerFrame::Pong).await?,
            Ok(_) => {
                let text = "authenticate first";
                socket.write_error(ErrorCode::NotAuthenticated, text).await?;
            }
            Err(error) => socket.write_error(error.code(), &error.to_string()).await?,
        }
        socket.flush().await?;
    }
    Ok(Err(Some(CloseReason::Flooding)))
}
