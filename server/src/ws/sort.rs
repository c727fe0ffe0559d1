//! Sorting what a client has sent.

use privmsg_protocol::frames::{
    Ack, CallSignal, ClientFrame, DeliveredMessage, ErrorFrame, FrameError, MessageType, SendMessage, ServerFrame,
};
use privmsg_protocol::limits::MAX_ACK_IDS;
use privmsg_protocol::{ErrorCode, MessageId};
use tokio::time::Instant;

use super::connection::Connection;
use super::frames::Verdict;
use super::inbound::{Errand, Inbound, error_frame};
use crate::storage::{Destination, Outgoing, Refusal};
use crate::{frame_text, private_message};

/// What a call says at once, in base64: an offer with all of its candidates is half of that. Whoever calls is not to decide how much
/// the other one's connection has to carry.
const MAX_CALL_SIGNAL: usize = 16 * 1024;

impl Connection {
    /// Sorts one frame.
    pub(super) fn sort(&mut self, text: &str, inbound: &mut Inbound) {
        let frame = ClientFrame::parse(text);
        if !self.admit(&frame, inbound) {
            return;
        }
        match frame {
            Ok(ClientFrame::Message(message)) => self.message(message, inbound),
            Ok(ClientFrame::Ack(ack)) => self.acknowledged(&ack, inbound),
            Ok(ClientFrame::Ping) => inbound.answers.push(ServerFrame::Pong),
            Ok(ClientFrame::Typing(typing)) => {
                if self.may_signal() {
                    inbound.errands.push(Errand::Typing(typing));
                }
            }
            Ok(ClientFrame::Presence(presence)) => {
                if self.may_signal() {
                    inbound.errands.push(Errand::Presence(presence.status));
                }
            }
            Ok(ClientFrame::CallSignal(signal)) => self.call_signal(signal, inbound),
            Ok(ClientFrame::Authenticate(_)) => inbound.answers.push(error_frame(
                None,
                &Refusal::new(ErrorCode::InvalidRequest, "this connection is signed in already; open another one"),
            )),
            Err(error) => inbound.answers.push(malformed(&error)),
        }
    }

    /// Counts the frame. An acknowledgement of what was delivered is free: there are no more of them than deliveries, and
    /// a client that catches up sends many.
    fn admit(&mut self, frame: &Result<ClientFrame, FrameError>, inbound: &mut Inbound) -> bool {
        if let Ok(ClientFrame::Ack(ack)) = frame
            && ack.message_ids.len() <= MAX_ACK_IDS
            && self.unacknowledged.has_any(&ack.message_ids)
        {
            return true;
        }
        match self.frames.take(Instant::now()) {
            Verdict::Welcome => true,
            Verdict::Wait(retry_after_ms) => {
                let message_id = match frame {
                    Ok(ClientFrame::Message(message)) => Some(message.message_id),
                    _ => None,
                };
                inbound.answers.push(rate_limited(message_id, retry_after_ms));
                false
            }
            Verdict::Flood => {
                inbound.is_flood = true;
                false
            }
        }
    }

    fn message(&mut self, message: SendMessage, inbound: &mut Inbound) {
        let message_id = message.message_id;
        let wait = self.app.allowances.message(&self.session.user_id);
        if let Err(retry_after_ms) = wait {
            inbound.answers.push(rate_limited(Some(message_id), retry_after_ms));
            return;
        }
        match self.prepare(message) {
            Ok(outgoing) => inbound.messages.push(outgoing),
            Err(refusal) => inbound.answers.push(error_frame(Some(message_id), &refusal)),
        }
    }

