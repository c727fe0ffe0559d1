//! Decrypting a file to where the user wants it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use privmsg_e2ee::Attachment;
use privmsg_e2ee::attachment::{AttachmentError, DecryptingWriter};

use super::folder::random_name;
use super::{Cancelled, PIECE, Progress};
use crate::error::ClientError;

/// Longest name of a file, in bytes, that the usual file systems take.
const LONGEST_NAME: usize = 255;

/// Decrypts the ciphertext at `sealed` into `sink`. Blocking.
pub(crate) fn copy(
    sealed: &Path,
    attachment: &Attachment,
    sink: impl Write,
    progress: &Progress,
    cancelled: &Cancelled,
) -> Result<(), ClientError> {
    let mut source = File::open(sealed).map_err(ClientError::Disk)?;
    let sink = io::BufWriter::with_capacity(PIECE, sink);
    let mut writer = DecryptingWriter::new(sink, attachment.key.clone(), attachment.size, attachment.digest);
    let mut piece = vec![0; PIECE];
    let failed = |error: io::Error| match AttachmentError::of(&error) {
        Some(_) => ClientError::AlteredFile,
        None => ClientError::file(Path::new(&attachment.name), error),
    };
    let mut done = 0;
    loop {
        cancelled.check().map_err(failed)?;
        match source.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                writer.write_all(&piece[..n]).map_err(failed)?;
                done += n as u64;
                progress(done.min(attachment.size), attachment.size);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ClientError::Disk(error)),
        }
    }
    writer.finish().map_err(failed).map(drop)
}

/// Decrypts the ciphertext at `sealed` into a file at `out`, which appears there only once it is complete. A file that
/// is there already is replaced, and its permissions are kept; into a pipe or a device it is written. Blocking.
pub(crate) fn save(
    sealed: &Path,
    attachment: &Attachment,
    out: &Path,
    progress: &Progress,
    cancelled: &Cancelled,
) -> Result<(), ClientError> {
    let failed = |error| ClientError::file(out, error);
    let there = match std::fs::metadata(out) {
        Ok(there) if !there.is_file() => {
            let sink = OpenOptions::new().write(true).open(out).map_err(failed)?;
            return copy(sealed, attachment, sink, progress, cancelled);
        }
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    // Where a link leads is what is replaced, not the link.
    let target = if there.is_some() { std::fs::canonicalize(out).map_err(failed)? } else { out.to_owned() };
    let (partial, file) = Partial::beside(&target, there.as_ref())?;
    copy(sealed, attachment, file, progress, cancelled)?;
    partial.keep_as(&target).map_err(failed)
}

/// A file that is not complete yet, removed unless it is kept.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn beside(target: &Path, like: Option<&Metadata>) -> Result<(Self, File), ClientError> {
        let path = target.with_file_name(format!(".privmsg-{}.part", random_name()?));
        let failed = |error| ClientError::file(target, error);
        let file = File::create_new(&path).map_err(failed)?;
        let partial = Self { path };
        if let Some(like) = like {
            file.set_permissions(like.permissions()).map_err(failed)?;
        }
        Ok((partial, file))
    }

    fn keep_as(self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `keep_as` there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where to put a file with this name in a folder: neither another file of the same message nor one that lies there
/// already may be replaced by a name that a sender has chosen.
pub(crate) fn free_name(dir: &Path, name: &str, taken: &[PathBuf]) -> PathBuf {
    std::iter::once(shortened("", name))
        .chain((2..).map(|n: u32| shortened(&format!("{n}-"), name)))
        .map(|name| dir.join(name))
        .find(|path| !taken.contains(path) && path.symlink_metadata().is_err())
        .unwrap_or_else(|| dir.join(name))
}

/// A name that file systems take; what is too much goes from the middle, because its ending says what it is.
fn shortened(prefix: &str, name: &str) -> String {
    let excess = (prefix.len() + name.len()).saturating_sub(LONGEST_NAME);
    if excess == 0 {
        return format!("{prefix}{name}");
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot < name.len() - excess => name.split_at(dot),
        _ => (name, ""),
    };
    let stem = &stem[..stem.floor_char_boundary(stem.len().saturating_sub(excess))];
    format!("{prefix}{stem}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_replace_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let first = free_name(dir.path(), "plan.pdf", &[]);
        std::fs::write(&first, "mine").unwrap();
        let second = free_name(dir.path(), "plan.pdf", &[]);
        let third = free_name(dir.path(), "plan.pdf", std::slice::from_ref(&second));
        let names: Vec<_> = [&first, &second, &third].map(|path| path.file_name().unwrap().to_str().unwrap()).into();
        assert_eq!(names, ["plan.pdf", "2-plan.pdf", "3-plan.pdf"]);
        for name in ["ж".repeat(127) + ".pdf", "x".repeat(255), format!("a.{}", "x".repeat(253))] {
            for prefix in ["", "2-"] {
                let short = shortened(prefix, &name);
                assert!(short.len() <= LONGEST_NAME && short.starts_with(prefix), "{short}");
                File::create(dir.path().join(&short)).unwrap();
            }
        }
        assert!(shortened("2-", &("ж".repeat(126) + ".pdf")).ends_with("ж.pdf"));
    }
}
