//! A device that does not stand in its account's device list: it has no connection, stays readable, keeps what it has to
//! say, and looks now and then whether it was let in.

use std::sync::Arc;
use std::time::Duration;

use privmsg_store::holds::{self, LONGEST_MS, Reason, Scope};
use tokio_util::sync::CancellationToken;

use super::{passing, token};
use crate::context::Context;
use crate::error::{ClientError, EngineError};
use crate::events::Event;
use crate::net::backoff::random_fraction;
use crate::own_devices::learn;
use crate::own_devices::publish::Publisher;
use crate::picture::{self, Standing};

/// How soon, and how late, it is looked again: soon at first, because whoever lets a device in often holds it in hand.
const SOONEST: Duration = Duration::from_secs(2);
const LATEST: Duration = Duration::from_secs(5 * 60);

/// Waits until this device is let in. `false` if the engine is to stop.
pub(super) async fn until_let_in(context: &Arc<Context>, leave: &CancellationToken) -> Result<bool, EngineError> {
    hold(context, true).await?;
    picture::note(context, Standing::Away).await;
    context.emit(Event::Waiting);
    // What the others have done shows at once; whether it is over, after a pause.
    if let Err(error) = is_let_in(context).await {
        tracing::info!(%error, "waits to be let in");
    }
    let mut pause = SOONEST;
    loop {
        tokio::select! {
            () = leave.cancelled() => return Ok(false),
            () = tokio::time::sleep(pause.mul_f64(0.5 + random_fraction() / 2.0)) => {}
        }
        match is_let_in(context).await {
            Ok(true) => {
                hold(context, false).await?;
                return Ok(true);
            }
            Ok(false) => {}
            Err(error) => {
                let error = passing(context, error).await?;
                tracing::info!(%error, "asks again whether this device was let in");
            }
        }
        pause = (pause * 2).min(LATEST);
    }
}

/// Whether a device that waited, as far as it knew, still does: asked of the server, and of the newest list.
pub(crate) async fn still_waits(context: &Arc<Context>) -> Result<bool, ClientError> {
    if !is_let_in(context).await? {
        return Ok(true);
    }
    context.store.write(|tx| holds::forget_of(tx, &privmsg_store::outbox::TASK, Scope::Profile)).await?;
    Ok(false)
}

/// Whether the server lets the device in, and the newest list that this device knows has it.
async fn is_let_in(context: &Arc<Context>) -> Result<bool, ClientError> {
    let account = context.account().await?;
    context.api.follow(&account);
    let waiting = match context.api.own_profile().await {
        Err(error) if error.needs_sign_in() => {
            token::sign_in_again(context, &account).await?;
            context.api.own_profile().await?.waiting
        }
        other => other?.waiting,
    };
    match Publisher::of(context, &account).learn_theirs().await {
        Err(ClientError::AnotherOwnIdentity) => return Ok(false),
        other => other?,
    }
    let known = {
        let account = account.clone();
        context.store.read(move |at| learn::known(at, &account)).await?
    };
    Ok(!waiting && learn::stands(&known, &account))
}

/// Says why nothing is sent, or that it is over.
async fn hold(context: &Context, waits: bool) -> Result<(), EngineError> {
    let now = context.clock.now_ms();
    let pause = Duration::from_millis(LONGEST_MS.unsigned_abs());
    let held = context.store.write(move |tx| {
        let task = privmsg_store::outbox::TASK;
        if waits {
            holds::put(tx, &task, Scope::Profile, &Reason::NotListed, now, |_| pause).map(drop)
        } else {
            holds::forget_of(tx, &task, Scope::Profile)
        }
    });
    held.await.map_err(EngineError::Store)
}
