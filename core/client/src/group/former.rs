//! What was said in a group before this device joins it anew, and comes after it has asked to.
//!
//! The state by which it was in the group is put aside when it asks, and reads what comes late; it encrypts nothing more. Only where
//! the device joins by the next epoch: where others have committed in between, somebody whom they have put out could say something
//! in the epoch before without end.

use privmsg_e2ee::{Conversation, Expected, Member, Processed, Provider};
use privmsg_protocol::frames::DeliveredMessage;
use privmsg_protocol::{Epoch, GroupId, Seq};
use privmsg_store::former;
use privmsg_store::groups::{self, GroupState, StoredGroup};

use zeroize::Zeroizing;

use super::mls::Step;
use crate::error::ClientError;

/// How long what is late is waited for: the server alone says whether all has come, and could keep the keys alive by saying nothing.
pub(crate) const AWAITED_MS: i64 = 3600 * 1000;

/// What somebody has said, and who.
pub(crate) type Said = (Member, Zeroizing<Vec<u8>>);

/// Puts the state aside by which this device is in a group. What an attempt to join has left is none.
pub(crate) fn put_aside(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    let Some(group) = groups::load(step.tx, &id)?.filter(|group| group.state == GroupState::Active) else {
        return Ok(());
    };
    Ok(former::put(step.tx, &id, &Conversation::storage_key(id), group.epoch, step.now_ms)?)
}

/// The server has taken the join, to an epoch and under a number: what comes late was said before that. Returns the number behind all
/// that was read meanwhile as said before: that is where the join stands, if the server says less.
pub(crate) fn is_ended(step: &Step<'_, '_>, id: GroupId, joined: Epoch, seq: Seq) -> Result<Seq, ClientError> {
    let Some(before) = former::of(step.tx, &id)? else { return Ok(seq) };
    let seq = before.read_up_to.map_or(seq, |read| seq.max(read.next()));
    if before.epoch.next() == joined {
        former::is_ended(step.tx, &id, seq)?;
    } else {
        former::forget(step.tx, &id)?;
    }
    Ok(seq)
}

/// Reads what was said before the join, if it was. To be undone by whoever does not take it.
pub(crate) fn read(
    step: &Step<'_, '_>,
    message: &DeliveredMessage,
    group: &StoredGroup,
    bytes: &[u8],
) -> Result<Option<Said>, ClientError> {
    let Some(before) = former::of(step.tx, &group.group_id)? else { return Ok(None) };
    let Some(seq) = message.seq.filter(|seq| before.begun_by.is_none_or(|begun| begun < *seq)) else { return Ok(None) };
    let is_before = match (group.state, before.ended_by) {
        (GroupState::Joining, _) => before.epoch.next() == group.epoch,
        (GroupState::Active, Some(ended_by)) => seq < ended_by,
        _ => false,
    };
    let is_awaited = (0..=AWAITED_MS).contains(&step.now_ms.saturating_sub(before.put_at));
    if message.epoch != Some(before.epoch) || !is_before || !is_awaited {
        return Ok(None);
    }
    let storage = former::mls_storage(step.tx);
    let provider = Provider::new(&storage);
    let Some(mut conversation) = Conversation::load(&provider, group.group_id)? else { return Ok(None) };
    Ok(match conversation.process(&provider, Expected::Application, bytes) {
        Ok(Processed::Application { sender, plaintext, is_former: false, .. }) => {
            former::has_read(step.tx, &group.group_id, seq)?;
            Some((sender, plaintext))
        }
        Ok(_) | Err(_) => None,
    })
}
