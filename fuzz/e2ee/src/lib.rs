//! What the fuzz targets do with their input. `core/e2ee/tests/e2ee/corpus.rs` does the same with the inputs that are
//! worth keeping. The people and the rogue client are those of the crate's stories.

#[allow(dead_code, clippy::unwrap_used, reason = "the stories need more of it, and are tests")]
#[path = "../../../core/e2ee/tests/e2ee/people.rs"]
mod people;
#[allow(dead_code, clippy::unwrap_used, reason = "the stories need more of it, and are tests")]
#[path = "../../../core/e2ee/tests/e2ee/rogue.rs"]
mod rogue;
#[allow(dead_code, clippy::unwrap_used, reason = "the stories need more of it, and are tests")]
#[path = "../../../core/e2ee/tests/e2ee/server.rs"]
mod server;
mod stored;
mod targets;

pub use stored::stored;
pub use targets::{TARGETS, attachment, certificate, commit, content, edited, key_package, seeds, welcome};
