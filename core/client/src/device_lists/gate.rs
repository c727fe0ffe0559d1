//! Who must not be encrypted for: before anything is, each leaf stands in the newest device list that is known of its user, and is
//! no older than what was seen of its device. What does not is removed by a commit of this device's own first.

use privmsg_e2ee::{AccountPublicKey, Conversation, Member};
use privmsg_mls_public::{DeviceList, KnownDevices};
use privmsg_protocol::UserId;
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{contacts, wanted_lists};

use super::load;
use crate::error::ClientError;
use crate::group::leaf_dates;
use crate::group::mls::Step;

/// Whether the devices of a group are those of its people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// Somebody has to leave, or be looked up, before.
    Strangers,
    /// The other one's list is being asked for.
    Missing,
}

/// Looks at a group before anything is encrypted for it. What was found in order is not compared again before a commit or
/// another list comes.
pub(crate) fn gate(step: &Step<'_, '_>, group: &StoredGroup, conversation: &Conversation) -> Result<Gate, ClientError> {
    let is_direct = group.roster.is_none();
    let is_checked = groups::is_checked(step.tx, group)?;
    // There may be a thousand, and nothing about them is looked at again.
    if is_checked && !is_direct {
        return Ok(Gate::Open);
    }
    let members = &conversation.members();
    if is_direct && is_missing(step, members)? {
        return Ok(Gate::Missing);
    }
    if is_checked {
        return Ok(Gate::Open);
    }
    if !leaf_dates::stale(step.tx, group, conversation)?.is_empty() {
        return Ok(Gate::Strangers);
    }
    let mut is_missing = false;
    for of_one in by_account(members) {
        let Some((user, identity)) = of_one.first().map(|member| (&member.user_id, member.identity)) else { continue };
        let known = load(step.tx, user, identity)?;
        if of_one.iter().any(|member| is_stranger(&known, member)) {
            return Ok(Gate::Strangers);
        }
        if *user != step.identity.user_id && (known.misses(None) || known.number().is_none()) {
            want(step, group, user, &known)?;
            // A number alone is signed by nobody: where several talk, whoever invents one must not silence the others.
            is_missing |= is_direct && known.misses(None);
            let wanted = wanted_lists::of(step.tx, user, known.identity().as_bytes())?;
            is_missing |= is_direct && wanted.is_some_and(|wanted| wanted.is_awaited(step.now_ms));
        }
    }
    if is_missing {
        return Ok(Gate::Missing);
    }
    groups::set_checked(step.tx, group)?;
    Ok(Gate::Open)
}

/// Whether somebody has named a list that is being asked for.
fn is_missing(step: &Step<'_, '_>, members: &[Member]) -> Result<bool, ClientError> {
    for member in members.iter().filter(|member| member.user_id != step.identity.user_id) {
        let wanted = wanted_lists::of(step.tx, &member.user_id, member.identity.as_bytes())?;
        if wanted.is_some_and(|wanted| wanted.named && wanted.is_awaited(step.now_ms)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Asks for the list of somebody of whom none is known, or none of a generation of which it is known that it has begun. Of those
/// who are met in a group alone it comes with the first thing that they say: there may be many.
fn want(step: &Step<'_, '_>, group: &StoredGroup, user: &UserId, known: &KnownDevices) -> Result<(), ClientError> {
    if group.roster.is_some() && contacts::load(step.tx, user)?.is_none() {
        return Ok(());
    }
    let account = (user, known.identity().as_bytes());
    Ok(wanted_lists::want(step.tx, account, (known.generation(), 0), group.chat, false, step.now_ms)?)
}

/// Whether a device does not stand in the newest list of its user, as far as one is known. Where a generation has begun whose
/// list is not known, the last list says who there is: what it says is out of date, and better than nothing.
pub(crate) fn is_stranger(known: &KnownDevices, member: &Member) -> bool {
    let (id, key) = (&member.device_id, &member.device_key);
    match known.lists() {
        [] => false,
        [only] if known.misses(None) => !only.has(id, key),
        _ => !known.counts(id, key),
    }
}

/// The strangers among these.
pub(crate) fn strangers(step: &Step<'_, '_>, members: &[Member]) -> Result<Vec<Member>, ClientError> {
    let mut strangers = Vec::new();
    for of_one in by_account(members) {
        let Some(first) = of_one.first() else { continue };
        let known = load(step.tx, &first.user_id, first.identity)?;
        strangers.extend(of_one.into_iter().filter(|member| is_stranger(&known, member)).cloned());
    }
    Ok(strangers)
}

/// What proves to the server that a device has to go: lists of its account that it does not stand in.
pub(crate) fn evidence(step: &Step<'_, '_>, member: &Member) -> Result<Vec<DeviceList>, ClientError> {
    let known = load(step.tx, &member.user_id, member.identity)?;
    let without = known.lists().iter().filter(|list| !list.has(&member.device_id, &member.device_key));
    Ok(without.cloned().collect())
}

/// The accounts of these, each once.
pub(crate) fn accounts(members: &[Member]) -> Vec<(UserId, AccountPublicKey)> {
    let firsts = by_account(members).into_iter().filter_map(|of_one| of_one.first().copied());
    firsts.map(|member| (member.user_id.clone(), member.identity)).collect()
}

fn by_account(members: &[Member]) -> Vec<Vec<&Member>> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    let account = |member: &Member| (member.user_id.clone(), *member.identity.as_bytes());
    sorted.sort_by_cached_key(|member| account(member));
    sorted.chunk_by(|a, b| a.user_id == b.user_id && a.identity == b.identity).map(<[&Member]>::to_vec).collect()
}
