//! Invitations: kept until they are used.

use privmsg_protocol::GroupId;
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_store::welcomes::{self, Welcome};
use privmsg_store::{gaps, lags};

use super::numbers::is_overtaken;
use super::{Intake, Receipt};
use crate::error::ClientError;

/// Whether a delivered message is a welcome: the wire format of its MLSMessage (RFC 9420, section 6) says so.
pub(in crate::engine) fn is_welcome(message: &DeliveredMessage) -> bool {
    const WELCOME: [u8; 2] = [0, 3];
    message.message_type == MessageType::KeyExchange
        && message.encrypted_content.decode().is_some_and(|bytes| bytes.get(2..4) == Some(&WELCOME))
}

impl Intake<'_, '_> {
    /// Keeps an invitation: what it needs besides has to be asked of the server.
    pub(super) fn welcome(&mut self, message: &DeliveredMessage, group_id: GroupId) -> Result<Receipt, ClientError> {
        // It was used before, and its key package with it.
        if message.seq.map_or(Ok(false), |seq| gaps::is_seen(self.step.tx, &group_id, seq))? {
            return Ok(Receipt::Now);
        }
        let kept = match (message.encrypted_content.decode(), message.epoch) {
            (Some(welcome), Some(epoch)) if !is_overtaken(self.step, message, group_id)? => {
                let (group, seq, message_id) = (group_id, message.seq, message.message_id);
                let before = welcomes::of(self.step.tx, &group)?.map(|before| before.message_id);
                let kept = welcomes::put(self.step.tx, &Welcome { group, epoch, seq, message_id, welcome })?;
                // Nobody will use the one before. Were it left there, a server would soon send nothing more.
                self.outcome.acks.extend(before.filter(|before| kept && *before != message_id));
                kept
            }
            _ => false,
        };
        if kept {
            return Ok(Receipt::Later);
        }
        lags::put(self.step.tx, &group_id, None, self.step.now_ms)?;
        Ok(Receipt::Now)
    }
}
