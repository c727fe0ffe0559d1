//! The folder of ciphertext in a profile. Which files belong there stands in the database ([`sealed_files`]).

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io;
use std::path::PathBuf;

use privmsg_store::{Store, sealed_files};

use crate::error::ClientError;
use crate::profile::{Profile, create_private_dir};

/// Its name in the profile.
const FOLDER: &str = "files";

/// Random bytes in the name of a file.
const NAME_BYTES: usize = 16;

/// Where files of ciphertext are.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
}

impl Folder {
    pub(crate) fn of(profile: &Profile) -> Self {
        Self { dir: profile.dir().join(FOLDER) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Says in the database that there may be a new file. Returns its name.
    pub(crate) async fn make(&self, store: &Store, now_ms: i64) -> Result<String, ClientError> {
        self.create()?;
        let name = random_name()?;
        let noted = name.clone();
        store.write(move |tx| sealed_files::insert(tx, &noted, now_ms)).await?;
        Ok(name)
    }

    /// Makes the folder, unless it is there.
    pub(crate) fn create(&self) -> Result<(), ClientError> {
        create_private_dir(&self.dir).map_err(ClientError::Disk)
    }

    /// Removes a file, if there is one.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ClientError> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ClientError::Disk(error)),
            _ => Ok(()),
        }
    }
}

/// How a file is made that is nobody else's to read, whatever becomes of the folder around it.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A name that says nothing, and that no other file has.
pub(crate) fn random_name() -> Result<String, ClientError> {
    let mut bytes = [0; NAME_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| ClientError::NoRandomness)?;
    let mut name = String::with_capacity(2 * NAME_BYTES);
    for byte in bytes {
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name)
}
