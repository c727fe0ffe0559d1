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
                self.app.hub.send_ephemeral(&watchers, Rank::Presence, self.session.user, frame);
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
                self.app.hub.send_ephemeral([&typing.recipient_id], Rank::Typing, self.session.user, frame.to_json());
            }
            Ok(false) => {}
            Err(error) => log(&error),
        }
    }

    /// Passes a call signal on, if both have answered each other. To whoever has not, or declines the conversation, or is blocked,
    /// it is dropped without a word, as to somebody who is not there. Returns what to tell the sender if there is no such user.
    pub(super) async fn pass_on(&self, signal: CallSignal) -> Option<ServerFrame> {
        let recipient = signal.recipient_id.clone();
        // Both are asked whoever it is and whether they are there, so that the time it takes says neither.
        let exists = self.app.storage.user_exists(recipient.clone()).await;
        let acquainted = self.app.storage.are_acquainted(self.session.user, recipient.clone()).await;
        let refusal = match (exists, acquainted) {
            (Ok(true), Ok(true)) => {
                let frame = ServerFrame::CallSignal(CallSignal {
                    sender_id: Some(self.session.user_id.clone()),
                    sender_device_id: Some(self.session.device_id.clone()),
                    ..signal
                });
                self.app.hub.send_ephemeral([&recipient], Rank::Call, self.session.user, frame.to_json());
                return None;
            }
            (Ok(true), Ok(false)) => return None,
            (Ok(false), _) => Refusal::new(ErrorCode::UnknownRecipient, "there is no such user"),
            (Err(error), _) | (_, Err(error)) => error.refusal(),
        };
        Some(error_frame(None, &refusal))
    }
}

fn log(error: &StorageError) {
    tracing::warn!(error = error as &dyn std::error::Error, "presence or typing was not told");
}
