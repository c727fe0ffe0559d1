//! Whom the user has blocked, on whichever device: asked after connecting, and whenever the server says that there is news.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, blocks};

use super::asked::Asked;
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;

#[derive(Default)]
pub(super) struct Blocks {
    asked: Asked,
}

impl Task for Blocks {
    fn name(&self) -> TaskName {
        blocks::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        self.asked.due(at, Scope::Profile)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let asked = self.asked.clone();
        Box::pin(async move {
            let news = ask(&link).await.map_err(|error| Failure::of(scope, error))?;
            asked.after(news);
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
