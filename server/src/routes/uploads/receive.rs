//! Taking bytes into an upload.

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use privmsg_protocol::{ErrorCode, FileId};

use super::head::Checksum;
use crate::app::AppState;
use crate::error::ApiError;
use crate::files::{FileWriter, Hold, Slot};
use crate::http::{self, BODY_PATIENCE};
use crate::routes::files::{LOOK_EVERY, disk_error, has_room};
use crate::storage::{Session, StorageError, StoredUpload};

/// One request that adds to an upload.
pub(super) struct Addition {
    pub(super) app: AppState,
    pub(super) session: Session,
    pub(super) file_id: FileId,
    pub(super) upload: StoredUpload,
    /// Where the bytes belong.
    pub(super) offset: u64,
    pub(super) checksum: Option<Checksum>,
    /// Nobody else adds to the upload, and memory for it is there, until this ends.
    pub(super) hold: Hold,
    pub(super) _slot: Slot,
}

/// How an upload stands after bytes were added.
pub(super) struct Added {
    pub(super) offset: u64,
    /// When the file expires, if it is one now.
    pub(super) file_expires_at: Option<i64>,
}

impl Addition {
    /// Takes in the body. Whatever way it ends, what is kept of it is on the disk for good.
    ///
    /// Runs as a task of its own: a handler is dropped when its connection breaks, and then what has come must still be
    /// written and the upload be free for the next request.
    pub(super) async fn receive(mut self, body: Body) -> Result<Added, ApiError> {
        self.note_unproven().await?;
        let mut writer = self.app.files.append(&self.file_id, self.offset).await.map_err(|e| lost(&e))?;
        let taken = self.take(body, &mut writer).await;
        let proven = self.checksum.take().map(Checksum::fits);
        match (taken, proven) {
            // What could not be compared is not kept.
            (Err(error), Some(_)) => {
                self.forget(&mut writer).await?;
                Err(error)
            }
            (Ok(()), Some(false)) => {
                self.forget(&mut writer).await?;
                Err(ApiError::new(ErrorCode::ChecksumMismatch, "the bytes do not have the checksum"))
            }
            (taken, proven) => {
                if let Err(error) = writer.finish().await {
                    // The disk has not taken some of it, and which is not known.
                    let _ = writer.cut(self.offset).await;
                    // What went wrong first says more than that nothing could follow.
                    taken?;
                    return Err(disk_error(&error));
                }
                if proven.is_some() {
                    self.app.storage.set_unproven(self.session.user, self.file_id.clone(), None).await?;
                }
                taken?;
                self.conclude(self.offset + writer.taken()).await
            }
        }
    }

    /// Before a byte of it is written: a process that dies in between must not take it for compared.
    async fn note_unproven(&mut self) -> Result<(), ApiError> {
        let from = self.checksum.as_ref().map(|_| self.offset);
        if self.upload.unproven_from == from {
            return Ok(());
        }
        if from.is_none() {
            // Bytes that a broken request has left behind go before the mark that tells them.
            self.app.files.append(&self.file_id, self.offset).await.map_err(|e| lost(&e))?;
        }
        Ok(self.app.storage.set_unproven(self.session.user, self.file_id.clone(), from).await?)
    }

    async fn take(&mut self, body: Body, writer: &mut FileWriter) -> Result<(), ApiError> {
        let mut body = body.into_data_stream();
        let taken = self.take_from(&mut body, writer).await;
        if taken.is_err() {
            http::discard(body).await;
        }
        taken
    }

    async fn take_from(&mut self, body: &mut BodyDataStream, writer: &mut FileWriter) -> Result<(), ApiError> {
        let room = self.upload.size - self.offset;
        let mut next_look = 0;
        while let Some(bytes) = self.next(body).await? {
            self.hold.heard();
            if writer.taken() + bytes.len() as u64 > room {
                return Err(too_much());
            }
            if writer.taken() >= next_look {
                has_room(&self.app, 0)?;
                next_look = writer.taken() + LOOK_EVERY;
            }
            if let Some(checksum) = &mut self.checksum {
                checksum.update(&bytes);
            }
            writer.write(bytes).await.map_err(|error| disk_error(&error))?;
        }
        Ok(())
    }

    async fn next(&self, body: &mut BodyDataStream) -> Result<Option<Bytes>, ApiError> {
        tokio::select! {
            biased;
            () = self.app.stopping.cancelled() => Err(StorageError::Stopped.into()),
            () = self.hold.taken_over() => {
                Err(ApiError::new(ErrorCode::UploadLocked, "another request has gone on with the upload"))
            }
            next = tokio::time::timeout(BODY_PATIENCE, body.next()) => match next {
                Err(_) => Err(http::too_slow()),
                Ok(next) => next.transpose().map_err(|_| ApiError::malformed("the body is broken off")),
            },
        }
    }

    async fn forget(&self, writer: &mut FileWriter) -> Result<(), ApiError> {
        writer.cut(self.offset).await.map_err(|error| disk_error(&error))?;
        Ok(self.app.storage.set_unproven(self.session.user, self.file_id.clone(), None).await?)
    }

    async fn conclude(&self, offset: u64) -> Result<Added, ApiError> {
        let file_expires_at = if offset == self.upload.size {
            let expires_at = super::super::files::expires_at(&self.app);
            self.app.storage.finish_upload(self.session.user, self.file_id.clone(), expires_at).await?;
            Some(expires_at)
        } else {
            // Gone if the upload, or its user, was deleted meanwhile.
            self.app.storage.upload(self.session.user, self.file_id.clone()).await?;
            None
        };
        Ok(Added { offset, file_expires_at })
    }
}

pub(super) fn too_much() -> ApiError {
    ApiError::new(ErrorCode::FileTooLarge, "the body goes beyond `Upload-Length`")
}

/// The file of an upload cannot be opened: gone together with the upload, or a fault.
pub(super) fn lost(error: &std::io::Error) -> ApiError {
    if error.kind() == std::io::ErrorKind::NotFound {
        return ApiError::new(ErrorCode::UnknownUpload, "there is no such upload of yours");
    }
    disk_error(error)
}
