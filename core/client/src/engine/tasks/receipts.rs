//! Receipts that are owed become messages.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, Tx, listed_devices, owed_receipts};

use super::{Due, Failure, Task, Work};
use crate::content::send_receipts;
use crate::engine::Link;
use crate::error::ClientError;

/// What is read so soon after it has arrived is told to be read, and not to have arrived before that; what arrives behind it is told with
/// it, ms.
const TOGETHER: i64 = 700;

/// How long a device waits for each one of its user's that comes before it, and may tell the same, ms.
const TURN: i64 = 2_000;

pub(super) struct Receipts;

impl Task for Receipts {
    fn name(&self) -> TaskName {
        owed_receipts::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        let Some(first) = owed_receipts::first(at)? else { return Ok(Due::default()) };
        let wait = wait(at, link)?;
        if told_until(first, wait, now_ms).is_some() {
            return Ok(Due::now(Scope::Profile));
        }
        let mut due = Due::default();
        due.later_ms(first + wait);
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let now = link.context.clock.now_ms();
            let (context, link) = (Arc::clone(&link.context), Arc::clone(&link));
            let send = move |tx: &Tx<'_>| {
                let Some(first) = owed_receipts::first(tx)? else { return Ok(()) };
                let Some(until) = told_until(first, wait(tx, &link)?, now) else { return Ok(()) };
                let own = &link.identity;
                send_receipts(tx, (&own.user_id, &own.device_id), until, now)
            };
            context.store.write(send).await.map_err(|error| Failure::of(scope, error))
        })
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// How long this device keeps to itself that something has arrived, ms.
fn wait(at: &Snapshot<'_>, link: &Link) -> Result<i64, ClientError> {
    if link.is_leaving() {
        return Ok(0);
    }
    Ok(TOGETHER + TURN * i64::from(listed_devices::before(at, &link.identity.device_id)?))
}

/// What has been owed since then at the latest is told now, if anything is. A clock that was set back holds up nothing.
const fn told_until(first: i64, wait: i64, now_ms: i64) -> Option<i64> {
    match now_ms - wait {
        _ if first > now_ms => Some(i64::MAX),
        until if first <= until => Some(until),
        _ => None,
    }
}
