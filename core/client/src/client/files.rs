//! Files of messages.

use std::path::{Path, PathBuf};

use privmsg_protocol::MessageId;

use super::Client;
use crate::error::ClientError;
use crate::transfer;

impl Client {
    /// Downloads the files of a message: to `out` if it is one, into the directory `out` if there are several or
    /// `out` is a directory. Returns where they are.
    ///
    /// # Errors
    /// [`ClientError::NoSuchAttachment`], [`ClientError::AlteredFile`], …
    pub async fn download(
        &self,
        message_id: MessageId,
        out: &Path,
        progress: impl Fn(u64, u64) + Send + Sync + Clone + 'static,
    ) -> Result<Vec<PathBuf>, ClientError> {
        let mut views = self.find(message_id).await?;
        views.retain(|view| !view.uploading);
        let attachments: Vec<_> = views.into_iter().flat_map(|view| view.attachments).collect();
        let into_dir = out.is_dir() || attachments.len() > 1;
        if attachments.is_empty() {
            return Err(ClientError::NoSuchAttachment);
        }
        if into_dir {
            std::fs::create_dir_all(out)
                .map_err(|source| ClientError::File { path: out.display().to_string(), source })?;
        }
        let mut paths = Vec::new();
        for attachment in attachments {
            let path = if into_dir { free_name(out, &attachment.name, &paths) } else { out.to_owned() };
            transfer::download(&self.context.api, &attachment, &path, Box::new(progress.clone())).await?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// Neither another file of the same message nor one that lies there already may be replaced by a name that a sender has
/// chosen.
fn free_name(dir: &Path, name: &str, taken: &[PathBuf]) -> PathBuf {
    std::iter::once(dir.join(name))
        .chain((2..).map(|n: u32| dir.join(format!("{n}-{name}"))))
        .find(|path| !taken.contains(path) && !path.exists())
        .unwrap_or_else(|| dir.join(name))
}
