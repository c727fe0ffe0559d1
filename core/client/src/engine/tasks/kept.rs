//! After an update: what an earlier version did not understand, and kept, is done now.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName};

use super::{Due, Failure, Task, Work};
use crate::content;
use crate::engine::Link;
use crate::error::ClientError;

/// Contents of each kind for one transaction.
const AT_ONCE: u32 = 256;

pub(super) struct Kept;

impl Task for Kept {
    fn name(&self) -> TaskName {
        TaskName::new("kept")
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        Ok(Due::now_if(content::any_kept(at)?, Scope::Profile))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let (identity, now) = (Arc::clone(&link.identity), link.context.clock.now_ms());
            let done = link.context.store.write(move |tx| content::apply_kept(tx, &identity.user_id, AT_ONCE, now));
            let events = done.await.map_err(|error| Failure::of(scope, error))?;
            link.context.emit_all(events);
            Ok(())
        })
    }
}
