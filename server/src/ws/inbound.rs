//! What a client has sent, checked and made ready to be stored.

use privmsg_protocol::MessageId;
use privmsg_protocol::frames::{CallSignal, ErrorFrame, PresenceStatus, SendTyping, ServerFrame};

use crate::storage::{Outgoing, Position, Refusal};

/// What frames that arrived together amount to.
#[derive(Default)]
pub(super) struct Inbound {
    /// To be stored.
    pub(super) messages: Vec<Outgoing>,
    /// Places in the mailbox that are done with.
    pub(super) acknowledged: Vec<Position>,
    /// Acknowledged, but not delivered by this connection.
    pub(super) strangers: Vec<MessageId>,
    /// Answers that need nothing stored.
    pub(super) answers: Vec<ServerFrame>,
    /// What needs more than this connection, in order.
    pub(super) errands: Vec<Errand>,
    /// The connection sends far more than it may, and has been told.
    pub(super) is_flood: bool,
}

/// Something to do besides storing messages.
pub(super) enum Errand {
    Presence(PresenceStatus),
    Typing(SendTyping),
    CallSignal(CallSignal),
}

/// An error that is about one message, or about none.
pub(super) fn error_frame(message_id: Option<MessageId>, refusal: &Refusal) -> ServerFrame {
    ServerFrame::Error(ErrorFrame {
        code: refusal.code.clone(),
        message: refusal.detail.clone().into(),
        message_id,
        retry_after_ms: refusal.retry_after_ms(),
        epoch: refusal.epoch,
    })
}
