//! Writes down by which words messages are found, so that whoever looks need not wait for it.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, search as stored};

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::search::index;

pub(super) struct Search;

impl Task for Search {
    fn name(&self) -> TaskName {
        stored::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        Ok(Due::now_if(stored::is_any_due(at)?, Scope::Profile))
    }

    /// One batch. What is left is due again.
    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let done = link.context.store.write(index::step);
            done.await.map(drop).map_err(|error| Failure::of(scope, error.into()))
        })
    }
}
