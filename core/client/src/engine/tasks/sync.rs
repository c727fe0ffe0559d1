//! Once after connecting: this device's groups are compared with the server's. Those that the server does not have are
//! forgotten, those that it should be in, or is behind in, are left to the [groups task](super::groups). The server is asked for
//! what has changed since the last comparison that has left nothing open: of the others it says epoch and last number.
//!
//! The comparison also shows a profile that was set back to an earlier copy, or that two machines use: with an empty
//! mailbox, numbers are missing that this device has sent itself, or has acknowledged. Until it has been made, nothing is
//! encrypted in a group, since the ratchet may be one that has been further already; where numbers are missing, the device
//! becomes a new leaf first. The server's word is all that there is. Where it says too much, a join too many is made; where
//! it says too little, a key is used twice, against which MLS has its reuse guard (RFC 9420, section 6.3.1).

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use privmsg_e2ee::ConversationInfo;
use privmsg_mls_public::incarnations::is_followed;
use privmsg_protocol::rest::{Group, GroupDevice, UnchangedGroup};
use privmsg_protocol::{ConversationId, Epoch, GroupId, Incarnation, Seq};
use privmsg_store::consent::{self, Consent};
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, StoreError, TaskName, gaps, lags, welcomes};

use super::groups::{COMMIT_WAIT, is_dead};
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::group::mls::Step;
use crate::group::restored;
use crate::group::standing::{Heard, vanished};
use crate::identity::Identity;

/// How long the group in which a conversation is said to go on may take to be joined, ms.
const NEXT_WAIT: i64 = 15_000;

pub(super) struct Sync;

impl Task for Sync {
    fn name(&self) -> TaskName {
        TaskName::new("sync")
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = !link.has_compared();
        for id in link.unsure() {
            due |= !owes_an_answer(at, &id)?;
        }
        Ok(Due::now_if(due, Scope::Device))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move { compare(&link).await.map_err(|error| Failure::of(scope, error)) })
    }

    fn is_needed_to_be_in_step(&self) -> bool {
        true
    }
}

/// Whether a group waits for something after which it may be another one: a request, or the use of an invitation.
fn owes_an_answer(at: &Snapshot<'_>, id: &GroupId) -> Result<bool, StoreError> {
    Ok(welcomes::of(at, id)?.is_some() || groups::load(at, id)?.is_some_and(|group| group.request.is_some()))
}

async fn compare(link: &Link) -> Result<(), ClientError> {
    let again = link.has_compared().then(|| link.unsure());
    // The answer tells of a moment after this one. What changes here meanwhile, it says nothing about.
    let look = |at: &Snapshot<'_>| {
        let with_heard = |group: StoredGroup| Ok((group.group_id, (Heard::of(at, &group.group_id)?, group)));
        groups::all(at)?.into_iter().map(with_heard).collect::<Result<HashMap<_, _>, StoreError>>()
    };
    let before = link.context.store.read(look).await?;
    let since = link.context.store.read(groups::cursor).await?;
    let answer = link.context.api.groups(since.as_deref()).await?;
    link.set_cursor(&answer.cursor);
    let (cursor, lineage) = (link.cursor(), answer.lineage);
    let changed = answer.groups.iter().filter(|group| !is_dead(group)).map(|group| Theirs::of(group, &link.identity));
    let conversations: Vec<_> =
        answer.groups.iter().filter(|group| !is_dead(group)).map(|group| (group.chat_id, group.incarnation)).collect();
    let theirs: Vec<_> = changed.chain(answer.unchanged.iter().map(Theirs::unchanged)).collect();
    // What the comparison finds missing may still be on its way.
    link.stir();
    let (unsure, events) = link
        .context
        .step(&link.identity, move |step| {
            let of_interest = |id: &GroupId| again.as_ref().is_none_or(|again| again.contains(id));
            // Numbers say nothing then: a group of the backup can have come to where this device was in the other one.
            let is_restored = groups::note_lineage(step.tx, &lineage)?;
            let of_interest = |id: &GroupId| is_restored || of_interest(id);
            if is_restored {
                consent::tell_again(step.tx, step.now_ms)?;
            }
            let mut events = Vec::new();
            for (heard, ours) in before.values().filter(|(_, ours)| may_be_lost(ours) && of_interest(&ours.group_id)) {
                if theirs.iter().any(|group| group.id == ours.group_id) {
                    continue;
                }
                if is_restored {
                    events.extend(restored::follow(step, &ours.group_id, None)?);
                } else if !is_as_before(step, ours)? {
                    continue;
                } else if goes_on(ours, &conversations) {
                    // Nobody has left or was put out; the next one is joined, takes its place, and the chat tells of that. If it cannot be
                    // joined, the server is asked for this one, for it has only said so.
                    groups::set_state(step.tx, &ours.group_id, GroupState::Broken)?;
                    lags::put(step.tx, &ours.group_id, None, step.now_ms + NEXT_WAIT)?;
                } else if *heard == Heard::of(step.tx, &ours.group_id)? {
                    events.extend(vanished(step, ours.group_id)?);
                }
            }
            let mut unsure = HashSet::new();
            for theirs in theirs.iter().filter(|group| of_interest(&group.id)) {
                let was_there = || before.get(&theirs.id).is_some_and(|(_, ours)| ours.state == GroupState::Active);
                if is_restored && was_there() {
                    events.extend(restored::follow(step, &theirs.id, Some(theirs.seq))?);
                    continue;
                }
                if compare_one(step, theirs, before.get(&theirs.id).map(|(_, ours)| ours))? == Told::Nothing {
                    unsure.insert(theirs.id);
                }
            }
            // Whatever has to be done in any of them is noted now, and need not be told again.
            if unsure.is_empty()
                && lags::has_room(step.tx)?
                && let Some(cursor) = cursor
            {
                groups::set_cursor(step.tx, &cursor)?;
            }
            Ok::<_, ClientError>((unsure, events))
        })
        .await?;
    link.context.emit_all(events);
    link.compare(unsure);
    Ok(())
}

