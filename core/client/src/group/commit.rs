//! Commits of this device: devices that have gone are removed, leaf keys are renewed, and a group of people is moved to its
//! next roster.

use std::cmp::Ordering;
use std::sync::Arc;

use privmsg_e2ee::{ClaimedKeyPackage, CommitError, Member, Roster};
use privmsg_protocol::limits::MAX_COMMIT_EVIDENCE;
use privmsg_protocol::rest::{Group, GroupDevice, PublishedDeviceList};
use privmsg_protocol::{DeviceId, ErrorCode, UserId};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::lags;

use super::create::claim_many;
use super::mls::Step;
use super::plan::{self, Plan};
use super::request::{Request, submit};
use super::standing::{Heard, has_vanished};
use super::{leaf_dates, leaving, schedule};
use crate::content::new_message_id;
use crate::device_lists::fetch::fetch;
use crate::device_lists::{self, gate};
use crate::engine::Link;
use crate::engine::tasks::groups::{COMMIT_WAIT, is_dead};
use crate::engine::tasks::own_devices;
use crate::error::{ClientError, During as _};

/// Accounts whose lists are asked for before one commit: the others are before the next.
const LOOKED_UP: usize = 8;

/// Commits what is due in a group: a comparison with the server's devices, a change of this device's leaf key, a step to
/// another roster, or all at once.
pub(crate) async fn commit_what_is_due(link: &Arc<Link>, group: &StoredGroup) -> Result<(), ClientError> {
    let id = group.group_id;
    let looked_up = look_up_strangers(link, group).await?;
    let heard = Heard::by_now(link, id).await?;
    let theirs = match link.context.api.group(&id).await {
        Ok(theirs) if !is_dead(&theirs) => theirs,
        Err(error) if !error.is(&ErrorCode::UnknownGroup) => return Err(error),
        Ok(_) | Err(_) => return has_vanished(link, id, heard).await,
    };
    let (before, asked) = (group.clone(), theirs.clone());
    let plan = link.context.step(&link.identity, move |step| plan::make(step, &before, &asked)).await?;
    let (next, more) = match plan {
        Plan::Nothing => (None, false),
        Plan::Step { next, more } => (Some(next), more),
        Plan::Leave(leave) => return leaving::leave(link, group, leave).await,
        Plan::Out { next, is_waiting } => return leaving::is_out(link, group, next, is_waiting).await,
    };
    let newcomers = match (&next, &group.roster) {
        (Some(next), Some(before)) => plan::newcomers(before, next)?,
        _ => Vec::new(),
    };
    let packages = if newcomers.is_empty() { Vec::new() } else { claim_many(link, newcomers).await? };
    let (before, now) = (group.clone(), link.context.clock.now_ms());
    let made = link
        .context
        .step(&link.identity, move |step| {
            // Between the question and now, others' commits may have come: `before` tells what the answer is about.
            let Some(ours) = groups::load(step.tx, &id)? else { return Ok(false) };
            match ours.epoch.cmp(&theirs.epoch) {
                Ordering::Equal => {
                    return prepare(step, &before, &theirs, next.as_ref(), &packages, (more, &looked_up));
                }
                Ordering::Less => lags::put(step.tx, &id, Some(theirs.epoch), now + COMMIT_WAIT)?,
                // The server has lost what it had accepted, as after a restored backup.
                Ordering::Greater if before.epoch > theirs.epoch => lags::put(step.tx, &id, None, now)?,
                Ordering::Greater => {}
            }
            Ok::<_, ClientError>(false)
        })
        .await?;
    if made { submit(link, id).await } else { Ok(()) }
}

/// Whoever has just been let in may stand in a list that this device has not heard of. Returns of whom it has asked: nobody else
/// is put out for that.
async fn look_up_strangers(link: &Arc<Link>, group: &StoredGroup) -> Result<Vec<UserId>, ClientError> {
    let id = group.group_id;
    let strangers =
        link.context.step(&link.identity, move |step| match step.look(id, |conversation| conversation.members())? {
            Some(members) => gate::strangers(step, &members),
            None => Ok(Vec::new()),
        });
    let mut looked_up = Vec::new();
    for (user, identity) in gate::accounts(&strangers.await?).into_iter().take(LOOKED_UP) {
        if user == link.identity.user_id {
            own_devices::catch_up(link).await?;
        } else {
            fetch(link, &user, identity, group.chat).await?;
        }
        looked_up.push(user);
    }
    Ok(looked_up)
}

