//! Device lists of others that are missing here are asked for. What their devices have said meanwhile is shown then.

use std::sync::Arc;

use privmsg_e2ee::{AccountPublicKey, Content, DevicePublicKey};
use privmsg_store::held::{self, Held};
use privmsg_store::holds::Scope;
use privmsg_store::messages::Direction;
use privmsg_store::position::Place;
use privmsg_store::wanted_lists;
use privmsg_store::{Snapshot, TaskName};

use super::{Due, Failure, Task, Work};
use crate::content::{self, Said};
use crate::device_lists::{self, fetch};
use crate::engine::Link;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::mls::Step;
use crate::trust;

pub(super) struct DeviceLists;

impl Task for DeviceLists {
    fn name(&self) -> TaskName {
        wanted_lists::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        let awaited = wanted_lists::awaited(at, now_ms)?;
        let is_awaited =
            |held: &Held| awaited.iter().any(|wanted| wanted.user == held.user && wanted.identity == held.identity);
        let mut due = Due::now_if(
            awaited.iter().any(|wanted| wanted.next_at <= now_ms)
                || held::all(at)?.iter().any(|held| !is_awaited(held)),
            Scope::Profile,
        );
        for wanted in &awaited {
            due.later_ms(wanted.next_at.min(wanted.gives_up_at()));
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move { look(&link).await.map_err(|error| Failure::of(scope, error)) })
    }
}

async fn look(link: &Link) -> Result<(), ClientError> {
    let now = link.context.clock.now_ms();
    let awaited = link.context.store.read(move |at| wanted_lists::awaited(at, now)).await?;
    let mut looked = Ok(());
    for wanted in awaited.into_iter().filter(|wanted| wanted.next_at <= now) {
        looked = fetch::look_for(link, wanted).await;
        if looked.is_err() {
            break;
        }
    }
    // A server that answers nothing keeps nothing back that has waited for long enough.
    let events = link.context.step(&link.identity, release).await?;
    link.context.emit_all(events);
    looked
}

/// Shows what was held because of a list that has come, or is not waited for any more.
pub(in crate::engine) fn release(step: &Step<'_, '_>) -> Result<Vec<Event>, ClientError> {
    let mut events = Vec::new();
    for held in held::all(step.tx)? {
        let wanted = wanted_lists::of(step.tx, &held.user, &held.identity)?;
        if wanted.is_some_and(|wanted| wanted.is_awaited(step.now_ms)) {
            continue;
        }
        held::remove(step.tx, held.id)?;
        events.extend(show(step, &held)?);
    }
    Ok(events)
}

fn show(step: &Step<'_, '_>, held: &Held) -> Result<Vec<Event>, ClientError> {
    const DAMAGED: ClientError = ClientError::Damaged("held content");
    let content = Content::decode(&held.content).map_err(|_| DAMAGED)?;
    let identity = AccountPublicKey::from_bytes(held.identity).map_err(|_| DAMAGED)?;
    let key = DevicePublicKey::from_bytes(held.device_key).map_err(|_| DAMAGED)?;
    let said = Said {
        chat: held.chat,
        place: Place::At(held.position),
        sender: &held.user,
        sender_device: &held.device,
        sender_key: Some(&key),
        own: &step.identity.user_id,
        direction: Direction::Incoming,
        content: &content,
        bytes: &held.content,
        now_ms: step.now_ms,
    };
    // They may have come to be known by another identity since.
    if trust::is_namesake(step.tx, step.identity.person(), &held.user, &identity)? {
        content::store_of_namesake(step.tx, &said)?;
        return Ok(Vec::new());
    }
    if !device_lists::load(step.tx, &held.user, identity)?.counts(&held.device, &key) {
        content::store_unlisted(step.tx, &said)?;
        return Ok(Vec::new());
    }
    let effect = content::apply(step.tx, &said)?;
    let received = effect.message.map(|id| Event::Received { id, chat: held.chat });
    Ok(received.into_iter().chain(effect.events).collect())
}
