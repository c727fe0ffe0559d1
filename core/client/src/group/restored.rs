//! After the server was restored from a backup: it has lost what was said and changed since.
//!
//! What it still knows is joined anew, as what this device is behind in. What it knows no more is younger than the backup: a chat of two
//! is begun anew with what was said in it, and a group of people goes on in another one, with everybody's devices in it, by whoever
//! is there first or has something to say.

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

/// What becomes of a group that the server knows no more.
pub(crate) fn outlives(step: &Step<'_, '_>, id: &GroupId) -> Result<Vec<Event>, ClientError> {
    let Some(group) = groups::load(step.tx, id)? else { return Ok(Vec::new()) };
    let kind = chats::load(step.tx, group.chat)?.kind;
    // Whoever was declined or is blocked is not written to for it.
    if !asking::is_closed(step.tx, &kind)? {
        say_again(step, &group, Seq(0))?;
    }
    if !matches!(kind, ChatKind::Group { .. }) {
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
