//! Whom the user has blocked, on whichever device: asked after connecting, and whenever the server says that there is news.

use std::sync::{Arc, Mutex, PoisonError};

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, blocks};

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;

#[derive(Default)]
pub(super) struct Blocks {
    /// The news that the list was asked for after, on this connection.
    asked: Arc<Mutex<Option<i64>>>,
}

impl Task for Blocks {
    fn name(&self) -> TaskName {
        blocks::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let asked = *self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Due::now_if(asked != Some(blocks::news(at)?), Scope::Profile))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let asked = Arc::clone(&self.asked);
        Box::pin(async move {
            let news = ask(&link).await.map_err(|error| Failure::of(scope, error))?;
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
            Ok(())
        })
    }
}

/// What comes while the server answers may be newer than the answer: it is asked again.
async fn ask(link: &Link) -> Result<i64, ClientError> {
    let store = &link.context.store;
    let news = store.read(blocks::news).await?;
    let blocked: Vec<_> = link.context.api.blocked().await?.blocked.into_iter().map(|one| one.user_id).collect();
    let now = link.context.clock.now_ms();
    store.write(move |tx| blocks::replace(tx, &blocked, now)).await?;
    Ok(news)
}
