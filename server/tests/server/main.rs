//! The server as its clients see it: over HTTP and WebSocket, in this process or as the real binary.

mod accounts;
mod errors;
mod groups;
mod presence;
mod relay;
mod support;
