//! Telling those who may know that somebody has come or gone.

use privmsg_protocol::frames::{CallSignal, Presence, PresenceStatus, SendTyping, ServerFrame, Typing};
use privmsg_protocol::{ErrorCode, UserId};

use super::connection::Connection;
use super::inbound::error_frame;
use super::socket::{Broken, Socket};
use crate::hub::Rank;
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
                self.app.hub.send_ephemeral(&watchers, Rank::Presence, frame);
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

    /// Passes on that this user writes to somebody, if both have written to each other. To whoever has not, it is dropped
    /// without a word: a stranger is not to make somebody's client show something, and is not to learn who is there.
    pub(super) async fn pass_typing_on(&self, typing: SendTyping) {
        if !self.app.hub.is_online(&typing.recipient_id) {
            return;
        }
        match self.app.storage.are_acquainted(self.session.user, typing.recipient_id.clone()).await {
            Ok(true) => {
                let user_id = self.session.user_id.clone();
                let frame = ServerFrame::Typing(Typing { user_id, is_typing: typing.is_typing });
                self.app.hub.send_ephemeral([&typing.recipient_id], Rank::Typing, frame.to_json());
            }
            Ok(false) => {}
            Err(error) => log(&error),
        }
    }

    /// Passes a call signal on. Returns what to tell the sender if there is no such user. Who has blocked the sender is as one
    /// who is not there.
    pub(super) async fn pass_on(&self, signal: CallSignal) -> Option<ServerFrame> {
        let recipient = signal.recipient_id.clone();
        match self.app.storage.is_blocked_by(recipient.clone(), self.session.user).await {
            Ok(false) => {}
            Ok(true) => return None,
            Err(error) => return Some(error_frame(None, &error.refusal())),
        }
        let frame = ServerFrame::CallSignal(CallSignal {
            sender_id: Some(self.session.user_id.clone()),
            sender_device_id: Some(self.session.device_id.clone()),
            ..signal
        });
        if self.app.hub.send_ephemeral([&recipient], Rank::Call, frame.to_json()) {
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
    tracing::warn!(error = error as &dyn std::error::Error, "presence or typing was not told");
}
