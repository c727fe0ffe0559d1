//! Decrypting a file to where the user wants it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use privmsg_e2ee::Attachment;
use privmsg_e2ee::attachment::{AttachmentError, DecryptingWriter};

use super::folder::{private_file, random_name};
use super::{Cancelled, PIECE, Progress};
use crate::error::ClientError;

/// Longest name of a file, in bytes, that the usual file systems take.
const LONGEST_NAME: usize = 255;

/// A file that is here, to be decrypted. Everything blocks.
pub(crate) struct Source<'a> {
    pub(crate) sealed: &'a Path,
    pub(crate) attachment: &'a Attachment,
    pub(crate) progress: &'a Progress,
    pub(crate) cancelled: &'a Cancelled,
}

impl Source<'_> {
    /// Decrypts it into `sink`.
    pub(crate) fn copy(&self, sink: impl Write) -> Result<(), ClientError> {
        let attachment = self.attachment;
        let mut source = File::open(self.sealed).map_err(ClientError::Disk)?;
        let sink = io::BufWriter::with_capacity(PIECE, sink);
        let mut writer = DecryptingWriter::new(sink, attachment.key.clone(), attachment.size, attachment.digest);
        let mut piece = vec![0; PIECE];
        let failed = |error: io::Error| match AttachmentError::of(&error) {
            Some(_) => ClientError::AlteredFile,
            None => ClientError::file(Path::new(&attachment.name), error),
        };
        let mut done = 0;
        loop {
            self.cancelled.check().map_err(failed)?;
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => {
                    writer.write_all(&piece[..n]).map_err(failed)?;
                    done += n as u64;
                    (self.progress)(done.min(attachment.size), attachment.size);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ClientError::Disk(error)),
            }
        }
        writer.finish().map_err(failed).map(drop)
    }

    /// Decrypts it into the file that the user has named, which appears only once it is complete. A file that is there
    /// already is replaced, and its permissions are kept; into a pipe or a device it is written.
    pub(crate) fn save_as(&self, out: &Path) -> Result<(), ClientError> {
        let failed = |error| ClientError::file(out, error);
        let there = match std::fs::metadata(out) {
            Ok(there) if !there.is_file() => {
                return self.copy(OpenOptions::new().write(true).open(out).map_err(failed)?);
            }
            Ok(there) => Some(there),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        // Where a link leads is what is replaced, not the link.
        let target = if there.is_some() { std::fs::canonicalize(out).map_err(failed)? } else { out.to_owned() };
        let (partial, file) = Partial::beside(&target, there.as_ref())?;
        self.copy(file)?;
        partial.replace(&target).map_err(failed)
    }

    /// Decrypts it into a folder, under the name that its sender has chosen, or one like it: nothing that is there, or
    /// comes to be there meanwhile, is replaced or written to. Returns where it is.
    pub(crate) fn save_into(&self, dir: &Path) -> Result<PathBuf, ClientError> {
        let name = &self.attachment.name;
        let (partial, file) = Partial::beside(&dir.join(name), None)?;
        self.copy(file)?;
        let names = std::iter::once(shortened("", name));
        for name in names.chain((2..).map(|n: u32| shortened(&format!("{n}-"), name))) {
            let target = dir.join(name);
            match partial.place(&target) {
                Ok(()) => return Ok(target),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(ClientError::file(&target, error)),
            }
        }
        Err(ClientError::file(dir, io::ErrorKind::AlreadyExists.into()))
    }
}

/// A file that is not complete yet. Its name goes with it.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// With the permissions of the file that it is going to replace, if there is one, from its first byte on.
    fn beside(target: &Path, like: Option<&Metadata>) -> Result<(Self, File), ClientError> {
        let path = target.with_file_name(format!(".privmsg-{}.part", random_name()?));
        let failed = |error| ClientError::file(target, error);
        let mut options = if like.is_some() { private_file() } else { OpenOptions::new() };
        let file = options.write(true).create_new(true).open(&path).map_err(failed)?;
        let partial = Self { path };
        if let Some(like) = like {
            file.set_permissions(like.permissions()).map_err(failed)?;
        }
        Ok((partial, file))
    }

    fn replace(self, target: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, target)
    }

    /// Gives it a name that nothing has. A file system without links gets an empty file first, which holds the name.
    fn place(&self, target: &Path) -> io::Result<()> {
        match std::fs::hard_link(&self.path, target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                File::create_new(target)?;
                std::fs::rename(&self.path, target)
            }
            other => other,
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
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
    fn names_fit() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ж".repeat(127) + ".pdf", "x".repeat(255), format!("a.{}", "x".repeat(253))] {
            for prefix in ["", "2-"] {
                let short = shortened(prefix, &name);
                assert!(short.len() <= LONGEST_NAME && short.starts_with(prefix), "{short}");
                File::create(dir.path().join(&short)).unwrap();
            }
        }
        assert!(shortened("2-", &("ж".repeat(126) + ".pdf")).ends_with("ж.pdf"));
    }

    #[test]
    fn what_comes_to_be_there_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("plan.pdf");
        let (partial, mut file) = Partial::beside(&target, None).unwrap();
        file.write_all(b"theirs").unwrap();
        std::fs::write(&target, "mine").unwrap();
        assert_eq!(partial.place(&target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let other = dir.path().join("2-plan.pdf");
        partial.place(&other).unwrap();
        drop(partial);
        assert_eq!(
            (std::fs::read(&target).unwrap(), std::fs::read(&other).unwrap()),
            (b"mine".into(), b"theirs".into())
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left");
    }
}
