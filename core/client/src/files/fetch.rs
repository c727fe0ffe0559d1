//! Downloading a file into the profile's folder, from where it broke off.
//!
//! What is kept is the ciphertext, as it comes. It is checked against what the message says of the file on the way, so
//! that a file that is all here is the one that its sender encrypted, and what a server has altered is found before the
//! rest is fetched. The message also says how long it is: no server can send more.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use privmsg_e2ee::Attachment;
use privmsg_e2ee::attachment::{AttachmentError, DecryptingWriter};
use privmsg_protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::durable::DurableWriter;
use super::folder::private_file;
use super::{PIECE, Progress};
use crate::error::{ClientError, During as _};
use crate::net::http::Api;

/// Pieces between the network and the disk.
const PIECES: usize = 8;

/// What is to be fetched, and where to.
pub(crate) struct Wanted {
    pub(crate) attachment: Attachment,
    /// Bytes of the ciphertext.
    pub(crate) len: u64,
    pub(crate) path: PathBuf,
}

/// Fetches what is missing of a file. When this returns, all of it is there, and is right. `moved` is how many bytes have
/// come, also if this fails.
///
/// # Errors
/// [`ClientError::AlteredFile`] if what was there, or what came, is not of this file: then nothing is there any more.
pub(crate) async fn fetch(api: &Api, wanted: &Wanted, progress: Progress, moved: &mut u64) -> Result<(), ClientError> {
    let (say, said) = oneshot::channel();
    let (pieces, queue) = mpsc::channel(PIECES);
    let (path, attachment, len) = (wanted.path.clone(), wanted.attachment.clone(), wanted.len);
    let checked = Arc::clone(&progress);
    let filling = tokio::task::spawn_blocking(move || fill(&path, &attachment, len, &checked, say, queue));
    // Without an answer, the thread has the reason.
    let from = said.await.unwrap_or(wanted.len);
    let fetched = if from < wanted.len {
        stream(api, wanted, from, pieces, &progress, moved).await
    } else {
        // The thread waits for no more.
        drop(pieces);
        Ok(())
    };
    let fetched = conclude(filling.await.during("writing a file")?, fetched);
    if matches!(fetched, Err(ClientError::AlteredFile)) {
        // Also where only its length was wrong.
        let _ = tokio::fs::remove_file(&wanted.path).await;
    }
    fetched
}

/// What the disk and what the network have to say. Of the two, the cause comes first.
fn conclude(filled: io::Result<bool>, fetched: Result<(), ClientError>) -> Result<(), ClientError> {
    match filled {
        Ok(true) => Ok(()),
        Ok(false) => {
            fetched?;
            Err(ClientError::Network("the download broke off".into()))
        }
        Err(error) if AttachmentError::of(&error).is_some() => Err(ClientError::AlteredFile),
        Err(error) => Err(ClientError::Disk(error)),
    }
}

async fn stream(
    api: &Api,
    wanted: &Wanted,
    from: u64,
    pieces: mpsc::Sender<Bytes>,
    progress: &Progress,
    moved: &mut u64,
) -> Result<(), ClientError> {
    let response = match api.download(&wanted.attachment.file_id, from).await {
        Err(error) if error.is(&ErrorCode::RangeNotSatisfiable) => return Err(ClientError::AlteredFile),
        other => other?,
    };
    if response.content_length().is_some_and(|rest| response.start().saturating_add(rest) != wanted.len) {
        return Err(ClientError::AlteredFile);
    }
    // Something on the way may know no ranges, and begin at the beginning.
    let mut skip = from - response.start();
    let mut done = from;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let mut piece = piece?;
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
        let mut piece = piece.split_off(skipped);
        skip -= skipped as u64;
        piece.truncate(usize::try_from(wanted.len - done).unwrap_or(usize::MAX));
        done += piece.len() as u64;
        *moved += piece.len() as u64;
        progress(done, wanted.len);
        // If the thread has ended, it has the reason. With all of the file here, whatever else comes, or does not end, is
        // not waited for.
        if pieces.send(piece).await.is_err() || done == wanted.len {
            break;
        }
    }
    Ok(())
}

/// Runs on a blocking thread: says how much of the file is there, and appends what comes. Returns whether it is complete.
fn fill(
    path: &Path,
    attachment: &Attachment,
    len: u64,
    progress: &Progress,
    have: oneshot::Sender<u64>,
    mut queue: mpsc::Receiver<Bytes>,
) -> io::Result<bool> {
    let mut file = private_file().read(true).write(true).create(true).truncate(false).open(path)?;
    // The thread of a session that has just ended may still be writing.
    file.lock()?;
    let (mut checker, mut filled) = match check(&mut file, attachment, len, progress) {
        Ok(checked) => checked,
        Err(error) if AttachmentError::of(&error).is_some() => {
            file.set_len(0)?;
            file.rewind()?;
            (checker_of(attachment), 0)
        }
        Err(error) => return Err(error),
    };
    let _ = have.send(filled);
    let mut file = DurableWriter::of(file);
    let checked = (|| {
        while let Some(piece) = queue.blocking_recv() {
            file.write_all(&piece)?;
            checker.write_all(&piece)?;
            filled += piece.len() as u64;
        }
        if filled == len {
            checker.finish()?;
        }
        Ok(filled == len)
    })();
    match checked {
        // It is going to be called whole, also after the power was cut.
        Ok(true) => file.finish().map(|()| true),
        Err(error) if AttachmentError::of(&error).is_some() => {
            file.file().set_len(0)?;
            Err(error)
        }
        other => other,
    }
}

/// Takes in what is there of a file.
fn check(
    file: &mut File,
    attachment: &Attachment,
    len: u64,
    progress: &Progress,
) -> io::Result<(DecryptingWriter<io::Sink>, u64)> {
    let mut checker = checker_of(attachment);
    let mut filled = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let n = match file.read(&mut piece) {
            Ok(0) => return Ok((checker, filled)),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        filled += n as u64;
        if filled > len {
            return Err(io::Error::other(AttachmentError::Corrupt));
        }
        checker.write_all(&piece[..n])?;
        progress(filled, len);
    }
}

fn checker_of(attachment: &Attachment) -> DecryptingWriter<io::Sink> {
    DecryptingWriter::new(io::sink(), attachment.key.clone(), attachment.size, attachment.digest)
}
