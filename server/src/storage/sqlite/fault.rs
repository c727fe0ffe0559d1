//! What is wrong when the engine fails.

use crate::storage::StorageError;

/// What the engine says, in words of the storage: `?` is enough wherever both can fail.
impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Engine(Box::new(error)) }
    }
}

/// Whether there was no room for something, the index of the log included.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == rusqlite::ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}
