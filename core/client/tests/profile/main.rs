//! Making a profile: by several processes at once, on a disk that is read-only.
//!
//! The processes are real ones: this program starts itself again, as one of the tests that are ignored.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod child;
mod disk;
mod together;
