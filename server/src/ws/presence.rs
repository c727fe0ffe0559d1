//! Telling those who may know that somebody has come or gone.

use privmsg_protocol::frames::{CallSignal, Presence, PresenceStatus, ServerFrame};
use privmsg_protocol::{ErrorCode, UserId};

use super::connection::Connection;
use super::inbound::error_frame;
use super::socket::{Broken, Socket};
use crate::storage::{Refusal, StorageError};

fn presence(user_id: UserId, status: PresenceStatus) -> ServerFrame {
    ServerFrame::Presence(Presence { user_id, status })
}

impl Connection {
    /// Tells those who may know. Presence is not worth ending a connection for: failures are logged only.
    pub(super) async fn announce(&self, status: PresenceStatus) {
        match self.app.storage.watchers(self.session.user).await {
            Ok(watchers) => {
                let frame = presence(self.session.user_id.clone(), status).to_json();
                self.app.hub.send_ephemeral(&watchers, frame);
            }
            Err(error) => log(&error),
        }
    }

    pub(super) async fn set_presence(&self, status: PresenceStatus) {
        self.app.hub.set_status(&self.session.user_id, status.clone());
        self.announce(status).await;
    }

    /// Tells this connection who is there.
    pub(super) async fn show_present(&self, socket: &mut Socket) -> Result<(), Broken> {
        let watched = match self.app.storage.watched(self.session.user).await {
            Ok(watched) => watched,
            Err(error) => {
                log(&error);
                return Ok(());
            }
        };
        for user_id in watched {
            let status = self.app.hub.status(&user_id);
            if status != PresenceStatus::Offline {
                socket.write(&presence(user_id, status)).await?;
            }
        }
        Ok(())
    }

    /// Passes a call signal on. Returns what to tell the sender if there is no such user.
    pub(super) async fn pass_on(&self, signal: CallSignal) -> Option<ServerFrame> {
        let recipient = signal.recipient_id.clone();
        let frame = ServerFrame::CallSignal(CallSignal {
            sender_id: Some(self.session.user_id.clone()),
            sender_device_id: Some(self.session.device_id.clone()),
            ..signal
        });
        if self.app.hub.send_ephemeral([&recipient], frame.to_json()) {
            return None;
        }
        let refusal = match self.app.storage.user_exists(recipient).await {
            Ok(true) => return None,
            Ok(false) => Refusal::new(ErrorCode::UnknownRecipient, "there is no such user"),
            Err(error) => error.refusal(),
        };
        Some(error_frame(None, &refusal))
    }
}

fn log(error: &StorageError) {
    tracing::warn!(error = error as &dyn std::error::Error, "presence was not told");
}
