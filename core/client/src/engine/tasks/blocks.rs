//! Whom the user has blocked, on whichever device: asked after connecting, and whenever the server says that there is news. Where it has
//! somebody otherwise than the user's devices have told, and none of them does for long, the user is told.

use std::sync::Arc;

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, Tx, account, blocks};

use super::asked::Asked;
use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;
use crate::own_devices::block_news;

#[derive(Default)]
pub(super) struct Blocks {
    asked: Asked,
}

impl Task for Blocks {
    fn name(&self) -> TaskName {
        blocks::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        let mut due = self.asked.due(at, Scope::Profile)?;
        match block_news::due_at(at)? {
            Some(time) if time <= now_ms => due = Due::now(Scope::Profile),
            Some(time) => due.later_ms(time),
            None => {}
        }
        Ok(due)
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
    let take_over = move |tx: &Tx<'_>| {
        blocks::replace(tx, &blocked, now)?;
        match account::load(tx)? {
            Some(account) => block_news::tell_what_is_due(tx, &account, now),
            None => Ok(None),
        }
    };
    if let Some(told) = store.write(take_over).await? {
        link.context.emit(told);
    }
    Ok(news)
}
