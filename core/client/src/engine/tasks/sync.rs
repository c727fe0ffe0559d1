//! Once after connecting: this device's groups are compared with the server's. Those that the server does not have are
//! forgotten, those that it should be in, or is behind in, are left to the [groups task](super::groups).

use std::cmp::Ordering;
use std::sync::Arc;

use privmsg_protocol::rest::Group;
use privmsg_store::groups::{self, GroupState};
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
    let theirs = link.context.api.groups().await?.groups;
    // What the comparison finds missing may still be on its way.
    link.stir();
    link.context
        .step(&link.identity, move |step| {
            for ours in groups::all(step.tx)? {
                let known = theirs.iter().any(|group| group.group_id == ours.group_id && !is_dead(group));
                if !known && ours.state != GroupState::Creating {
                    forget(step, ours.group_id)?;
                }
            }
            theirs.iter().filter(|group| !is_dead(group)).try_for_each(|group| compare_one(step, group))
        })
        .await?;
    link.compare();
    Ok(())
}

fn compare_one(step: &Step<'_, '_>, theirs: &Group) -> Result<(), ClientError> {
    let id = theirs.group_id;
    let ours = groups::load(step.tx, &id)?;
    if !is_leaf(theirs, step.identity) || ours.as_ref().is_none_or(|ours| ours.state != GroupState::Active) {
        // A request that has no answer yet goes before.
        if ours.as_ref().is_none_or(|ours| ours.request.is_none()) {
            lags::put(step.tx, &id, None, step.now_ms)?;
        }
        return Ok(());
    }
    match ours.map(|ours| ours.epoch.cmp(&theirs.epoch)) {
        Some(Ordering::Equal) => {
            if theirs.devices.iter().any(|device| device.leaf && !device.active) {
                groups::set_reconcile(step.tx, &id, true)?;
            }
            gaps::expect(step.tx, &id, theirs.seq)?;
        }
        // A commit may be on its way; if it does not come, it is lost.
        Some(Ordering::Less) => lags::put(step.tx, &id, Some(theirs.epoch), step.now_ms + COMMIT_WAIT)?,
        // The server has lost what it had accepted, as after a restored backup.
        Some(Ordering::Greater) | None => lags::put(step.tx, &id, None, step.now_ms)?,
    }
    Ok(())
}

fn is_leaf(theirs: &Group, identity: &Identity) -> bool {
    theirs.devices.iter().any(|device| device.leaf && device.device_id == identity.device_id)
}
