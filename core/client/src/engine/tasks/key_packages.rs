//! This device's stock of key packages on the server (RFC 9420, section 10).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privmsg_e2ee::{KEY_PACKAGE_LIFETIME_S, forget_key_package, generate_key_package};
use privmsg_protocol::Opaque;
use privmsg_protocol::rest::PublishKeyPackages;
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, Store, TaskName, Tx, key_packages, settings};
use tokio::time::Instant;

use super::{Due, Failure, Task, Work};
use crate::clock::{Clock, seconds};
use crate::engine::Link;
use crate::error::{ClientError, During as _};
use crate::group::leaf_dates;
use crate::group::mls::with_mls;
use crate::identity::Identity;
use crate::net::http::Api;

/// Key packages after filling up. Each new chat with this device takes one; when none is left, the last-resort one
/// serves, with less forward secrecy for the first message.
const FULL: u64 = 32;

/// Below this the stock is filled up.
const LOW: u64 = FULL / 2;

/// When the last-resort key package was made, seconds.
const LAST_RESORT_AT: &str = "last_resort_at";

/// A last-resort key package is replaced this often, well within its lifetime of three months.
const LAST_RESORT_EVERY_S: i64 = 14 * 24 * 3600;

/// How long a welcome may be on its way: longer than servers keep messages. After it, what it would open is deleted.
const WELCOME_AGE_S: i64 = 31 * 24 * 3600;

/// How often the stock is looked at while connected.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Looks at the stock after connecting, and now and then.
#[derive(Default)]
pub(super) struct KeyPackages {
    next: Arc<Mutex<Option<Instant>>>,
}

impl Task for KeyPackages {
    fn name(&self) -> TaskName {
        TaskName::new("key_packages")
    }

    fn due(&self, _at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        // A device that cannot even get at its groups has no use for more of them.
        if !link.has_compared() {
            return Ok(due);
        }
        match *self.next.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(next) if next > Instant::now() => due.later(next),
            _ => due.now.push(Scope::Device),
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let next = Arc::clone(&self.next);
        Box::pin(async move {
            let times = Times::now(&link.context.api, &*link.context.clock);
            let filled = top_up(&link.context.store, &link.context.api, &link.identity, times).await;
            filled.map_err(|error| Failure::of(scope, error))?;
            *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + EVERY);
            Ok(())
        })
    }
}

/// When key packages are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// By the server's clock, in seconds: it says how long they are good, and what is dated by a wrong one is refused by everybody.
    now_s: i64,
    /// By this device's own, which dates all its leaves.
    made_at: u64,
}

impl Times {
    pub(crate) fn now(api: &Api, clock: &dyn Clock) -> Self {
        Self { now_s: api.clock().now_s(clock), made_at: seconds(clock.now_ms()) }
    }
}

/// Looks at the stock and fills it up if needed; of what nobody can use any more the private parts go.
async fn top_up(store: &Store, api: &Api, identity: &Arc<Identity>, times: Times) -> Result<(), ClientError> {
    let now_s = times.now_s;
    store.write(move |tx| forget_old(tx, now_s)).await?;
    let stock = api.key_package_stock().await?;
    let made = store.read(|at| settings::get(at, LAST_RESORT_AT)).await?.unwrap_or(0);
    if stock.count < LOW || !stock.last_resort || now_s - made >= LAST_RESORT_EVERY_S {
        publish_missing(store, api, identity, times, FULL.saturating_sub(stock.count)).await?;
    }
    Ok(())
}

/// Publishes a full stock. A new device does it before it is called ready.
pub(crate) async fn publish(
    store: &Store,
    api: &Api,
    identity: &Arc<Identity>,
    times: Times,
) -> Result<(), ClientError> {
    let stock = api.key_package_stock().await?;
    publish_missing(store, api, identity, times, FULL.saturating_sub(stock.count)).await
}

async fn publish_missing(
    store: &Store,
    api: &Api,
    identity: &Arc<Identity>,
    Times { now_s, made_at }: Times,
    count: u64,
) -> Result<(), ClientError> {
    let identity = Arc::clone(identity);
    let packages = store
        .write(move |tx| {
            let made_at = leaf_dates::give(tx, 0, made_at)?;
            with_mls(tx, |mls| {
                let make = |last_resort| {
                    let now = now_s.try_into().unwrap_or(0);
                    let made =
                        generate_key_package(mls, &identity.device, &identity.certificate, last_resort, now, made_at)
                            .during("making key packages")?;
                    let lifetime = i64::try_from(KEY_PACKAGE_LIFETIME_S).unwrap_or(i64::MAX);
                    let (until, replaced) = (now_s + lifetime + WELCOME_AGE_S, now_s + WELCOME_AGE_S);
                    key_packages::note(tx, &made.reference, last_resort, until, replaced)?;
                    Ok::<_, ClientError>(Opaque::encode(&made.bytes))
                };
                let key_packages = (0..count).map(|_| make(false)).collect::<Result<_, _>>()?;
                let last_resort = Some(make(true)?);
                settings::set(tx, LAST_RESORT_AT, now_s)?;
                Ok::<_, ClientError>(PublishKeyPackages { key_packages, last_resort })
            })
        })
        .await?;
    api.publish_key_packages(&packages).await.map(drop)
}

fn forget_old(tx: &Tx<'_>, now_s: i64) -> Result<(), ClientError> {
    let old = key_packages::to_forget(tx, now_s)?;
    with_mls(tx, |mls| {
        for reference in &old {
            forget_key_package(mls, reference)?;
            key_packages::remove(tx, reference)?;
        }
        Ok(())
    })
}

#[cfg(test)]
#[path = "key_packages_tests.rs"]
mod tests;
