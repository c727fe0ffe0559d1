//! One server for one database.
//!
//! A server remembers what the database holds, gives out positions and numbers from memory, and tells only its own
//! connections what has arrived. Two on one database would quietly give the same number twice. The administrative
//! commands take the lock where no server holds it, for the moment that they need; beside a server they ask it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::paths::shown;
use crate::private;

/// The data is this process's. Ends when dropped, and with the process, however it dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why the data is not this process's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// A server works on it.
    #[error("another server is using the database {path}")]
    InUse { path: String },
    /// It cannot be told whether one does.
    #[error("cannot lock {path}")]
    Failed {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

/// How long a starting server waits for an administrative command that is at work.
const PATIENCE: Duration = Duration::from_secs(2);

impl Lock {
    /// [`Lock::take`] for a server: a command that somebody gives just now must not keep it from starting.
    pub(crate) async fn take_patiently(database: &Path) -> Result<Self, LockError> {
        let begun = Instant::now();
        loop {
            match Self::take(database) {
                Err(LockError::InUse { .. }) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return other,
            }
        }
    }

    /// Locks a file beside the database. The file stays when the lock ends: deleting it would let two servers lock two
    /// files of the same name.
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let failed = |source| LockError::Failed { path: shown(&path), source };
        private::folder_of(&path).map_err(failed)?;
        let file = private::file(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::InUse { path: shown(database) }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
