//! The WebSocket: one task for each connection, which reads, writes and keeps its place in the mailbox.
//!
//! A connection authenticates, is caught up from its mailbox, and is then live; see [`crate::hub`] for what happens
//! when it reads more slowly than messages come. Frames that have arrived together are submitted together, and what is
//! ready to be written is flushed together: under load the costs of a wake-up, a queue and a system call are shared by
//! many messages.
//!
//! | close code | meaning for the client |
//! |---|---|
//! | 1001 | the server stops: connect again after the time that the reason names |
//! | 1009 | a frame over the server's limit |
//! | 4001 | the session has ended: signed out, revoked, token too old or wrong |
//! | 4002 | the same device has connected anew: this connection is the older one |
//! | 4003 | no `authenticate` within ten seconds, or nothing heard or taken for too long |
//! | 4004 | too many frames or connections, also after having been told to wait |
//! | 4005 | the device does not stand in the account's device list: it waits to be let in |

mod authenticate;
mod connection;
mod frames;
mod inbound;
mod presence;
mod socket;
mod sort;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use privmsg_protocol::ErrorCode;

use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::http::Counted;
use crate::http::Peer;
use crate::hub::CloseReason;
use crate::storage::Session;
use connection::Connection;
use socket::Socket;

/// Bytes read from a socket at once. The library's own default of 128 kB would be most of a connection's memory, which
/// it holds while idle too. Twice as much would save a fifth of the CPU per message under full load, and cost each idle
/// connection 2 kB: of the two, a small machine with many connections has less of the latter.
const READ_BUFFER: usize = 2 * 1024;

/// Bytes gathered before they are written even without a flush.
const WRITE_BUFFER: usize = 16 * 1024;

/// A frame beside its content. A full acknowledgement of 1,024 ids has 40 kB.
const ENVELOPE: u64 = 64 * 1024;

/// Largest frame where messages have no limit: a frame is held in memory as a whole.
const LARGEST_FRAME: u64 = 64 * 1024 * 1024;

/// When to come back where too many have not said who they are: signing in takes less.
const UNAUTHENTICATED_WAIT_MS: u64 = 1000;

/// The WebSocket
///
/// Frames are described in `docs/protocol.md`.
#[utoipa::path(
    get, path = "/ws", tag = "messages",
    responses((status = SWITCHING_PROTOCOLS, description = "Frames follow.")),
    extensions(("x-errors" = json!([ErrorCode::MalformedRequest]))),
)]
pub(crate) async fn upgrade(
    State(app): State<AppState>,
    Extension(counted): Extension<Arc<Counted>>,
    peer: Peer,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| ApiError::malformed("this endpoint is a WebSocket"))?;
    app.allowances.stranger(peer)?;
    let stranger =
        app.doors.unauthenticated.count(peer).ok_or_else(|| ApiError::rate_limited(UNAUTHENTICATED_WAIT_MS))?;
    // Twice the limit, so that a message somewhat too large gets an error that names it and the connection lives on.
    let frame = app.config.limits.message_bytes().saturating_mul(2).saturating_add(ENVELOPE);
    let frame = usize::try_from(frame.min(LARGEST_FRAME)).unwrap_or(usize::MAX);
    Ok(upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_frame_size(frame)
        .max_message_size(frame)
        .on_upgrade(move |socket| {
            // A task of its own: the one that has made the upgrade is larger, and ends with it.
            app.tasks.clone().spawn(async move {
                serve(app, Socket::new(socket), peer, stranger).await;
                drop(counted);
            });
            std::future::ready(())
        }))
}

/// Whether the device has not opened too many connections lately. If it has, it is told when to come back.
async fn may_connect(app: &App, socket: &mut Socket, session: &Session) -> bool {
    let Err(retry_after_ms) = app.allowances.connect(session.device) else { return true };
    // Whoever does not read it finds the connection closed anyway.
    let _ = socket.write(&sort::rate_limited(None, retry_after_ms)).await;
    false
}

async fn serve(app: AppState, mut socket: Socket, peer: Peer, stranger: Counted) {
    let stopping = app.stopping.clone();
    let authenticated = tokio::select! {
        () = stopping.cancelled() => Err(Some(app.hub.farewell())),
        // Boxed like everything that is not needed while a connection is idle: its memory is given back.
        result = Box::pin(authenticate::authenticate(&app, &mut socket)) => result,
    };
    drop(stranger);
    if authenticated.is_ok() {
        app.allowances.no_stranger(peer);
    }
    let reason = match authenticated {
        Ok(session) if !may_connect(&app, &mut socket, &session).await => Some(CloseReason::Flooding),
        Ok(session) => Box::pin(Connection::new(app, session).run(&mut socket)).await,
        Err(reason) => reason,
    };
    if let Some(reason) = reason {
        socket.close(reason).await;
    }
}
