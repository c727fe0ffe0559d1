//! Once everything has been quiet for a while, with nothing on its way, what is missing is lost, and shown.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, gaps};
use tokio::time::Instant;

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;

pub(super) struct Gaps;

impl Task for Gaps {
    fn name(&self) -> TaskName {
        TaskName::new("gaps")
    }

    fn due(&self, _at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        // What is missing may say that the profile was set back, and must not be taken for lost before.
        if !link.has_compared() {
            return Ok(due);
        }
        match link.quiet_at() {
            Some(at) if at <= Instant::now() => due.now.push(Scope::Profile),
            Some(at) => due.later(at),
            None => {}
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Some(quiet) = link.quiet_at().filter(|quiet| *quiet <= Instant::now()) else { return Ok(()) };
            let unsure: Vec<_> = link.unsure().into_iter().collect();
            link.context
                .store
                .write(move |tx| gaps::confirm_all(tx, &unsure))
                .await
                .map_err(|error| Failure::of(scope, error.into()))?;
            link.settle(quiet);
            Ok(())
        })
    }
}
