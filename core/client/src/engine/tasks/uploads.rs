//! Files of queued messages: encrypted once, and brought to the server from where the last attempt broke off.

mod bring;
mod part_size;
mod tally;

use std::sync::Arc;

use privmsg_e2ee::Content;
use privmsg_e2ee::attachment::encrypted_len;
use privmsg_protocol::{ErrorCode, FileId};
use privmsg_store::holds::Scope;
use privmsg_store::uploads::{self, Sealed, Upload};
use privmsg_store::{Snapshot, TaskName, Tx, messages, outbox};

use super::{Due, Failure, Task, Work, files_due, until_gone};
use crate::context::Context;
use crate::engine::Link;
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::files::seal::{Source, seal};
use crate::files::{Progress, paced};
use crate::sending::{self, SEALED_AT_ONCE};
use part_size::PartSize;
use tally::Tally;

/// Files on their way at once: while one waits for a slow disk, the line is not idle, and a small one does not wait for
/// a large one.
const AT_ONCE: usize = 3;

#[derive(Default)]
pub(super) struct Uploads {
    part_size: Arc<PartSize>,
}

impl Task for Uploads {
    fn name(&self) -> TaskName {
        uploads::TASK
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        Ok(files_due(at, &uploads::TASK, uploads::all_waiting(at)?, now_ms)?)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let part_size = Arc::clone(&self.part_size);
        Box::pin(async move {
            let Scope::File(id) = scope else { return Ok(()) };
            let mut moved = 0;
            let uploaded = upload(&link, id, &part_size, &mut moved).await;
            uploaded.map_err(|error| Failure::of(scope, error).after_moving(moved))
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

async fn upload(link: &Link, id: i64, part_size: &PartSize, moved: &mut u64) -> Result<(), ClientError> {
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
    let Some((mut file, queued, number)) = found else { return Ok(()) };
    let context = Arc::clone(&link.context);
    let (message_id, chat) = (queued.message_id, queued.chat);
    let encrypting = {
        let context = Arc::clone(&context);
        paced(move |done, total| context.emit(Event::Encrypting { message_id, chat, file: number, done, total }))
    };
    let progress = paced(move |done, total| {
        context.emit(Event::UploadProgress { message_id, chat, file: number, done, total });
    });
    let mut tally = Tally::of(&file);
    let brought = async {
        encrypt(link, &mut file, encrypting).await?;
        bring::bring(link, &file, part_size, progress, &mut tally).await
    };
    let brought = tokio::select! {
        brought = brought => brought,
        // The user has taken the message back.
        gone = until_gone(&link.context.store, outbox::TASK, move |at| uploads::load(at, id)) => return Ok(gone?),
    };
    let confirmed = tally.confirmed();
    if brought.is_err() && confirmed > file.confirmed {
        *moved = tally.progress_since(file.confirmed);
        link.context.store.write(move |tx| uploads::set_confirmed(tx, id, confirmed)).await?;
    }
    match brought {
        Ok(file_id) => link.context.store.write(move |tx| note_uploaded(tx, &file, &file_id)).await,
        Err(error) if error.retry() == Retry::Never && !error.ends_session() => give_up(link, &file, error).await,
        Err(error) => Err(error),
    }
}

/// Encrypts the file, unless an earlier attempt has done that, and its work is still there.
async fn encrypt(link: &Link, file: &mut Upload, progress: Progress) -> Result<(), ClientError> {
    let context = &link.context;
    if file.sealed.as_ref().is_some_and(|sealed| is_there(context, sealed)) {
        return Ok(());
    }
    if file.size > SEALED_AT_ONCE {
        refuse_too_large(link, file.size).await?;
    }
    context.files.create()?;
    // Noted first, so that attempts that are killed leave one file, not one each.
    let name = match file.sealing.take().or_else(|| file.sealed.take().and_then(|sealed| sealed.name)) {
        Some(name) => name,
        None => context.files.make(&context.store, context.clock.now_ms()).await?,
    };
    let (id, noted) = (file.id, name.clone());
    context.store.write(move |tx| uploads::begin_sealing(tx, id, &noted)).await?;
    let sealed = seal(context, Source::At(file.path.clone()), name, progress).await?;
    let kept = sealed.clone();
    context.store.write(move |tx| uploads::set_sealed(tx, id, &kept)).await?;
    file.upload_id = None;
    file.sealed = Some(sealed);
    Ok(())
}

/// Whether all of the ciphertext is where it was put: somebody may have cleared the folder, or emptied what is in it.
fn is_there(context: &Context, sealed: &Sealed) -> bool {
    let Some(name) = &sealed.name else { return false };
    std::fs::metadata(context.files.path(name)).is_ok_and(|data| data.len() == sealed.len)
}

/// What the server is not going to take need not be encrypted first.
async fn refuse_too_large(link: &Link, size: u64) -> Result<(), ClientError> {
    let largest = link.context.api.largest_upload().await?;
    match (largest, encrypted_len(size)) {
        (Some(largest), Ok(len)) if len > largest => Err(ClientError::Server {
            code: ErrorCode::FileTooLarge,
            detail: format!("the server takes files of up to {largest} bytes"),
            retry_after: None,
            epoch: None,
            group_id: None,
            incarnation: None,
        }),
        _ => Ok(()),
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
    tracing::warn!(%code, "a file cannot be uploaded");
    let outbox_id = file.outbox_id;
    let queued = link.context.store.read(move |at| uploads::queued(at, outbox_id)).await?;
    match queued {
        Some(queued) => super::outbox::give_up(link, queued.message_id, code).await,
        None => Ok(()),
    }
}

/// Keeps where an uploaded file is; with the last one, the message is complete and can be sent.
fn note_uploaded(tx: &Tx<'_>, file: &Upload, file_id: &FileId) -> Result<(), ClientError> {
    let Some(queued) = uploads::queued(tx, file.outbox_id)? else { return Ok(()) };
    uploads::set_uploaded(tx, file.id, file_id)?;
    let files = uploads::of_queued(tx, file.outbox_id)?;
    let Some(content) = sending::with_files(&Content::decode(&queued.content)?, files)? else { return Ok(()) };
    let bytes = content.encode()?;
    outbox::set_content(tx, file.outbox_id, &bytes)?;
    if let Some(row) = queued.message_row {
        messages::set_content(tx, row, &bytes)?;
    }
    Ok(())
}
