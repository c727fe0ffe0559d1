//! This device's stock of key packages on the server (RFC 9420, section 10).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privmsg_e2ee::{forget_key_package, generate_key_package};
use privmsg_mls_public::Lifetime;
use privmsg_mls_public::lifetime::WELCOME_AGE_S;
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

/// When the last-resort key package was made, seconds by the server's clock.
const LAST_RESORT_AT: &str = "last_resort_at";

/// The same by this device's own.
const LAST_RESORT_MADE_AT: &str = "last_resort_made_at";

/// A last-resort key package is replaced this often, well before servers hand it out no longer.
const LAST_RESORT_EVERY_S: i64 = 14 * 24 * 3600;

/// Another one is not made sooner, whatever the server says that it has: the private part of each has to be kept.
const LAST_RESORT_PAUSE_S: i64 = 3600;

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
    /// This device's own clock, in seconds.
    fn here_s(self) -> i64 {
        self.made_at.try_into().unwrap_or(i64::MAX)
    }

    fn by_both(self, at: impl Fn(u64) -> u64) -> key_packages::Times {
        let at = |now: u64| at(now).try_into().unwrap_or(i64::MAX);
        key_packages::Times { server_s: at(self.now_s.try_into().unwrap_or(0)), here_s: at(self.made_at) }
    }

    pub(crate) fn now(api: &Api, clock: &dyn Clock) -> Self {
        Self { now_s: api.clock().now_s(clock), made_at: seconds(clock.now_ms()) }
    }
}

/// Looks at the stock and fills it up if needed; of what nobody can use any more the private parts go.
async fn top_up(store: &Store, api: &Api, identity: &Arc<Identity>, times: Times) -> Result<(), ClientError> {
    store.write(move |tx| forget_old(tx, times.by_both(|now| now))).await?;
    let stock = api.key_package_stock().await?;
    let made = store.read(|at| {
        let (by_server, here) = (settings::get(at, LAST_RESORT_AT)?, settings::get(at, LAST_RESORT_MADE_AT)?);
        Ok::<_, ClientError>((by_server.unwrap_or(0), here.unwrap_or(0)))
    });
    let (by_server, here): (i64, i64) = made.await?;
    let is_low = stock.count < LOW;
    // What is dated ahead was made when the server's clock was wrong, and is refused by everybody until then.
    let is_old = !within(times.now_s, by_server, LAST_RESORT_EVERY_S);
    let last_resort = (is_low || is_old || !stock.last_resort) && !within(times.here_s(), here, LAST_RESORT_PAUSE_S);
    if is_low || last_resort {
        publish_missing(store, api, identity, times, FULL.saturating_sub(stock.count), last_resort).await?;
    }
    Ok(())
}

/// Whether no more than `seconds` have passed since.
fn within(now_s: i64, since_s: i64, seconds: i64) -> bool {
    (0..seconds).contains(&now_s.saturating_sub(since_s))
}

/// Publishes a full stock. A new device does it before it is called ready.
pub(crate) async fn publish(
    store: &Store,
    api: &Api,
    identity: &Arc<Identity>,
    times: Times,
) -> Result<(), ClientError> {
    let stock = api.key_package_stock().await?;
    publish_missing(store, api, identity, times, FULL.saturating_sub(stock.count), true).await
}

async fn publish_missing(
    store: &Store,
    api: &Api,
    identity: &Arc<Identity>,
    times: Times,
    count: u64,
    last_resort: bool,
) -> Result<(), ClientError> {
    let identity = Arc::clone(identity);
    let packages = store
        .write(move |tx| {
            let made_at = leaf_dates::give(tx, 0, times.made_at)?;
            let until = times.by_both(|now| Lifetime::of_new(now).last_welcome());
            let replaced = times.by_both(|now| now.saturating_add(WELCOME_AGE_S));
            with_mls(tx, |mls| {
                let make = |last_resort| {
                    let now = times.now_s.try_into().unwrap_or(0);
                    let made =
                        generate_key_package(mls, &identity.device, &identity.certificate, last_resort, now, made_at)
                            .during("making key packages")?;
                    key_packages::note(tx, &made.reference, last_resort, until, replaced)?;
                    Ok::<_, ClientError>(Opaque::encode(&made.bytes))
                };
                let key_packages = (0..count).map(|_| make(false)).collect::<Result<_, _>>()?;
                let last_resort = last_resort.then(|| make(true)).transpose()?;
                if last_resort.is_some() {
                    settings::set(tx, LAST_RESORT_AT, times.now_s)?;
                    settings::set(tx, LAST_RESORT_MADE_AT, times.here_s())?;
                }
                Ok::<_, ClientError>(PublishKeyPackages { key_packages, last_resort })
            })
        })
        .await?;
    api.publish_key_packages(&packages).await.map(drop)
}

fn forget_old(tx: &Tx<'_>, now: key_packages::Times) -> Result<(), ClientError> {
    let old = key_packages::to_forget(tx, now)?;
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
