//! Coming in by external commit (RFC 9420, section 12.4.3.2): asking for it, and what follows from the answer. Between them the device
//! is in the new epoch already, and hears what others say there.

use privmsg_e2ee::{Conversation, ExternalJoinError, RejectReason};
use privmsg_protocol::rest::PublicGroupState;
use privmsg_protocol::{Epoch, GroupId, Seq};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::position::Place;
use privmsg_store::{epoch_ends, gaps, holds, lags, outbox, parked, rejoins, welcomes};

use super::claim::Claim;
use super::join::{Outcome, Why, declined};
use super::membership::{self, Judgement};
use super::mls::Step;
use super::request::Request;
use super::saying_again::{had_taken_since, say_again};
use super::{asking, former, leaf_dates, schedule};
use crate::content::{decisions, new_message_id};
use crate::engine::tasks::groups::COMMIT_WAIT;
use crate::error::{ClientError, causes};
use crate::events::Event;

/// Makes the external commit and stores it with the new state. The first attempt is `counted` here, whatever the server will
/// answer.
pub(crate) fn ask(
    step: &Step<'_, '_>,
    id: GroupId,
    state: &PublicGroupState,
    claim: &Claim,
    counted: Option<Why>,
) -> Result<(Outcome, Vec<Event>), ClientError> {
    let (Some(info), Some(tree)) = (state.group_info.decode(), state.ratchet_tree.decode()) else {
        return Err(ClientError::Protocol("a group's public state that is not base64"));
    };
    if welcomes::is_kept(step.tx, &id)? {
        return Ok((Outcome::Invited, Vec::new()));
    }
    let chat = chats::find(step.tx, &claim.kind)?;
    let made_at = leaf_dates::next(step, chat)?;
    let part = step.tx.savepoint()?;
    former::put_aside(step, id)?;
    let (device, certificate) = (&step.identity.device, &step.identity.certificate);
    let roster = claim.shown.roster.clone();
    let joined = Conversation::join_external(step.mls, device, certificate, &info, &tree, roster, made_at);
    let (conversation, bundle) = match joined {
        Ok(joined) => joined,
        Err(error) => {
            part.undo()?;
            return Ok((not_joined(step, id, error)?, Vec::new()));
        }
    };
    let events = match membership::adopt(step, &conversation, id, claim)? {
        Judgement::Adopted(events) => events,
        other => {
            part.undo()?;
            return declined(step, id, claim, other);
        }
    };
    part.keep()?;
    asking::came_in(step, id, claim)?;
    if let Some(why) = counted {
        rejoins::note(step.tx, &id, why == Why::Missing, step.now_ms)?;
    }
    groups::set_state(step.tx, &id, GroupState::Joining)?;
    // It waits for epochs of the state that was replaced. What comes from now on, and too early, is of this one.
    parked::clear(step.tx, &id)?;
    groups::note_seen(step.tx, &id)?;
    groups::set_epoch(step.tx, &id, conversation.epoch())?;
    Request::join(new_message_id(step.now_ms)?, &bundle).store(step.tx, &id)?;
    Ok((Outcome::Joining, events))
}

fn not_joined(step: &Step<'_, '_>, id: GroupId, error: ExternalJoinError) -> Result<Outcome, ClientError> {
    match error {
        ExternalJoinError::Storage(error) => Err(error.into()),
        ExternalJoinError::UpdateNeeded(newer) => Err(newer.into()),
        ExternalJoinError::Rejected(RejectReason::ForeignIdentity(user)) if user == step.identity.user_id => {
            Ok(Outcome::FormerSelf)
        }
        error => {
            tracing::warn!(group_id = %id, error = %causes(&error), "cannot join");
            Ok(Outcome::Refused)
        }
    }
}

/// This device was to see everything after `seq`, or after the invitation that it could not use.
pub(crate) fn begins_after(step: &Step<'_, '_>, id: GroupId, seq: Seq) -> Result<(), ClientError> {
    let invited = lags::of(step.tx, &id)?.and_then(|lag| lag.since);
    Ok(gaps::begin_after(step.tx, &id, invited.map_or(seq, |invited| invited.min(seq)))?)
}

/// The server has taken this device's external commit to an epoch, under that number. Others may have gone on since, and been
/// followed.
pub(crate) fn came_in(step: &Step<'_, '_>, id: GroupId, joined: Epoch, seq: Seq) -> Result<Vec<Event>, ClientError> {
    begins_after(step, id, seq)?;
    let seq = former::is_ended(step, id, joined, seq)?;
    lags::remove(step.tx, &id)?;
    let Some(conversation) = Conversation::load(step.mls, id)? else { return Ok(Vec::new()) };
    let Some(group) = groups::load(step.tx, &id)? else { return Ok(Vec::new()) };
    groups::set_state(step.tx, &id, GroupState::Active)?;
    holds::release_people(step.tx, group.chat)?;
    let comes_back = leaf_dates::comes_back(step, group.chat)?;
    groups::begin_at(step.tx, &id, conversation.epoch())?;
    groups::set_told(step.tx, &id, None)?;
    groups::set_request(step.tx, &id, None)?;
    groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
    // What was encrypted before is encrypted anew.
    outbox::clear_encrypted_for(step.tx, &id)?;
    say_again(step, &group, had_taken_since(seq))?;
    let goes_back = joined <= group.reached || gaps::goes_back(step.tx, &id, seq)?;
    if comes_back {
        // What was said since the backup bears numbers that are given out again. What has come of that has been read as anew.
        if group.reached.0 > 0 {
            groups::renumber(step.tx, &id)?;
        }
        if chats::load(step.tx, group.chat)?.kind == ChatKind::SelfNotes {
            decisions::has_missed(step.tx)?;
        }
    }
    gaps::restart(step.tx, &id, seq)?;
    epoch_ends::note(step.tx, &id, joined, seq, step.now_ms)?;
    leaf_dates::note(step.tx, group.chat, &conversation.dates(), Place::Numbered { group: id, seq })?;
    if parked::any(step.tx, &id)? {
        // A commit is on its way, or waits for an update.
        lags::put(step.tx, &id, Some(conversation.epoch().next()), step.now_ms + COMMIT_WAIT)?;
    }
    // Devices may have gone while this one was away, its own former ones among them.
    groups::set_reconcile(step.tx, &id)?;
    let mut events = membership::has_come_in(step, id)?;
    if goes_back {
        events.extend(membership::went_back(step, group.chat)?);
    }
    Ok(events)
}
