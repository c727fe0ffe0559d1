//! Bringing a file that is encrypted to the server, part by part.

use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::TryStreamExt as _;
use privmsg_protocol::{ErrorCode, FileId};
use privmsg_store::uploads::{self, Upload};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::part_size::PartSize;
use super::tally::Tally;
use crate::engine::Link;
use crate::error::ClientError;
use crate::files::{PIECE, Progress};
use crate::net::NetworkError;
use crate::net::request::Body;
use crate::net::tus::UploadStatus;

/// HTTP status: the request is too large.
const TOO_LARGE: u16 = 413;

/// How often the server may be at another place than it said, or not know an upload that it has just begun, before that
/// is left for another time.
const SURPRISES: u32 = 3;

/// Brings what the server has not yet. Returns the file's name there. `tally` says what it came to, also if this fails.
pub(super) async fn bring(
    link: &Link,
    file: &Upload,
    part_size: &PartSize,
    progress: Progress,
    tally: &mut Tally,
) -> Result<FileId, ClientError> {
    let sealed = file.sealed.as_ref().ok_or(ClientError::Damaged("file to be uploaded"))?;
    let name = sealed.name.as_ref().ok_or(ClientError::Damaged("file to be uploaded"))?;
    let path = &link.context.files.path(name);
    let mut bringing = Bringing { link, row: file.id, path, len: sealed.len, progress, part_size, tally };
    let mut upload = file.upload_id.clone();
    let mut surprises = 0;
    loop {
        let (id, status) = match &upload {
            Some(id) => (id.clone(), link.context.api.upload_status(id).await),
            None => match bringing.begin().await {
                Ok((id, status)) => (upload.insert(id).clone(), Ok(status)),
                Err(error) if bringing.first_part() > 0 && may_be_smaller(&error, part_size, bringing.first_part()) => {
                    continue;
                }
                Err(error) => return Err(broken(error, part_size)),
            },
        };
        let brought = match status {
            Ok(status) => bringing.go_on(&id, status).await,
            Err(error) => Err(error),
        };
        match brought {
            Ok(file_id) => return Ok(file_id),
            // The message is not given up for that.
            Err(error) if surprises == SURPRISES && error.is(&ErrorCode::UnknownUpload) => {
                return Err(ClientError::Protocol("an upload that is not known as soon as it has begun"));
            }
            Err(error) if surprises == SURPRISES => return Err(error),
            // It has expired, or the server is an older one.
            Err(error) if error.is(&ErrorCode::UnknownUpload) => {
                let row = file.id;
                link.context.store.write(move |tx| uploads::set_upload(tx, row, None)).await?;
                upload = None;
            }
            Err(error) if error.is(&ErrorCode::UploadOffsetMismatch) => {}
            Err(error) => return Err(error),
        }
        surprises += 1;
    }
}

/// Whether something on the way refuses a part of this length, and a smaller one may pass.
fn may_be_smaller(error: &ClientError, part_size: &PartSize, len: u64) -> bool {
    let refused = matches!(error, ClientError::Network(NetworkError::Between(between)) if between.status == TOO_LARGE);
    refused && part_size.refused(len)
}

/// Smaller parts have a better chance.
fn broken(error: ClientError, part_size: &PartSize) -> ClientError {
    if matches!(error, ClientError::Network(_)) {
        part_size.broke();
    }
    error
}

struct Bringing<'a> {
    link: &'a Link,
    row: i64,
    path: &'a Path,
    len: u64,
    progress: Progress,
    part_size: &'a PartSize,
    tally: &'a mut Tally,
}

impl Bringing<'_> {
    /// A small file goes with the request that begins its upload.
    fn first_part(&self) -> u64 {
        if self.len <= self.part_size.get() { self.len } else { 0 }
    }

    async fn begin(&mut self) -> Result<(FileId, UploadStatus), ClientError> {
        let len = self.first_part();
        let body = if len > 0 { self.part(0, len).await? } else { Body::of("") };
        let (id, status) = self.link.context.api.begin_upload(self.len, body, len).await?;
        let (row, begun) = (self.row, id.clone());
        self.link.context.store.write(move |tx| uploads::set_upload(tx, row, Some(&begun))).await?;
        Ok((id, status))
    }

    async fn go_on(&mut self, id: &FileId, mut status: UploadStatus) -> Result<FileId, ClientError> {
        let part_size = self.part_size;
        loop {
            self.tally.confirm(status.offset.min(self.len));
            match status.file_id {
                // A server that has a file without having been given all of it has another one.
                Some(file_id) if status.offset == self.len => return Ok(file_id),
                None if status.offset < self.len => {}
                _ => return Err(ClientError::Protocol("an upload that is a file too early, or not when it should be")),
            }
            let len = part_size.get().min(self.len - status.offset);
            let body = self.part(status.offset, len).await?;
            match self.link.context.api.add_to_upload(id, status.offset, body, len).await {
                Ok(after) if after.offset == status.offset + len => {
                    part_size.arrived();
                    status = after;
                }
                Ok(_) => return Err(ClientError::Protocol("an upload that goes on elsewhere")),
                Err(error) if may_be_smaller(&error, part_size, len) => {}
                Err(error) => return Err(broken(error, part_size)),
            }
        }
    }

    /// `len` bytes from `offset` on, as they are sent.
    async fn part(&self, offset: u64, len: u64) -> Result<Body, ClientError> {
        let mut file = tokio::fs::File::open(self.path).await.map_err(ClientError::Disk)?;
        file.seek(SeekFrom::Start(offset)).await.map_err(ClientError::Disk)?;
        let (progress, total, mut done) = (Arc::clone(&self.progress), self.len, offset);
        let sent = self.tally.sent();
        let pieces = ReaderStream::with_capacity(file.take(len), PIECE).inspect_ok(move |piece| {
            done += piece.len() as u64;
            sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            progress(done, total);
        });
        Ok(Body::streamed(pieces))
    }
}
