//! After the server was restored from a backup: it has lost what was said and changed since.
//!
//! What it still knows is joined anew. A group of people that it knows no more goes on in another group, with everybody's devices in
//! it, by whoever is there first or has something to say.

use privmsg_protocol::{GroupId, Seq};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::lags;

use super::asking;
use super::membership::went_back;
use super::mls::Step;
use super::request::{drop_request, say_again};
use super::schedule;
use super::standing::vanished;
use crate::error::ClientError;
use crate::events::Event;

/// What becomes of a group in which this device takes part. `last`: the last number of its history that the server has; none
/// if it knows no such group.
pub(crate) fn follow(step: &Step<'_, '_>, id: &GroupId, last: Option<Seq>) -> Result<Vec<Event>, ClientError> {
    let Some(group) = groups::load(step.tx, id)? else { return Ok(Vec::new()) };
    let kind = chats::load(step.tx, group.chat)?.kind;
    let is_of_people = matches!(kind, ChatKind::Group { .. });
    if last.is_some() {
        lags::put(step.tx, id, None, step.now_ms)?;
        return Ok(Vec::new());
    }
    // Whoever was declined or is blocked is not written to for it.
    if !asking::is_closed(step.tx, &kind)? {
        say_again(step, &group, Seq(0))?;
    }
    if !is_of_people {
        vanished(step, *id)?;
        return Ok(Vec::new());
    }
    drop_request(step, *id)?;
    lags::remove(step.tx, id)?;
    groups::set_state(step.tx, id, GroupState::Lost)?;
    let leaves = step.look(*id, |conversation| conversation.members().len())?.unwrap_or(0);
    groups::set_rotate_at(step.tx, id, schedule::going_on(step.now_ms, leaves))?;
    went_back(step, group.chat)
}
