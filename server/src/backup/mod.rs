//! Backups: the database and the files in one archive, made while the server runs.
//!
//! An archive is a tar, encrypted with age if asked. Its first member is [`Manifest`], which names all others with size
//! and SHA-256, so that a reader knows what has to come before it comes.
//!
//! | step | why so |
//! |---|---|
//! | the database is copied in one read transaction (`VACUUM INTO`) | the writer goes on; what has been deleted is not in the copy |
//! | every file that a row of the copy names gets a second name (a hard link) | a file that is deleted meanwhile stays until it is read |
//! | all members are hashed, then written to `PATH.part` | the manifest comes first |
//! | `PATH.part` is made durable and gets its name | a file of that name is always complete |
//!
//! The database comes first: a file that is uploaded meanwhile is not in it and not missed, and one that is gone
//! meanwhile was deleted, which the manifest notes.

mod archive;
mod create;
mod encryption;
mod error;
mod hash;
mod manifest;
mod nightly;
mod restore;
mod snapshot;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use create::{Order, create};
pub(crate) use encryption::{Encryption, Unlock, recipients, without_mark};
pub(crate) use error::{BackupError, Reason};
pub(crate) use manifest::Manifest;
pub(crate) use nightly::{Failure, Status as NightlyStatus, run as run_nightly, status as nightly_status, time_of_day};
pub(crate) use restore::{Restore, restore};
pub(crate) use verify::verify;

/// Told how many bytes of how many are done; says whether to go on.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> bool;

/// Told how many more bytes are done.
type Tick<'a> = &'a mut dyn FnMut(u64) -> std::io::Result<()>;
