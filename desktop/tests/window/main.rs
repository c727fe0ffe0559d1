//! The window, used as people use it, against the real server.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chats;
mod devices;
mod emoji;
mod files;
mod finding;
mod locking;
mod marking;
mod newcomers;
mod panes;
mod pictures;
mod place;
mod signing_in;
mod trust;
mod voices;
mod window;
