//! Files of messages that somebody asked for, fetched from where the last attempt broke off.

use std::sync::Arc;

use privmsg_protocol::ErrorCode;
use privmsg_store::downloads::{self, DownloadState};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, StoreError, TaskName, messages};

use super::{Due, Failure, Task, Work, files_due, until_gone};
use crate::engine::Link;
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::files::fetch::{Wanted, fetch};
use crate::files::paced;
use crate::view::message::MessageView;

/// Files on their way at once.
const AT_ONCE: usize = 3;

/// After so many attempts that brought something else, the server has another file.
const FALSE_AT_LAST: u32 = 2;

pub(super) struct Downloads;

impl Task for Downloads {
    fn name(&self) -> TaskName {
        downloads::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        Ok(files_due(at, &downloads::TASK, downloads::all_wanted(at)?, now_ms)?)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Scope::File(id) = scope else { return Ok(()) };
            let mut moved = 0;
            let downloaded = download(&link, id, &mut moved).await;
            match downloaded {
                // Only what is true is progress.
                Err(ClientError::AlteredFile) => Err(Failure::at_once(scope)),
                other => other.map_err(|error| Failure::of(scope, error).after_moving(moved)),
            }
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

async fn download(link: &Link, id: i64, moved: &mut u64) -> Result<(), ClientError> {
    let context = &link.context;
    let found = context.store.read(move |at| {
        let Some(download) = downloads::wanted(at, id)? else { return Ok(None) };
        let message = messages::load(at, download.message)?.map(|message| MessageView::of(at, message)).transpose()?;
        Ok::<_, ClientError>(Some((download, message)))
    });
    let Some((download, message)) = found.await? else { return Ok(()) };
    let position = usize::try_from(download.position).unwrap_or(usize::MAX);
    let of_message = message.and_then(|message| Some((message.attachments.get(position)?.clone(), message.chat.id)));
    let Some((attachment, chat)) = of_message else {
        // The message is gone.
        return Ok(context.store.write(move |tx| downloads::remove(tx, id)).await?);
    };
    let (row, file) = (download.message, download.position);
    let progress = {
        let context = Arc::clone(context);
        paced(move |done, total| context.emit(Event::DownloadProgress { id: row, chat, file, done, total }))
    };
    context.files.create()?;
    let wanted = Wanted { attachment, len: download.sealed_size, path: context.files.path(&download.sealed) };
    let fetched = tokio::select! {
        fetched = fetch(&context.api, &wanted, progress, moved) => fetched,
        gone = until_gone(&context.store, downloads::TASK, move |at| downloads::wanted(at, id)) => {
            note_what_is_there(link, id, &wanted).await?;
            return Ok(gone?);
        }
    };
    let state = match fetched {
        Ok(()) => DownloadState::Here,
        Err(ClientError::AlteredFile) => {
            // Once it may have been what was here already, or a server that has changed its mind.
            if context.store.write(move |tx| downloads::falsify(tx, id)).await? < FALSE_AT_LAST {
                return Err(ClientError::AlteredFile);
            }
            DownloadState::Failed(ErrorCode::from(downloads::ALTERED))
        }
        Err(error) if error.retry() == Retry::Never && !error.ends_session() => match error.code() {
            Some(code) => DownloadState::Failed(code.clone()),
            None => return Err(error),
        },
        Err(error) => {
            note_what_is_there(link, id, &wanted).await?;
            return Err(error);
        }
    };
    let now = context.clock.now_ms();
    if matches!(state, DownloadState::Failed(_)) {
        // What there is of it is of no use.
        context.files.remove(&download.sealed)?;
    }
    Ok(context.store.write(move |tx| downloads::set_state(tx, id, &state, now)).await?)
}

/// How much of a file is on the disk, for who keeps the folder small.
async fn note_what_is_there(link: &Link, id: i64, wanted: &Wanted) -> Result<(), StoreError> {
    let bytes = std::fs::metadata(&wanted.path).map_or(0, |data| data.len());
    link.context.store.write(move |tx| downloads::set_have(tx, id, bytes)).await
}
