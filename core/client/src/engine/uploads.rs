//! Files of queued messages, uploaded one after the other beside the engine's own work.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{Attachment, Body, Content};
use privmsg_protocol::{ErrorCode, MessageId};
use privmsg_store::outbox::{self, Upload};
use privmsg_store::{Connection, messages};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::client::Context;
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::net::backoff::{Backoff, random_fraction};
use crate::sending::encode;
use crate::transfer;

/// At most one upload at a time, and a pause after a failure.
pub(super) struct Uploads {
    context: Arc<Context>,
    running: Option<(Upload, JoinHandle<Result<Attachment, ClientError>>)>,
    backoff: Backoff,
    not_before: Instant,
}

impl Uploads {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, running: None, backoff: Backoff::new(), not_before: Instant::now() }
    }

    /// Starts the next upload, if none is running.
    pub(super) async fn start_next(&mut self) -> Result<(), ClientError> {
        if !self.may_start() {
            return Ok(());
        }
        let Some(upload) = self.context.store.read(outbox::next_upload).await? else { return Ok(()) };
        let outbox_id = upload.outbox_id;
        let Some(queued) = self.context.store.read(move |c| outbox::load_files(c, outbox_id)).await? else {
            return Ok(());
        };
        let task = run(Arc::clone(&self.context), upload.path.clone(), queued.message_id);
        self.running = Some((upload, tokio::spawn(task)));
        Ok(())
    }

    /// Waits for the running upload; without one, forever. Cancel-safe.
    pub(super) async fn wait(&mut self) -> Result<Attachment, ClientError> {
        match &mut self.running {
            Some((_, task)) => task.await.unwrap_or_else(|e| Err(ClientError::Crypto(e.to_string()))),
            None => std::future::pending().await,
        }
    }

    /// Notes the outcome of the upload that was waited for.
    pub(super) async fn conclude(&mut self, result: Result<Attachment, ClientError>) -> Result<(), ClientError> {
        let Some((upload, _)) = self.running.take() else { return Ok(()) };
        match result {
            Ok(attachment) => {
                self.backoff.reset();
                self.context.store.transact(move |c| note_uploaded(c, &upload, &attachment)).await
            }
            Err(error) if error.retry() == Retry::Never => self.give_up(&upload, &error).await,
            Err(error) => {
                tracing::info!(%error, "an upload broke off");
                self.not_before = Instant::now() + self.backoff.next(random_fraction()).max(Duration::from_millis(200));
                Ok(())
            }
        }
    }

    /// Whether an upload may start now.
    pub(super) fn may_start(&self) -> bool {
        self.running.is_none() && Instant::now() >= self.not_before
    }

    async fn give_up(&self, upload: &Upload, error: &ClientError) -> Result<(), ClientError> {
        tracing::warn!("a file cannot be uploaded");
        let outbox_id = upload.outbox_id;
        let code = error.code().cloned().unwrap_or_else(|| match error {
            ClientError::File { .. } => ErrorCode::Other("local_file".into()),
            _ => ErrorCode::Internal,
        });
        let reason = code.clone();
        let row = self
            .context
            .store
            .transact(move |c| {
                let Some(queued) = outbox::load_files(c, outbox_id)? else { return Ok::<_, ClientError>(None) };
                outbox::remove(c, &queued.message_id)?;
                if let Some(row) = queued.message_row {
                    messages::set_failed(c, row, reason.as_str())?;
                }
                Ok(queued.message_row)
            })
            .await?;
        if let Some(id) = row {
            self.context.emit(Event::Failed { id, code });
        }
        Ok(())
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.running {
            task.abort();
        }
    }
}

async fn run(context: Arc<Context>, path: PathBuf, message_id: MessageId) -> Result<Attachment, ClientError> {
    let events = context.events.clone();
    let progress = Box::new(move |done, total| {
        let _ = events.send(Event::UploadProgress { message_id, done, total });
    });
    transfer::upload(&context.api, &path, progress).await
}

/// Keeps an uploaded file's attachment; with the last one, the message is complete and can be sent.
fn note_uploaded(connection: &Connection, upload: &Upload, attachment: &Attachment) -> Result<(), ClientError> {
    let Some(queued) = outbox::load_files(connection, upload.outbox_id)? else { return Ok(()) };
    let alone = Body::Files { caption: String::new(), attachments: vec![attachment.clone()] };
    outbox::set_uploaded(connection, upload.id, &encode(queued.message_id, 0, alone)?)?;
    let mut attachments = Vec::new();
    for upload in outbox::uploads_of(connection, upload.outbox_id)? {
        let Some(encoded) = upload.attachment else { return Ok(()) };
        if let Body::Files { attachments: files, .. } = Content::decode(&encoded)?.body {
            attachments.extend(files);
        }
    }
    let sent_at = match queued.message_row {
        Some(row) => messages::load(connection, row)?.map_or(0, |message| message.sent_at),
        None => 0,
    };
    let content = encode(queued.message_id, sent_at, Body::Files { caption: queued.caption, attachments })?;
    outbox::set_content(connection, upload.outbox_id, &content)?;
    if let Some(row) = queued.message_row {
        messages::set_content(connection, row, &content)?;
    }
    Ok(())
}
