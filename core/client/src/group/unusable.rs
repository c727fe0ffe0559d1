//! Commits that the server took and that cannot be followed: it sees neither path secrets nor confirmation tags. Whoever was in the
//! epoch before says so, and joins anew; the device that others say it of commits no more for a day.

use privmsg_e2ee::{Conversation, ProcessError, RejectReason};
use privmsg_protocol::frames::DeliveredMessage;
use privmsg_protocol::rest::UnusableCommit;
use privmsg_protocol::{Epoch, ErrorCode, GroupId};
use privmsg_store::groups::{GroupState, StoredGroup};
use privmsg_store::{lags, unusable_commits};

use super::mls::Step;
use crate::engine::Link;
use crate::error::ClientError;

/// Notes a commit of somebody else that was refused in the epoch that it builds on, by the server's word: without it this device
/// comes no further. Another one of the same epoch is no news.
pub(crate) fn note(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    message: &DeliveredMessage,
    error: &ProcessError,
) -> Result<(), ClientError> {
    let is_fault = match error {
        // Those the server does not take for a commit of the group: it has made them one itself.
        ProcessError::Rejected(RejectReason::UnexpectedKind | RejectReason::WrongGroup) => return Ok(()),
        // Whoever has another clock follows it. Nobody is reported for that; this device joins anew.
        ProcessError::Rejected(RejectReason::Lifetime) => false,
        ProcessError::Rejected(_) | ProcessError::Malformed(_) => true,
        _ => return Ok(()),
    };
    let is_of_others = message.sender_id != step.identity.user_id;
    let is_next = group.state == GroupState::Active && message.epoch == Some(group.epoch);
    if is_of_others && is_next && unusable_commits::note(step.tx, &group.group_id, group.epoch)? {
        if !is_fault {
            unusable_commits::reported(step.tx, &group.group_id, group.epoch)?;
        }
        lags::put(step.tx, &group.group_id, Some(group.epoch.next()), step.now_ms)?;
    }
    Ok(())
}

/// Tells the server, before the group is joined anew: only who is still in the epoch can tell whose fault it is.
pub(crate) async fn report(link: &Link, id: GroupId) -> Result<(), ClientError> {
    let unreported = link.context.store.read(move |at| unusable_commits::unreported(at, &id)).await?;
    for epoch in unreported {
        match say(link, id, epoch).await {
            Ok(()) => {}
            // It has forgotten the commit, or this device is none that it hears about it: saying it again does not help.
            Err(ClientError::Server { code, .. }) if code != ErrorCode::RateLimited => {
                tracing::info!(group_id = %id, %code, "the server does not hear of a commit that cannot be used");
            }
            Err(error) => return Err(error),
        }
        link.context.store.write(move |tx| unusable_commits::reported(tx, &id, epoch)).await?;
    }
    Ok(())
}

async fn say(link: &Link, id: GroupId, epoch: Epoch) -> Result<(), ClientError> {
    let taken = link.context.api.taken_commit(&id, epoch).await?;
    if taken.user_id == link.identity.user_id {
        return Ok(());
    }
    let kept = taken.group_info.decode().filter(|_| taken.external);
    let is_group_info = link.context.step(&link.identity, move |step| {
        let Some(conversation) = Conversation::load(step.mls, id)? else { return Ok(false) };
        let is_other = |kept: &Vec<u8>| {
            conversation.is_entered_by(step.mls, &step.identity.device, kept).is_ok_and(|is_it| !is_it)
        };
        Ok::<_, ClientError>(conversation.epoch() == epoch && kept.as_ref().is_some_and(is_other))
    });
    let group_info = is_group_info.await?;
    tracing::warn!(group_id = %id, by = %taken.user_id, group_info, "reports a commit that cannot be used");
    link.context.api.report_unusable(&id, epoch, UnusableCommit { group_info }).await
}
