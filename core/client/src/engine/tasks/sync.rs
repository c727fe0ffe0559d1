//! Once after connecting: this device's groups are compared with the server's. Those that the server does not have are
//! forgotten, those that it should be in, or is behind in, are left to the [groups task](super::groups).

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use privmsg_protocol::rest::Group;
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, gaps, lags};

use super::groups::{COMMIT_WAIT, is_dead};
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::group::mls::Step;
use crate::group::request::forget;
use crate::identity::Identity;

pub(super) struct Sync;

impl Task for Sync {
    fn name(&self) -> TaskName {
        TaskName::new("sync")
    }

    fn due(&self, _at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        Ok(Due::now_if(!link.has_compared(), Scope::Device))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move { compare(&link).await.map_err(|error| Failure::of(scope, error)) })
    }

    fn is_needed_to_be_in_step(&self) -> bool {
        true
    }
}

async fn compare(link: &Link) -> Result<(), ClientError> {
    // The answer tells of a moment after this one. What changes here meanwhile, it says nothing about.
    let before: HashMap<_, _> = {
        let all = link.context.store.read(groups::all).await?;
        all.into_iter().map(|group| (group.group_id, group)).collect()
    };
    let theirs = link.context.api.groups().await?.groups;
    // What the comparison finds missing may still be on its way.
    link.stir();
    link.context
        .step(&link.identity, move |step| {
            for ours in before.values().filter(|ours| ours.state != GroupState::Creating) {
                let known = theirs.iter().any(|group| group.group_id == ours.group_id && !is_dead(group));
                if !known && is_as_before(step, ours)? {
                    forget(step, ours.group_id)?;
                }
            }
            for theirs in theirs.iter().filter(|group| !is_dead(group)) {
                compare_one(step, theirs, before.get(&theirs.group_id))?;
            }
            Ok::<_, ClientError>(())
        })
        .await?;
    link.compare();
    Ok(())
}

fn is_as_before(step: &Step<'_, '_>, before: &StoredGroup) -> Result<bool, ClientError> {
    Ok(groups::load(step.tx, &before.group_id)?
        .is_some_and(|now| (now.state, now.epoch, &now.request) == (before.state, before.epoch, &before.request)))
}

fn compare_one(step: &Step<'_, '_>, theirs: &Group, before: Option<&StoredGroup>) -> Result<(), ClientError> {
    let id = theirs.group_id;
    let Some(ours) = groups::load(step.tx, &id)? else {
        return Ok(lags::put(step.tx, &id, None, step.now_ms)?);
    };
    // One that has come since, or moved on, is in step, or has a request that goes before.
    let Some(before) = before else { return Ok(()) };
    if !is_as_before(step, before)? && ours.epoch >= theirs.epoch {
        return Ok(());
    }
    if ours.request.is_some() {
        return Ok(());
    }
    if !is_leaf(theirs, step.identity) || ours.state != GroupState::Active {
        return Ok(lags::put(step.tx, &id, None, step.now_ms)?);
    }
    match ours.epoch.cmp(&theirs.epoch) {
        Ordering::Equal => {
            if theirs.devices.iter().any(|device| device.leaf && !device.active) {
                groups::set_reconcile(step.tx, &id)?;
            }
            gaps::expect(step.tx, &id, theirs.seq)?;
        }
        // A commit may be on its way; if it does not come, it is lost.
        Ordering::Less => lags::put(step.tx, &id, Some(theirs.epoch), step.now_ms + COMMIT_WAIT)?,
        // The server has lost what it had accepted, as after a restored backup.
        Ordering::Greater => lags::put(step.tx, &id, None, step.now_ms)?,
    }
    Ok(())
}

fn is_leaf(theirs: &Group, identity: &Identity) -> bool {
    theirs.devices.iter().any(|device| device.leaf && device.device_id == identity.device_id)
}
