//! Commits of this device: devices that have gone are removed, leaf keys are renewed.

use std::cmp::Ordering;
use std::sync::Arc;

use privmsg_e2ee::{CommitError, Conversation, Member};
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::Group;
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::lags;

use super::mls::Step;
use super::request::{Request, forget, submit};
use super::schedule;
use crate::content::new_message_id;
use crate::engine::Link;
use crate::engine::tasks::groups::{COMMIT_WAIT, is_dead};
use crate::engine::tasks::own_devices;
use crate::error::{ClientError, During as _};
use crate::own_devices::learn;

/// Commits what is due in a group: a comparison with the server's devices, a change of this device's leaf key, or both
/// at once.
pub(crate) async fn commit_what_is_due(link: &Arc<Link>, group: &StoredGroup) -> Result<(), ClientError> {
    let id = group.group_id;
    let strangers = link.context.step(&link.identity, move |step| {
        let Some(conversation) = Conversation::load(step.mls, id)? else { return Ok(false) };
        learn::has_strangers(step.tx, step.identity, &conversation.members())
    });
    if strangers.await? {
        // One that another device has just let in may stand in a list that this one has not heard of.
        own_devices::catch_up(link).await?;
    }
    let theirs = match link.context.api.group(&id).await {
        Ok(theirs) if !is_dead(&theirs) => theirs,
        Err(error) if !error.is(&ErrorCode::UnknownGroup) => return Err(error),
        Ok(_) | Err(_) => return link.context.step(&link.identity, move |step| forget(step, id)).await,
    };
    let (before, now) = (group.clone(), link.context.clock.now_ms());
    let made = link
        .context
        .step(&link.identity, move |step| {
            // Between the question and now, others' commits may have come: `before` tells what the answer is about.
            let Some(ours) = groups::load(step.tx, &id)? else { return Ok(false) };
            match ours.epoch.cmp(&theirs.epoch) {
                Ordering::Equal => return prepare(step, &before, &theirs),
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

/// Makes the commit and stores it as a request. `false` if nothing has to change.
fn prepare(step: &Step<'_, '_>, before: &StoredGroup, theirs: &Group) -> Result<bool, ClientError> {
    let (id, rotate) = (before.group_id, before.rotate_at <= step.now_ms);
    groups::set_reconciled(step.tx, &id, before.reconcile)?;
    let Some(mut conversation) = Conversation::load(step.mls, id)? else {
        groups::set_state(step.tx, &id, groups::GroupState::Broken)?;
        return Ok(false);
    };
    let members = conversation.members();
    let own = learn::listed(step.tx, step.identity)?;
    let mut gone = Vec::new();
    for member in members.iter().filter(|member| !member.is_self) {
        if !is_signed_in(member, theirs) || learn::is_stranger(own.as_ref(), step.identity, member) {
            gone.push((member.user_id.clone(), member.device_id.clone()));
        }
    }
    if gone.is_empty() && (!rotate || members.len() == 1) {
        if rotate {
            // Nobody to keep a secret from: a group of this device alone needs no new keys.
            groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
        }
        return Ok(false);
    }
    let bundle = match conversation.commit(step.mls, &step.identity.device, &[], &gone) {
        // It was removed, and has not read that yet.
        Err(CommitError::Removed) => {
            groups::set_state(step.tx, &id, groups::GroupState::Broken)?;
            return Ok(false);
        }
        other => other.during("making a commit")?,
    };
    if !gone.is_empty() {
        // Until it is accepted, the devices still have to go.
        groups::set_reconcile(step.tx, &id)?;
    }
    Request::commit(new_message_id(step.now_ms)?, &bundle).store(step.tx, &id)?;
    Ok(true)
}

fn is_signed_in(member: &Member, group: &Group) -> bool {
    group
        .devices
        .iter()
        .any(|device| device.active && device.device_id == member.device_id && device.user_id == member.user_id)
}
