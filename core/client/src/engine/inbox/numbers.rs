//! The numbers that the server gives messages in their group.

use privmsg_protocol::GroupId;
use privmsg_protocol::frames::DeliveredMessage;
use privmsg_store::gaps;
use privmsg_store::groups::{GroupState, StoredGroup};

use super::Intake;
use crate::error::ClientError;
use crate::group::membership;

impl Intake<'_, '_> {
    /// Whether its number has been seen, and is no other one's: while the answer to a join is awaited, MLS tells.
    pub(super) fn is_seen(&self, message: &DeliveredMessage, group: &StoredGroup) -> Result<bool, ClientError> {
        let Some(seq) = message.seq else { return Ok(false) };
        let is_anew = self.may_be_anew(message, group)?;
        Ok(!is_anew && gaps::is_seen(self.step.tx, &group.group_id, seq)?)
    }

    fn may_be_anew(&self, message: &DeliveredMessage, group: &StoredGroup) -> Result<bool, ClientError> {
        let Some(seq) = message.seq.filter(|_| group.state == GroupState::Joining) else { return Ok(false) };
        Ok(gaps::may_be_anew(self.step.tx, &group.group_id, seq)?)
    }

    /// What can be read only by who has joined bears a number of before: a restored server gives them out again.
    pub(super) fn begin_anew(&mut self, message: &DeliveredMessage, group: &StoredGroup) -> Result<(), ClientError> {
        if self.may_be_anew(message, group)? {
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
