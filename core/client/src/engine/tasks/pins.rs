//! What this device knows of contacts' keys, told to the user's other devices in the conversation with oneself.

use std::sync::Arc;

use privmsg_e2ee::content::{MAX_PINS, Pins};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::contacts::words;
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, account};

use super::{Due, Failure, Task, Work};
use crate::content::{self, pins};
use crate::engine::Link;
use crate::error::ClientError;
use crate::group::mls::Step;
use crate::own_devices::learn;

pub(super) struct PassPins;

impl Task for PassPins {
    fn name(&self) -> TaskName {
        words::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let any = link.has_compared() && !words::untold(at, 1)?.is_empty() && has_others(at)?;
        Ok(Due::now_if(any, Scope::Device))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(
            async move { link.context.step(&link.identity, pass).await.map_err(|error| Failure::of(scope, error)) },
        )
    }
}

/// Whether this device stands in the list, and others, too: nobody else is to be told.
fn has_others(at: &Snapshot<'_>) -> Result<bool, ClientError> {
    let Some(account) = account::load(at)? else { return Ok(false) };
    let known = learn::known(at, &account)?;
    Ok(known.devices().len() > 1 && learn::stands(&known, &account))
}

fn pass(step: &Step<'_, '_>) -> Result<(), ClientError> {
    let own = (&step.identity.user_id, &step.identity.device_id);
    let untold = words::untold(step.tx, MAX_PINS)?;
    if untold.is_empty() {
        return Ok(());
    }
    let told = content::compose(&Pins { pins: untold.iter().map(pins::pin).collect() }, step.now_ms)?;
    let chat = chats::ensure(step.tx, &ChatKind::SelfNotes, step.now_ms)?;
    content::say(step.tx, own, chat, &told, step.now_ms)?;
    Ok(words::set_told(step.tx, &untold)?)
}
