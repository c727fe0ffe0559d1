//! After the server was restored from a backup: it has lost what was said and changed since.
//!
//! Chats between two and notes are joined anew, and wait until the other one has done so too. In a group of people that
//! would be to wait for the one who stays away longest, and what is said meanwhile nobody could read who had been further than
//! the backup: so it goes on in another group, with everybody's devices in it, by whoever is there first or has something to say.
//! So does a group that is younger than the backup; a chat of two that is, is begun anew.

use privmsg_protocol::{GroupId, Seq};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::lags;

use super::asking;
use super::membership::went_back;
use super::mls::Step;
use super::request::drop_request;
use super::saying_again::say_again;
use super::schedule;
use super::standing::vanished;
use crate::error::ClientError;
use crate::events::Event;

/// What becomes of a group in which the server gave `last` as the last number, or which it knows no more.
pub(crate) fn follow(step: &Step<'_, '_>, id: &GroupId, last: Option<Seq>) -> Result<Vec<Event>, ClientError> {
    let Some(group) = groups::load(step.tx, id)? else { return Ok(Vec::new()) };
    let kind = chats::load(step.tx, group.chat)?.kind;
    let is_of_people = matches!(kind, ChatKind::Group { .. });
    if !is_of_people && last.is_some() {
        lags::put(step.tx, id, None, step.now_ms)?;
        return Ok(Vec::new());
    }
    // Whoever was declined or is blocked is not written to for it.
    if !asking::is_closed(step.tx, &kind)? {
        say_again(step, &group, last.map_or(Seq(0), |last| last.next()))?;
    }
    if !is_of_people {
        return vanished(step, *id);
    }
    drop_request(step, *id)?;
    lags::remove(step.tx, id)?;
    groups::set_state(step.tx, id, GroupState::Lost)?;
    let leaves = step.look(*id, |conversation| conversation.members().len())?.unwrap_or(0);
    groups::set_rotate_at(step.tx, id, schedule::going_on(step.now_ms, leaves))?;
    if last.is_some_and(|last| last >= group.seen) { Ok(Vec::new()) } else { went_back(step, group.chat) }
}