/// Makes the commit and stores it as a request. `false` if nothing has to change. `more`: another one is due after it.
fn prepare(
    step: &Step<'_, '_>,
    before: &StoredGroup,
    theirs: &Group,
    next: Option<&Roster>,
    packages: &[ClaimedKeyPackage],
    (more, looked_up): (bool, &[UserId]),
) -> Result<bool, ClientError> {
    let (id, rotate) = (before.group_id, before.rotate_at <= step.now_ms);
    groups::set_reconciled(step.tx, &id, before.reconcile)?;
    let Some(mut conversation) = step.take(id)? else {
        groups::set_state(step.tx, &id, groups::GroupState::Broken)?;
        return Ok(false);
    };
    let members = conversation.members();
    let stale = leaf_dates::stale(step.tx, before, &conversation)?;
    // This device's own, by a key package of before: the commit renews it.
    let rotate = rotate || stale.contains(&step.identity.device.public());
    // A leaf that has come back is none of the server's after a restore. One that is, by its word, it does not let go: that is
    // tried, but nothing else has to wait for it.
    let waits = next.is_some() || rotate;
    let is_let_go = |member: &Member| !waits || member.user_id == step.identity.user_id || !is_leaf(member, theirs);
    let is_stale = |member: &Member| stale.contains(&member.device_key) && is_let_go(member);
    let Departures { gone, evidence } = who_goes(step, &members, theirs, looked_up, is_stale)?;
    if next.is_none() && gone.is_empty() && (!rotate || members.len() == 1) {
        if rotate {
            // Nobody to keep a secret from: a group of this device alone needs no new keys.
            groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
        }
        step.keep(conversation)?;
        return Ok(false);
    }
    let (device, made_at) = (&step.identity.device, leaf_dates::next(step, Some(before.chat))?);
    let made = match next {
        Some(next) => {
            let packages: Vec<_> = packages.iter().filter(|package| !is_in(&members, package)).cloned().collect();
            conversation.commit_step(step.mls, device, next, &packages, &gone, made_at)
        }
        None => conversation.commit(step.mls, device, &[], &gone, made_at),
    };
    let bundle = match made {
        // It was removed, and has not read that yet.
        Err(CommitError::Removed) => {
            groups::set_state(step.tx, &id, groups::GroupState::Broken)?;
            return Ok(false);
        }
        // Another roster counts since it was planned: it is planned anew.
        Err(CommitError::Step(reason)) => {
            tracing::info!(group_id = %id, %reason, "a change of a group has to be made anew");
            groups::set_reconcile(step.tx, &id)?;
            return Ok(false);
        }
        other => other.during("making a commit")?,
    };
    if !gone.is_empty() || more {
        // Until it is accepted, the devices still have to go.
        groups::set_reconcile(step.tx, &id)?;
    }
    groups::set_step(step.tx, &id, next.map(Roster::encode).as_deref())?;
    Request::commit(new_message_id(step.now_ms)?, &bundle, evidence).store(step.tx, &id)?;
    step.keep(conversation)?;
    Ok(true)
}

/// Devices that have to go.
#[derive(Debug, Default)]
struct Departures {
    gone: Vec<(UserId, DeviceId)>,
    evidence: Vec<PublishedDeviceList>,
}

/// Which devices have to go: those that are signed out by what the server says, and those that are by what their account has
/// signed, with what proves that where the server has not heard of it; and those whose leaf is an older one than was seen of them.
/// They join anew.
fn who_goes(
    step: &Step<'_, '_>,
    members: &[Member],
    theirs: &Group,
    looked_up: &[UserId],
    is_stale: impl Fn(&Member) -> bool,
) -> Result<Departures, ClientError> {
    let strangers = gate::strangers(step, members)?;
    let mut departures = Departures::default();
    for member in members.iter().filter(|member| !member.is_self) {
        if is_signed_in(member, theirs) && !is_stale(member) {
            if !strangers.contains(member) || !looked_up.contains(&member.user_id) {
                continue;
            }
            if member.user_id != step.identity.user_id {
                let lists: Vec<_> = gate::evidence(step, member)?.iter().map(device_lists::published).collect();
                if departures.evidence.len() + lists.len() > MAX_COMMIT_EVIDENCE {
                    // With the next commit.
                    continue;
                }
                departures.evidence.extend(lists);
            }
        }
        departures.gone.push((member.user_id.clone(), member.device_id.clone()));
    }
    Ok(departures)
}

fn is_in(members: &[Member], package: &ClaimedKeyPackage) -> bool {
    let new = package.member();
    let same = |member: &&Member| member.user_id == new.user_id && member.device_id == new.device_id;
    members.iter().find(same).is_some_and(|member| member.identity == new.identity)
}

fn is_signed_in(member: &Member, group: &Group) -> bool {
    described(member, group).is_some_and(|device| device.active)
}

fn is_leaf(member: &Member, group: &Group) -> bool {
    described(member, group).is_some_and(|device| device.active && device.leaf)
}

fn described<'a>(member: &Member, group: &'a Group) -> Option<&'a GroupDevice> {
    let is_it = |device: &&GroupDevice| device.device_id == member.device_id && device.user_id == member.user_id;
    group.devices.iter().find(is_it)
}
