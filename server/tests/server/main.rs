//! The server as its clients see it: over HTTP and WebSocket, in this process or as the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod administration;
mod blocks;
mod clock;
mod command_line;
mod consent;
mod corpus;
mod description;
mod errors;
mod faults;
mod figures;
mod files;
mod groups;
mod identity;
#[cfg(unix)]
mod lifecycle;
mod observing;
mod presence;
mod reading;
mod relay;
mod restore;
mod support;
mod uploads;