/// Whether a conversation goes on in a later group, by the server's word.
fn goes_on(ours: &StoredGroup, conversations: &[(ConversationId, Incarnation)]) -> bool {
    let Ok(info) = ConversationInfo::decode(&ours.info) else { return false };
    let is_next = |(chat, incarnation): &(ConversationId, Incarnation)| {
        *chat == info.conversation_id() && is_followed(Some(info.incarnation()), *incarnation)
    };
    conversations.iter().any(is_next)
}

/// A group, as far as it is compared.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Theirs {
    id: GroupId,
    epoch: Epoch,
    seq: Seq,
    /// This device is a leaf of it.
    is_leaf: bool,
    /// Leaves of it are devices that have gone.
    has_gone: bool,
}

impl Theirs {
    pub(in crate::engine) fn of(group: &Group, identity: &Identity) -> Self {
        let is_leaf = |device: &GroupDevice| device.leaf && device.device_id == identity.device_id;
        Self {
            id: group.group_id,
            epoch: group.epoch,
            seq: group.seq,
            is_leaf: group.devices.iter().any(is_leaf),
            has_gone: group.devices.iter().any(|device| device.leaf && !device.active),
        }
    }

    /// Its devices are those of the last comparison, and what was due for them was noted then.
    const fn unchanged(group: &UnchangedGroup) -> Self {
        Self { id: group.group_id, epoch: group.epoch, seq: group.seq, is_leaf: true, has_gone: false }
    }
}

/// What a comparison has told about a group.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Told {
    /// Where it stands, and what is to be done for it is noted.
    All,
    /// Not whether this device has said more in it than the profile knows.
    Nothing,
}

/// Whether a group that the server does not name is one that it should.
fn may_be_lost(ours: &StoredGroup) -> bool {
    !matches!(ours.state, GroupState::Creating | GroupState::Lost)
}

fn is_as_before(step: &Step<'_, '_>, before: &StoredGroup) -> Result<bool, ClientError> {
    Ok(groups::load(step.tx, &before.group_id)?
        .is_some_and(|now| (now.state, now.epoch, &now.request) == (before.state, before.epoch, &before.request)))
}

pub(in crate::engine) fn compare_one(
    step: &Step<'_, '_>,
    theirs: &Theirs,
    before: Option<&StoredGroup>,
) -> Result<Told, ClientError> {
    let id = theirs.id;
    let Some(ours) = groups::load(step.tx, &id)? else {
        lags::put(step.tx, &id, None, step.now_ms)?;
        return Ok(if welcomes::of(step.tx, &id)?.is_some() { Told::Nothing } else { Told::All });
    };
    // One that has come since, or moved on, is in step, or has a request that goes before.
    let Some(before) = before else { return Ok(Told::Nothing) };
    if ours.request.is_some() || (!is_as_before(step, before)? && ours.epoch >= theirs.epoch) {
        return Ok(Told::Nothing);
    }
    if ours.state == GroupState::Lost {
        return Ok(Told::All);
    }
    if !theirs.is_leaf || ours.state != GroupState::Active {
        lags::put(step.tx, &id, None, step.now_ms)?;
        return Ok(Told::All);
    }
    match ours.epoch.cmp(&theirs.epoch) {
        Ordering::Equal => {
            if theirs.has_gone {
                groups::set_reconcile(step.tx, &id)?;
            }
        }
        // A commit may be on its way; if it does not come, it is lost.
        Ordering::Less => lags::put(step.tx, &id, Some(theirs.epoch), step.now_ms + COMMIT_WAIT)?,
        // The server has lost what it had accepted, as after a restored backup.
        Ordering::Greater => {
            lags::put(step.tx, &id, None, step.now_ms)?;
            return Ok(Told::All);
        }
    }
    // It had given numbers before that it says not to have given now.
    if before.seen > theirs.seq {
        lags::put(step.tx, &id, None, step.now_ms)?;
        return Ok(Told::All);
    }
    gaps::expect(step.tx, &id, theirs.seq)?;
    if consent::of_chat(step.tx, ours.chat)? == Consent::Declined {
        // Not this device's own: nothing is said there that no person says, and whoever says something brings about another epoch first.
        gaps::take_out(step.tx, &id)?;
    }
    if gaps::open_up_to(step.tx, &id, theirs.seq)? > 0 {
        lags::put_missing(step.tx, &id, theirs.seq, step.now_ms)?;
    }
    Ok(Told::All)
}
