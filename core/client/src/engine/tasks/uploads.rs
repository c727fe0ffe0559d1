//! Files of queued messages, uploaded beside everything else.

use std::sync::Arc;

use privmsg_e2ee::Content;
use privmsg_protocol::ErrorCode;
use privmsg_store::holds::Scope;
use privmsg_store::uploads::{self, Upload, Uploaded};
use privmsg_store::{Snapshot, TaskName, Tx, messages, outbox};

use super::{Due, Failure, Task, Work};
use crate::engine::Link;
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::{sending, transfer};

/// Files on their way at once: while one waits for a slow disk, the line is not idle.
const AT_ONCE: usize = 2;

/// Files that are looked at, so that some that wait do not hide the others.
const LOOK: u32 = 32;

pub(super) struct Uploads;

impl Task for Uploads {
    fn name(&self) -> TaskName {
        uploads::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let now = uploads::next(at, LOOK)?.into_iter().map(|file| Scope::File(file.id)).collect();
        Ok(Due { now, ..Due::default() })
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Scope::File(id) = scope else { return Ok(()) };
            upload(&link, id).await.map_err(|error| Failure::of(scope, error))
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

async fn upload(link: &Link, id: i64) -> Result<(), ClientError> {
    let found = link
        .context
        .store
        .read(move |at| {
            let Some(file) = uploads::load(at, id)? else { return Ok(None) };
            let queued = uploads::queued(at, file.outbox_id)?;
            let files = uploads::of_queued(at, file.outbox_id)?;
            let number = files.iter().position(|other| other.id == id).unwrap_or(0);
            Ok::<_, ClientError>(queued.map(|queued| (file, queued, u32::try_from(number).unwrap_or(0))))
        })
        .await?;
    let Some((file, queued, number)) = found else { return Ok(()) };
    let context = Arc::clone(&link.context);
    let (message_id, chat) = (queued.message_id, queued.chat);
    let progress = Box::new(move |done, total| {
        context.emit(Event::UploadProgress { message_id, chat, file: number, done, total });
    });
    match transfer::upload(&link.context.api, &file.path, progress).await {
        Ok(uploaded) => link.context.store.write(move |tx| note_uploaded(tx, &file, &uploaded)).await,
        Err(error) if error.retry() == Retry::Never && !error.ends_session() => give_up(link, &file, error).await,
        Err(error) => Err(error),
    }
}

/// The file cannot be sent, so the message is not.
async fn give_up(link: &Link, file: &Upload, error: ClientError) -> Result<(), ClientError> {
    let code = match (error.code(), &error) {
        (Some(code), _) => code.clone(),
        (None, ClientError::File { .. }) => ErrorCode::Other("local_file".into()),
        // What may be better another time is not for this message to suffer from.
        (None, _) => return Err(error),
    };
    tracing::warn!(user = %link.context.user_id, %code, "a file cannot be uploaded");
    let outbox_id = file.outbox_id;
    let queued = link.context.store.read(move |at| uploads::queued(at, outbox_id)).await?;
    match queued {
        Some(queued) => super::outbox::give_up(link, queued.message_id, code).await,
        None => Ok(()),
    }
}

/// Keeps where an uploaded file is; with the last one, the message is complete and can be sent.
fn note_uploaded(tx: &Tx<'_>, file: &Upload, uploaded: &Uploaded) -> Result<(), ClientError> {
    let Some(queued) = uploads::queued(tx, file.outbox_id)? else { return Ok(()) };
    uploads::set_uploaded(tx, file.id, uploaded)?;
    let files = uploads::of_queued(tx, file.outbox_id)?;
    let Some(content) = sending::with_files(&Content::decode(&queued.content)?, files)? else { return Ok(()) };
    let bytes = content.encode()?;
    outbox::set_content(tx, file.outbox_id, &bytes)?;
    if let Some(row) = queued.message_row {
        messages::set_content(tx, row, &bytes)?;
    }
    Ok(())
}
