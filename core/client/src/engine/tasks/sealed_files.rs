//! Files of ciphertext that are not needed any more, or are too many.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, downloads, sealed_files};

use super::{Due, Failure, Task, Work};
use crate::client::CacheLimit;
use crate::engine::Link;
use crate::error::ClientError;

/// How long a file that was asked for stays, however little room there is: somebody is about to open it.
const FRESH_MS: i64 = 60 * 1000;

/// Files that are removed in one go.
const AT_ONCE: u32 = 64;

pub(super) struct SealedFiles;

impl Task for SealedFiles {
    fn name(&self) -> TaskName {
        sealed_files::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        if !sealed_files::unneeded(at, now_ms, 1)?.is_empty() {
            return Ok(Due::now(Scope::Profile));
        }
        let mut due = Due::default();
        if downloads::kept_bytes(at)? > CacheLimit::load(at)?.bytes()
            && let Some(oldest) = downloads::oldest_use(at)?
        {
            let until = oldest.saturating_add(FRESH_MS);
            if until <= now_ms { due.now.push(Scope::Profile) } else { due.later_ms(until) }
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move { tidy(&link).await.map_err(|error| Failure::of(scope, error)) })
    }
}

async fn tidy(link: &Link) -> Result<(), ClientError> {
    let (store, now) = (&link.context.store, link.context.clock.now_ms());
    let names = store.write(move |tx| {
        sealed_files::trim(tx, CacheLimit::load(tx)?.bytes(), now.saturating_sub(FRESH_MS))?;
        sealed_files::unneeded(tx, now, AT_ONCE)
    });
    let mut failed = None;
    let mut gone = Vec::new();
    for name in names.await? {
        // One that stays is in nobody's way but its own.
        match link.context.files.remove(&name) {
            Ok(()) => gone.push(name),
            Err(error) => failed = Some(error),
        }
    }
    store.write(move |tx| gone.iter().try_for_each(|name| sealed_files::remove(tx, name))).await?;
    failed.map_or(Ok(()), Err)
}
