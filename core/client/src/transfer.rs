//! Files on their way up and down: encrypted and decrypted as they stream, in constant memory.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use privmsg_e2ee::attachment::{AttachmentError, DecryptingWriter, EncryptingReader, encrypted_len};
use privmsg_e2ee::{Attachment, OsRng};
use privmsg_store::uploads::Uploaded;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::error::{ClientError, During as _};
use crate::net::http::{Api, network};

/// Bytes handed to the network at a time.
const PIECE: usize = 256 * 1024;

/// Pieces between the encrypting thread and the network.
const PIECES: usize = 4;

/// Progress of a transfer: bytes done and in all.
pub(crate) type Progress = Box<dyn Fn(u64, u64) + Send + Sync>;

fn file_error(path: &Path, source: io::Error) -> ClientError {
    ClientError::File { path: path.display().to_string(), source }
}

/// Encrypts and uploads the file at `path`. Each call uses a fresh key.
pub(crate) async fn upload(api: &Api, path: &Path, progress: Progress) -> Result<Uploaded, ClientError> {
    let file = tokio::fs::File::open(path).await.map_err(|e| file_error(path, e))?.into_std().await;
    let metadata = file.metadata().map_err(|e| file_error(path, e))?;
    if !metadata.is_file() {
        return Err(file_error(path, io::Error::other("is not a file")));
    }
    let size = metadata.len();
    let too_long = |_| file_error(path, io::Error::other("is too large to be encrypted"));
    let length = encrypted_len(size).map_err(too_long)?;
    let reader = EncryptingReader::new(file, size, &mut OsRng).map_err(too_long)?;

    let (pieces, queue) = mpsc::channel::<io::Result<Bytes>>(PIECES);
    let encrypting = tokio::task::spawn_blocking(move || encrypt_into(reader, &pieces));
    let mut done = 0;
    let body = stream::unfold(queue, |mut queue| async move { queue.recv().await.map(|piece| (piece, queue)) })
        .inspect(move |piece| {
            done += piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
            progress(done.min(length), length);
        });
    let uploaded = api.upload(reqwest::Body::wrap_stream(body), length).await;
    // A fault of the file explains a broken upload better than the network's view of it.
    let encrypted = encrypting.await.during("encrypting a file")?;
    let file = match (encrypted, &uploaded) {
        (Ok(reader), _) => reader.finish(),
        (Err(error), _) if error.kind() == io::ErrorKind::BrokenPipe => return Err(broken_off(uploaded.err())),
        (Err(error), _) => return Err(file_error(path, error)),
    };
    let uploaded = uploaded?;
    let file = file.map_err(|_| file_error(path, io::Error::other("changed while it was uploaded")))?;
    let key = Zeroizing::new(*file.key.as_bytes());
    Ok(Uploaded { file_id: uploaded.file_id, key, digest: file.digest, size: file.size })
}

fn broken_off(cause: Option<ClientError>) -> ClientError {
    cause.unwrap_or_else(|| ClientError::Network("the upload broke off".into()))
}

/// Runs on a blocking thread. The channel's bound is what slows it down to the network's speed.
fn encrypt_into(
    mut reader: EncryptingReader<File>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<EncryptingReader<File>> {
    loop {
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match reader.read(&mut piece[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let _ = pieces.blocking_send(Err(io::Error::other("the file cannot be read")));
                    return Err(error);
                }
            }
        }
        if filled == 0 {
            return Ok(reader);
        }
        piece.truncate(filled);
        pieces.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe)?;
    }
}

/// Downloads and decrypts a file to `out`. It appears there only once it is complete and checked; an existing file is
/// replaced.
pub(crate) async fn download(
    api: &Api,
    attachment: &Attachment,
    out: &Path,
    progress: Progress,
) -> Result<(), ClientError> {
    let response = api.download(&attachment.file_id).await?;
    let total = response.content_length().unwrap_or(attachment.size);
    let partial = Partial::beside(out);
    let (pieces, queue) = mpsc::channel::<Bytes>(PIECES);
    let decrypting = {
        let (path, attachment) = (partial.path.clone(), attachment.clone());
        tokio::task::spawn_blocking(move || decrypt_from(queue, &path, &attachment))
    };
    let mut body = response.bytes_stream();
    let mut done = 0;
    let mut broken = None;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => {
                done += piece.len() as u64;
                progress(done.min(total), total);
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(network(&error));
                break;
            }
        }
    }
    drop(pieces);
    let decrypted = decrypting.await.during("decrypting a file")?;
    if let Some(error) = broken {
        return Err(error);
    }
    decrypted.map_err(|error| match AttachmentError::of(&error) {
        Some(_) => ClientError::AlteredFile,
        None => file_error(out, error),
    })?;
    partial.keep_as(out).map_err(|e| file_error(out, e))
}

fn decrypt_from(mut queue: mpsc::Receiver<Bytes>, path: &Path, attachment: &Attachment) -> io::Result<()> {
    let file = File::create(path)?;
    let mut writer =
        DecryptingWriter::new(io::BufWriter::new(file), attachment.key.clone(), attachment.size, attachment.digest);
    while let Some(piece) = queue.blocking_recv() {
        writer.write_all(&piece)?;
    }
    writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A file that is not complete yet, removed unless it is kept.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn beside(out: &Path) -> Self {
        let mut name = out.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        Self { path: out.with_file_name(name) }
    }

    fn keep_as(self, out: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, out)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `keep_as` there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}
