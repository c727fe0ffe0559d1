//! Messages that their authors have given a lifetime go when it is over.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, messages};

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;

pub(super) struct Expiry;

impl Task for Expiry {
    fn name(&self) -> TaskName {
        TaskName::new("expiry")
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        match messages::first_expiry(at)? {
            Some(expires) if expires <= now_ms => due.now.push(Scope::Profile),
            Some(expires) => due.later_ms(expires),
            None => {}
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let now = link.context.clock.now_ms();
            let expired = link.context.store.write(move |tx| messages::expire(tx, now));
            expired.await.map_err(|error| Failure::of(scope, error.into()))
        })
    }
}
