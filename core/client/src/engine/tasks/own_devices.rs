//! The account's own device list: asked for after connecting, and whenever the server says that there is news.

use std::sync::Arc;

use privmsg_protocol::ErrorCode;
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, Tx, blocks, settings};

use super::asked::Asked;
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::own_devices::publish::Publisher;
use crate::own_devices::{learn, sealed_copy, unseen};

#[derive(Default)]
pub(super) struct OwnDevices {
    asked: Asked,
}

impl Task for OwnDevices {
    fn name(&self) -> TaskName {
        learn::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        self.asked.due(at, Scope::Device)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let asked = self.asked.clone();
        Box::pin(async move {
            let news = ask(&link).await.map_err(|error| Failure::of(scope, error))?;
            asked.after(news);
            Ok(())
        })
    }
}

/// What comes while the server answers may be newer than the answer: it is asked again.
async fn ask(link: &Link) -> Result<i64, ClientError> {
    let context = &link.context;
    let news = context.store.read(blocks::news).await?;
    match catch_up(link).await {
        // Told, and not followed.
        Err(ClientError::AnotherOwnIdentity) => return Ok(news),
        other => other?,
    }
    look_at_the_profile(link).await?;
    compare_the_copy(link).await?;
    look_for_the_unseen(link).await?;
    Ok(news)
}

/// Looks at what the server says of the account: under which identity it shows it to others, and whether somebody has begun to put
/// another one in its place, which whoever has the access key can, and which takes days.
async fn look_at_the_profile(link: &Link) -> Result<(), ClientError> {
    let context = &link.context;
    let account = context.account().await?;
    let own = context.api.own_profile().await?;
    let (published, begun) = (own.profile.public_key, own.identity_replacement);
    let (is_begun, now) = (begun.is_some(), context.clock.now_ms());
    let told = context.store.write(move |tx| {
        learn::note_replacement(tx, is_begun, now)?;
        learn::note_published(tx, &account, published.as_deref(), now)
    });
    context.emit_all(told.await?);
    context.tell_of_replacement(begun);
    Ok(())
}

/// Looks whether the server still serves what the identity has signed for: who needs it has no other copy, perhaps.
async fn compare_the_copy(link: &Link) -> Result<(), ClientError> {
    let context = &link.context;
    let served = match context.api.sealed_identity().await {
        Err(error) if error.is(&ErrorCode::NoBackup) => None,
        other => Some(other?),
    };
    let now = context.clock.now_ms();
    let told = context.store.write(move |tx| sealed_copy::compare(tx, served.as_ref(), now)).await?;
    context.emit_all(told);
    Ok(())
}

/// When it was looked last for devices that have not been there for long, ms.
const LOOKED_FOR_UNSEEN: &str = "looked_for_unseen_at";

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Looks whether a device of the list has not been there for long: it is a matter of months, and once a day is enough.
async fn look_for_the_unseen(link: &Link) -> Result<(), ClientError> {
    let (context, now) = (&link.context, link.context.clock.now_ms());
    let looked = context.store.read(|at| settings::get(at, LOOKED_FOR_UNSEEN)).await?;
    if looked.is_some_and(|looked| (looked..looked.saturating_add(DAY_MS)).contains(&now)) {
        return Ok(());
    }
    let account = context.account().await?;
    let served = context.api.devices().await?.devices;
    let told = move |tx: &Tx<'_>| {
        settings::set(tx, LOOKED_FOR_UNSEEN, now)?;
        unseen::tell(tx, &account, &served, now)
    };
    let told = context.store.write(told).await?;
    context.emit_all(told);
    Ok(())
}

/// Hears of the newest list. A device that does not stand in it has no business here any more.
pub(crate) async fn catch_up(link: &Link) -> Result<(), ClientError> {
    let context = &link.context;
    let account = context.account().await?;
    let learnt = Publisher::of(context, &account).catch_up().await;
    let stands = context.store.read(move |at| {
        let known = learn::known(at, &account)?;
        Ok::<_, ClientError>(known.number().is_none() || learn::stands(&known, &account))
    });
    let stands = stands.await?;
    learnt?;
    if stands { Ok(()) } else { Err(ClientError::NotListed) }
}
