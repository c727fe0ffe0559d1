//! Making a profile: killed anywhere, by several processes at once, on a disk that is full or read-only.
//!
//! Real processes are killed and raced: this program starts itself again, as one of the tests that are ignored.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod child;
mod disk;
mod killed;
mod together;