    fn prepare(&self, message: SendMessage) -> Result<Outgoing, Refusal> {
        if message.sender_id != self.session.user_id {
            return Err(Refusal::new(ErrorCode::SenderMismatch, "sender_id is not the user of this session"));
        }
        if message.encrypted_content.len() as u64 > self.app.config.limits.message_bytes() {
            return Err(Refusal::new(ErrorCode::MessageTooLarge, "encrypted_content is over the server's limit"));
        }
        let to = match (&message.recipient_id, message.group_id, message.epoch) {
            (Some(user_id), None, None) => Destination::User(user_id.clone()),
            (None, Some(group_id), Some(epoch)) => {
                if !private_message::is_of(&message.encrypted_content, group_id, epoch) {
                    let detail = "encrypted_content is no MLS PrivateMessage of this group and epoch";
                    return Err(Refusal::new(ErrorCode::InvalidRequest, detail));
                }
                Destination::Group(group_id, epoch)
            }
            _ => {
                return Err(Refusal::new(
                    ErrorCode::InvalidRequest,
                    "a message has either a recipient_id, or a group_id and an epoch",
                ));
            }
        };
        // In a group only who has sent it knows.
        let by_person = message.by_person.unwrap_or_else(|| {
            use MessageType as M;
            let is_said = matches!(message.message_type, M::Text | M::Voice | M::Video | M::Image | M::File);
            is_said && message.group_id.is_none()
        });
        let is_servers = match message.message_type {
            MessageType::KeyExchange | MessageType::DeviceSync | MessageType::Withheld => message.group_id.is_some(),
            MessageType::AccountSync => true,
            _ => false,
        };
        if is_servers {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "commits are submitted over REST, and notices are the server's",
            ));
        }
        let frame = frame_text::render(DeliveredMessage {
            message_id: message.message_id,
            sender_id: message.sender_id,
            sender_device_id: Some(self.session.device_id.clone()),
            recipient_id: message.recipient_id,
            group_id: message.group_id,
            epoch: message.epoch,
            seq: None,
            first_seq: None,
            encrypted_content: message.encrypted_content,
            message_type: message.message_type,
            timestamp: message.timestamp,
        });
        Ok(Outgoing { message_id: message.message_id, to, by_person, frame })
    }

    fn acknowledged(&mut self, ack: &Ack, inbound: &mut Inbound) {
        if ack.message_ids.len() > MAX_ACK_IDS {
            let refusal = Refusal::new(ErrorCode::InvalidRequest, "too many ids in one acknowledgement");
            inbound.answers.push(error_frame(None, &refusal));
            return;
        }
        for message_id in &ack.message_ids {
            match self.unacknowledged.take(*message_id) {
                Some(position) => inbound.acknowledged.push(position),
                // Stored by the client on an earlier connection, and not delivered again yet. Once caught up there
                // is no such message.
                None if !self.caught_up => inbound.strangers.push(*message_id),
                None => {}
            }
        }
    }

    fn call_signal(&self, signal: CallSignal, inbound: &mut Inbound) {
        if signal.encrypted_content.len() > MAX_CALL_SIGNAL {
            let refusal = Refusal::new(ErrorCode::MessageTooLarge, "a call signal has at most 16384 characters");
            inbound.answers.push(error_frame(None, &refusal));
        } else if let Err(retry_after_ms) = self.signal_allowance() {
            inbound.answers.push(rate_limited(None, retry_after_ms));
        } else {
            inbound.errands.push(Errand::CallSignal(signal));
        }
    }

    /// Typing and presence beyond the allowance are dropped without a word.
    fn may_signal(&self) -> bool {
        self.signal_allowance().is_ok()
    }

    fn signal_allowance(&self) -> Result<(), u64> {
        self.app.allowances.signal(&self.session.user_id)
    }
}

fn malformed(error: &FrameError) -> ServerFrame {
    let message_id = match error {
        FrameError::Malformed { message_id, .. } => *message_id,
        FrameError::UnknownType => None,
    };
    ServerFrame::Error(ErrorFrame {
        code: error.code(),
        message: error.to_string().into(),
        message_id,
        retry_after_ms: None,
        epoch: None,
    })
}

pub(super) fn rate_limited(message_id: Option<MessageId>, retry_after_ms: u64) -> ServerFrame {
    ServerFrame::Error(ErrorFrame {
        code: ErrorCode::RateLimited,
        message: "too many messages; wait a moment".into(),
        message_id,
        retry_after_ms: Some(retry_after_ms),
        epoch: None,
    })
}
