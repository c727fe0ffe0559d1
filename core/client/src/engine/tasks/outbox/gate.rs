//! What must be in order in a group of people before anything is encrypted for it. It is repaired by a commit, or what was written
//! waits with its reason; it never decides about anybody's commit.

use privmsg_e2ee::{Participant, Roster};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{contacts, group_chats};

use crate::error::ClientError;
use crate::group::loaded::LookedAt;
use crate::group::mls::Step;
use crate::group::{plan, rosters};

/// Whether a group of people may be written to as it is.
pub(super) enum Gate {
    Open,
    /// Not before a commit has brought it up to the newest roster.
    Behind,
    Strangers(Vec<Participant>),
}

/// Looks at a group before anything is encrypted for it. What was found in order is not looked at again before something of that
/// is another: of two hundred and fifty people that costs more than a message.
pub(super) fn gate(step: &Step<'_, '_>, group: &StoredGroup, roster: &[u8]) -> Result<Gate, ClientError> {
    let Some(known) = group_chats::load(step.tx, group.chat)? else { return Ok(Gate::Behind) };
    let looked_at = LookedAt {
        group: group.group_id,
        roster: roster.to_vec(),
        view: known.view,
        contacts: contacts::stamp(step.tx)?,
        own: step.identity.account,
    };
    if step.loaded.was_in_order(&looked_at) {
        return Ok(Gate::Open);
    }
    let gate = look(step, group, &rosters::stored(roster)?)?;
    if matches!(gate, Gate::Open) {
        step.loaded.is_in_order(looked_at);
    }
    Ok(gate)
}

fn look(step: &Step<'_, '_>, group: &StoredGroup, roster: &Roster) -> Result<Gate, ClientError> {
    let Some(view) = rosters::view(step.tx, group.chat)? else { return Ok(Gate::Behind) };
    let people = view.participants();
    // Of several heads only who stands in each counts: as long as nobody else is there, it may be written to.
    let is_settled = roster.participants().iter().all(|place| people.iter().any(|known| known.is_same_as(place)));
    if !view.is_newest(roster.hash()) || !is_settled {
        if !plan::can_be_settled(step.tx, group.chat, roster)? {
            return Err(ClientError::GroupUnsettled);
        }
        groups::set_reconcile(step.tx, &group.group_id)?;
        return Ok(Gate::Behind);
    }
    let strangers = rosters::strangers_under_known_names(step.tx, step.identity, roster)?;
    Ok(if strangers.is_empty() { Gate::Open } else { Gate::Strangers(strangers) })
}
