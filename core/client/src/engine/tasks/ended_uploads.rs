//! Uploads that nobody wants any more are taken off the server: until then they count against what a user may keep there.

use std::sync::Arc;

use privmsg_protocol::ErrorCode;
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName, ended_uploads};

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::ClientError;

pub(super) struct EndedUploads;

impl Task for EndedUploads {
    fn name(&self) -> TaskName {
        ended_uploads::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        Ok(Due::now_if(ended_uploads::next(at)?.is_some(), Scope::Device))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move { end_one(&link).await.map_err(|error| Failure::of(scope, error)) })
    }
}

async fn end_one(link: &Link) -> Result<(), ClientError> {
    let store = &link.context.store;
    let Some(upload) = store.read(ended_uploads::next).await? else { return Ok(()) };
    match link.context.api.end_upload(&upload).await {
        Err(error) if !error.is(&ErrorCode::UnknownUpload) => Err(error),
        _ => Ok(store.write(move |tx| ended_uploads::remove(tx, &upload)).await?),
    }
}
