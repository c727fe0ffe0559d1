//! The numbers that the server gives messages in their group.

use privmsg_e2ee::Processed;
use privmsg_protocol::GroupId;
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_store::groups::{GroupState, StoredGroup};
use privmsg_store::{epoch_ends, gaps};

use super::Intake;
use crate::error::ClientError;
use crate::group::membership;
use crate::group::mls::Step;

/// Whether a message has a number that a group can have come to. Notices, which say nothing themselves, have none.
pub(super) fn has_possible_number(message: &DeliveredMessage) -> bool {
    message.seq.map_or(message.message_type == MessageType::DeviceSync, |seq| seq <= gaps::LAST)
}

/// Whether a message of this epoch can have the number that the server says. Who has said it in which epoch, and which commit leads to
/// which, is authenticated, and an honest server takes nothing but what is of the newest epoch: so what was said in one
/// epoch is not moved among what was said in another.
pub(super) fn is_of_its_epoch(
    step: &Step<'_, '_>,
    message: &DeliveredMessage,
    group: &StoredGroup,
    processed: &Processed,
) -> Result<bool, ClientError> {
    let Some(seq) = message.seq else { return Ok(false) };
    Ok(match processed {
        Processed::Application { epoch, .. } => epoch_ends::span(step.tx, &group.group_id, *epoch)?.has(seq),
        Processed::Commit(_) => may_be_anew(step, message, group)? || !is_overtaken(step, message, group.group_id)?,
    })
}

/// Whether something has been seen that has a higher number.
pub(super) fn is_overtaken(
    step: &Step<'_, '_>,
    message: &DeliveredMessage,
    group_id: GroupId,
) -> Result<bool, ClientError> {
    let Some(seq) = message.seq else { return Ok(true) };
    Ok(gaps::any_seen_behind(step.tx, &group_id, seq)?)
}

fn may_be_anew(step: &Step<'_, '_>, message: &DeliveredMessage, group: &StoredGroup) -> Result<bool, ClientError> {
    let Some(seq) = message.seq.filter(|_| group.state == GroupState::Joining) else { return Ok(false) };
    Ok(gaps::may_be_anew(step.tx, &group.group_id, seq)?)
}

impl Intake<'_, '_> {
    /// Whether its number has been seen, and is no other one's: while the answer to a join is awaited, MLS tells.
    pub(super) fn is_seen(&self, message: &DeliveredMessage, group: &StoredGroup) -> Result<bool, ClientError> {
        let Some(seq) = message.seq else { return Ok(false) };
        let is_anew = may_be_anew(self.step, message, group)?;
        Ok(!is_anew && gaps::is_seen(self.step.tx, &group.group_id, seq)?)
    }

    /// What can be read only by who has joined bears a number of before: a restored server gives them out again.
    pub(super) fn begin_anew(&mut self, message: &DeliveredMessage, group: &StoredGroup) -> Result<(), ClientError> {
        if may_be_anew(self.step, message, group)? {
            gaps::begin_anew(self.step.tx, &group.group_id)?;
            self.outcome.events.extend(membership::went_back(self.step, group.chat)?);
        }
        Ok(())
    }

    pub(super) fn note(&self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        if let Some(seq) = message.seq {
            gaps::note(self.step.tx, &group_id, seq)?;
        }
        Ok(())
    }

    /// It has come, and nobody reads it here.
    pub(super) fn lose(&self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        if let Some(seq) = message.seq {
            gaps::lose(self.step.tx, &group_id, seq)?;
        }
        Ok(())
    }
}
