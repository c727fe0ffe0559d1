//! Receipts that are owed become messages.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, owed_receipts};

use super::{Due, Failure, Task, Work};
use crate::content::send_receipts;
use crate::engine::Link;
use crate::error::ClientError;

pub(super) struct Receipts;

impl Task for Receipts {
    fn name(&self) -> TaskName {
        owed_receipts::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        Ok(Due::now_if(owed_receipts::any(at)?, Scope::Profile))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let (identity, now) = (Arc::clone(&link.identity), link.context.clock.now_ms());
            let sent =
                link.context.store.write(move |tx| send_receipts(tx, (&identity.user_id, &identity.device_id), now));
            sent.await.map_err(|error| Failure::of(scope, error))
        })
    }

    fn is_quick(&self) -> bool {
        true
    }
}
