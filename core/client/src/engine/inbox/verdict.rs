//! What becomes of a message, by what MLS says.

use privmsg_e2ee::ProcessError;
use privmsg_protocol::Epoch;
use privmsg_protocol::frames::DeliveredMessage;
use privmsg_store::epoch_ends;
use privmsg_store::groups::{GroupState, StoredGroup};

use crate::error::ClientError;
use crate::group::mls::Step;

/// What MLS has made of a message.
pub(super) enum Verdict {
    /// It has been seen, whatever it was; its number is no gap.
    Seen,
    /// It is lost to this device: its number stays a gap.
    Lost,
    /// It has come, and nobody will read it here: its sender has used a key twice, as one does whose state was set back, it is
    /// of before this device was there, or the server has changed it. Its number is shown as missing: whatever may have stood
    /// there, nobody takes it away unseen.
    Unreadable,
    /// It waits for what comes before it.
    Early,
    /// A commit has led to another epoch, in which something that waited may be readable.
    NewEpoch,
}

/// What follows from a refusal by MLS.
pub(super) fn on(error: ProcessError, group: &StoredGroup, sent_in: Option<Epoch>) -> Result<Verdict, ClientError> {
    Ok(match error {
        // The server, which has checked the epoch, says another one.
        ProcessError::Future { .. } if sent_in.is_some_and(|epoch| epoch <= group.epoch) => Verdict::Unreadable,
        ProcessError::Future { .. } => Verdict::Early,
        ProcessError::Removed => Verdict::Lost,
        // One that came before is known by its number.
        ProcessError::Stale { .. } | ProcessError::Duplicate => Verdict::Unreadable,
        // Its external commit has no answer yet. If another one was faster, what is said now is said without this device.
        ProcessError::Rejected(_) | ProcessError::Malformed(_) if group.state == GroupState::Joining => Verdict::Lost,
        // What comes after it waits with it.
        ProcessError::UpdateNeeded(newer) => {
            tracing::warn!(%newer, "a commit waits for an update");
            Verdict::Early
        }
        ProcessError::Rejected(reason) => {
            tracing::warn!(%reason, "rejected a message");
            Verdict::Unreadable
        }
        ProcessError::Malformed(_) => Verdict::Unreadable,
        ProcessError::Storage(error) => return Err(error.into()),
    })
}

/// Whether what a device says that was removed since was said before: it has crossed the commit that removed it.
pub(super) fn is_said_before(
    step: &Step<'_, '_>,
    message: &DeliveredMessage,
    epoch: Epoch,
) -> Result<bool, ClientError> {
    let (Some(group), Some(seq)) = (message.group_id, message.seq) else { return Ok(false) };
    Ok(epoch_ends::is_awaited_from(step.tx, &group, epoch, seq, step.now_ms)?)
}
