//! What the fuzz targets do with their input. `server/tests/server/corpus.rs` does the same with the inputs that were
//! found worth keeping.

mod server;
mod targets;

pub use server::stop;
pub use targets::{TARGETS, client_frames, configuration, groups, headers, multipart, rest_bodies, resumable};
