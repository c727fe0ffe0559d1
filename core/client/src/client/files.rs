//! Files of messages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use privmsg_e2ee::Attachment;
use privmsg_e2ee::attachment::encrypted_len;
use privmsg_protocol::ErrorCode;
use privmsg_store::downloads::{self, Download, DownloadState};
use privmsg_store::holds::{self, Hold, Scope};
use privmsg_store::{Change, StoreError, messages};

use super::Client;
use crate::error::{ClientError, During as _};
use crate::files::folder::random_name;
use crate::files::{Cancel, Cancelled, Progress, save};
use crate::view::message::MessageView;

/// What has become of one of several files that were to be saved.
#[derive(Debug)]
pub struct SavedFile {
    /// Its name, as its sender gave it.
    pub name: String,
    /// Where it is, or why it is not there.
    pub result: Result<PathBuf, ClientError>,
}

impl Client {
    /// Asks for the files of a message, by its row: the engine fetches what is not here yet, goes on where it broke off,
    /// and keeps what it fetched for a while ([`crate::CacheLimit`]).
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`] if it has none, or none that is on the server yet; of the database.
    pub async fn want_files(&self, message: i64) -> Result<(), ClientError> {
        let attachments = self.attachments(message).await?;
        let now = self.context.clock.now_ms();
        // A size that no file has keeps only its own file from being had.
        let wanted: Vec<_> = attachments
            .iter()
            .map(|file| Ok((random_name()?, encrypted_len(file.size).ok())))
            .collect::<Result<_, ClientError>>()?;
        // Somebody may have cleared the folder.
        let mut gone = self.downloads_of(message).await?;
        gone.retain(|file| file.state == DownloadState::Here && !self.context.files.path(&file.sealed).exists());
        self.context
            .store
            .write(move |tx| {
                for file in &gone {
                    downloads::remove(tx, file.id)?;
                }
                for (position, (name, len)) in (0..).zip(&wanted) {
                    let download = downloads::want(tx, message, position, name, len.unwrap_or(0), now)?;
                    if len.is_none() {
                        let altered = DownloadState::Failed(ErrorCode::from(downloads::ALTERED));
                        downloads::set_state(tx, download.id, &altered, now)?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// How far those files of a message have come that were asked for, in their order.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn downloads(&self, message: i64) -> Result<Vec<DownloadState>, ClientError> {
        Ok(self.downloads_of(message).await?.into_iter().map(|download| download.state).collect())
    }

    /// Waits until none of a message's files is on its way any more, whichever process fetches them.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_files(&self, message: i64) -> Result<(), ClientError> {
        let mut changes = self.changes();
        while self.downloads(message).await?.contains(&DownloadState::Wanted) {
            if !changes.wait_for(|change| *change == Change::Task(downloads::TASK)).await {
                return Err(StoreError::Closed.into());
            }
        }
        Ok(())
    }

    /// What keeps the files of a message from coming at the moment.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn holds_of_files(&self, message: i64) -> Result<Vec<Hold>, ClientError> {
        let now = self.context.clock.now_ms();
        self.read(move |at| {
            let files: Vec<_> =
                downloads::of_message(at, message)?.into_iter().map(|file| Scope::File(file.id)).collect();
            let mut all = holds::all(at)?;
            all.retain(|hold| hold.task == downloads::TASK && files.contains(&hold.scope) && hold.holds_at(now));
            Ok(all)
        })
        .await
    }

    /// Nobody waits for the files of a message any more. What has come of them is kept for a while.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn stop_downloads(&self, message: i64) -> Result<(), ClientError> {
        Ok(self.context.store.write(move |tx| downloads::stop(tx, message)).await?)
    }

    /// Saves the files of a message, which were fetched before: to `out` if it is one, into the directory `out` if there
    /// are several or `out` is a directory. One that cannot be had keeps none of the others back.
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`], [`ClientError::File`] if there can be no such directory; of the database.
    pub async fn save_files(
        &self,
        message: i64,
        out: &Path,
        progress: impl Fn(u64, u64) + Send + Sync + 'static,
    ) -> Result<Vec<SavedFile>, ClientError> {
        let attachments = self.attachments(message).await?;
        let into_dir = out.is_dir() || attachments.len() > 1;
        if into_dir {
            std::fs::create_dir_all(out).map_err(|source| ClientError::file(out, source))?;
        }
        let progress: Progress = Arc::new(progress);
        let mut saved = Vec::new();
        for (position, attachment) in (0..).zip(attachments) {
            let name = attachment.name.clone();
            let (target, shown) = (out.to_owned(), Arc::clone(&progress));
            let result = self
                .with_file(message, position, move |sealed, cancelled| {
                    let source = save::Source { sealed, attachment: &attachment, progress: &shown, cancelled };
                    if into_dir { source.save_into(&target) } else { source.save_as(&target).map(|()| target) }
                })
                .await;
            saved.push(SavedFile { name, result });
        }
        Ok(saved)
    }

    /// Writes the only file of a message, which was fetched before, into `sink`.
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`] if there is none, or more than one; as for [`Client::save_files`].
    pub async fn copy_file(&self, message: i64, mut sink: impl Write + Send + 'static) -> Result<(), ClientError> {
        let [attachment] = self.attachments(message).await?.try_into().map_err(|_| ClientError::NoSuchAttachment)?;
        let unseen: Progress = Arc::new(|_, _| {});
        self.with_file(message, 0, move |sealed, cancelled| {
            save::Source { sealed, attachment: &attachment, progress: &unseen, cancelled }.copy(&mut sink)
        })
        .await
    }

    /// One of a message's files, by its place among them, from 0, which was fetched before; up to `most` bytes of it.
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`] if there is none, or a longer one; as for [`Client::save_files`].
    pub async fn read_file(&self, message: i64, position: u32, most: usize) -> Result<Vec<u8>, ClientError> {
        let attachments = self.attachments(message).await?;
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        let attachment = attachments.into_iter().nth(at).filter(|file| file.size <= most as u64);
        let attachment = attachment.ok_or(ClientError::NoSuchAttachment)?;
        let unseen: Progress = Arc::new(|_, _| {});
        self.with_file(message, position, move |sealed, cancelled| {
            let mut bytes = Vec::new();
            save::Source { sealed, attachment: &attachment, progress: &unseen, cancelled }.copy(&mut bytes)?;
            Ok(bytes)
        })
        .await
    }

    /// Does something with the ciphertext of a file that is here, on a thread that may block.
    async fn with_file<T: Send + 'static>(
        &self,
        message: i64,
        position: u32,
        work: impl FnOnce(&Path, &Cancelled) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let now = self.context.clock.now_ms();
        let found = self.context.store.write(move |tx| {
            let found = downloads::find(tx, message, position)?;
            if let Some(download) = &found {
                downloads::touch(tx, download.id, now)?;
            }
            Ok::<_, StoreError>(found)
        });
        let Download { id, sealed, state, .. } = found.await?.ok_or(ClientError::NoSuchAttachment)?;
        match state {
            DownloadState::Here => {}
            DownloadState::Failed(code) => return Err(failure(code)),
            DownloadState::Wanted | DownloadState::Stopped => return Err(ClientError::NoSuchAttachment),
        }
        let path = self.context.files.path(&sealed);
        let cancel = Cancel::default();
        let cancelled = cancel.heard();
        let work = tokio::task::spawn_blocking(move || work(&path, &cancelled));
        let done = work.await.during("decrypting a file")?;
        if matches!(done, Err(ClientError::AlteredFile | ClientError::Disk(_))) {
            // It was whole once. What is left of it is fetched anew when it is asked for again.
            self.context.store.write(move |tx| downloads::remove(tx, id)).await?;
        }
        done
    }

    async fn downloads_of(&self, message: i64) -> Result<Vec<Download>, ClientError> {
        self.read(move |at| downloads::of_message(at, message)).await
    }

    async fn attachments(&self, message: i64) -> Result<Vec<Attachment>, ClientError> {
        let view = self
            .read(move |at| messages::load(at, message)?.map(|message| MessageView::of(at, message)).transpose())
            .await?;
        view.filter(|view| !view.uploading && !view.attachments.is_empty())
            .map(|view| view.attachments)
            .ok_or(ClientError::NoSuchAttachment)
    }
}

/// Why a file could not be had.
fn failure(code: ErrorCode) -> ClientError {
    if code.as_str() == downloads::ALTERED {
        return ClientError::AlteredFile;
    }
    ClientError::Server {
        code,
        detail: String::new(),
        retry_after: None,
        epoch: None,
        group_id: None,
        incarnation: None,
    }
}
