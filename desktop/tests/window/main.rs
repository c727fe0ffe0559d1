//! The window, used as people use it, against the real server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chats;
mod files;
mod finding;
mod panes;
mod pictures;
mod place;
mod signing_in;
mod trust;
mod window;
