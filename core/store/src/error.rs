//! What can go wrong with the database.

/// A failure of the store. None of the texts contain stored data.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The passphrase is wrong, or the file is not this profile's database.
    #[error("the database cannot be opened: wrong passphrase or damaged file")]
    WrongKey,
    /// The database was written by a newer version of PrivMsg.
    #[error("the database was written by a newer version of PrivMsg (schema {found}, this one knows {known})")]
    Newer {
        /// Schema in the file.
        found: u32,
        /// Newest schema of this build.
        known: u32,
    },
    /// The disk is full. Nothing was changed.
    #[error("the disk is full")]
    DiskFull,
    /// Another process holds the database for longer than we wait.
    #[error("the database is busy")]
    Busy,
    /// A stored value is not what this build writes.
    #[error("the database holds an invalid {0}")]
    Invalid(&'static str),
    /// A step to the present schema failed. Nothing was changed.
    #[error("the database could not be upgraded")]
    Migration(#[source] rusqlite::Error),
    /// The system gives no thread for the database.
    #[error("no thread for the database")]
    Thread(#[source] std::io::Error),
    /// The file by which processes tell each other of changes cannot be used.
    #[error("the profile's changes.bell cannot be used")]
    Bell(#[source] std::io::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
    /// Any other fault of SQLite.
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
    /// The database thread is gone: the store was closed.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Busy)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::{ErrorCode, ffi};
        // The index of the write-ahead log is made larger before anything is written, and that is not called "full".
        if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::DiskFull;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::WrongKey,
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Sqlite(error),
        }
    }
}
