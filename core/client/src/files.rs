//! Files of messages: encrypted into the profile's folder before they go up, kept there as they come down, decrypted where
//! the user wants them. All in constant memory.

pub(crate) mod fetch;
pub(crate) mod folder;
pub(crate) mod save;
pub(crate) mod seal;

/// Progress of a transfer: bytes done and in all.
pub(crate) type Progress = Box<dyn Fn(u64, u64) + Send + Sync>;

/// Bytes that are read or written at a time.
pub(crate) const PIECE: usize = 256 * 1024;
