//! Why a backup was not made, or cannot be used.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::is_full;
use crate::lock::LockError;
use crate::paths::shown;
use crate::storage::sqlite::JournalError;

/// Why a backup was not made, or cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("cannot {doing} {path}")]
    Io {
        doing: &'static str,
        path: String,
        #[source]
        source: io::Error,
    },
    #[error("no room on the disk of {path}")]
    Full { path: String },
    #[error("cannot read the database {path}")]
    Database {
        path: String,
        #[source]
        source: rusqlite::Error,
    },
    #[error("there is no database at {path}")]
    NoDatabase { path: String },
    #[error(
        "the database at {path} belongs to another program: it has the table `{table}`, and not those of this server"
    )]
    ForeignDatabase { path: String, table: String },
    #[error("{path} exists already; a backup never overwrites one")]
    Exists { path: String },
    #[error("another backup is being written to {path}")]
    Busy { path: String },
    #[error("it was stopped")]
    Stopped,
    #[error("the first line of {path} is empty; it should be the passphrase")]
    NoPassphrase { path: String },
    #[error("`{text}` is no public key of age (age1…)")]
    Recipient { text: String },
    #[error("the file of keys holds no secret key of age (AGE-SECRET-KEY-1…)")]
    NoKey,
    #[error("cannot encrypt")]
    Encrypt(#[source] age::EncryptError),
    #[error("the backup is encrypted")]
    Locked,
    #[error("this key does not open the backup")]
    WrongKey(#[source] age::DecryptError),
    #[error("this is no backup of PrivMsg: {what}")]
    Foreign { what: &'static str },
    #[error("the backup is damaged: {what}")]
    Damaged { what: String },
    #[error("the backup is of a newer version of the server ({version})")]
    Newer { version: String },
    #[error("there is data already at {path}")]
    Occupied { path: String },
    #[error("what was revoked since the backup cannot be revoked again")]
    Journal(#[source] JournalError),
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// What of a failure decides what is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The place is read-only for the server: mostly because its unit says so.
    ReadOnly,
    /// The server's account may not write there.
    Denied,
    /// There is no room.
    Full,
    #[default]
    Other,
}

impl BackupError {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Full { .. } => Reason::Full,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::ReadOnlyFilesystem => Reason::ReadOnly,
                io::ErrorKind::PermissionDenied => Reason::Denied,
                _ => Reason::Other,
            },
            _ => Reason::Other,
        }
    }

    /// For `map_err`: what was being done, and to what.
    pub(super) fn io(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = shown(path);
        move |source| {
            if is_stop(&source) {
                return Self::Stopped;
            }
            if is_full(&source) {
                return Self::Full { path: path.clone() };
            }
            Self::Io { doing, path: path.clone(), source }
        }
    }

    /// For `map_err`: SQLite's word about a database.
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self + use<> {
        let path = shown(path);
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { path: path.clone() },
            _ => Self::Database { path: path.clone(), source },
        }
    }

    pub(super) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}

/// Whoever is told of the progress does not want it to go on.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stop;

/// Ends reading and writing where `go_on` is false.
pub(super) fn stop_unless(go_on: bool) -> io::Result<()> {
    if go_on { Ok(()) } else { Err(io::Error::other(Stop)) }
}

pub(super) fn is_stop(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Stop>)
}
