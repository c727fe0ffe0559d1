//! One function for each target. Each takes any bytes, and fails where the crate does what it must never do.
//!
//! What is encrypted or signed is never met by chance, so most inputs are *edits* of bytes that are right. Where the
//! signature would hide what is behind it, the edits are made by somebody who can sign: an account, or a member of the
//! group whose client follows none of our rules.

mod attachment;
mod certificate;
mod commit;
mod content;
mod edits;
mod key_package;
mod seeds;
mod verdict;
mod welcome;
mod world;

pub use attachment::attachment;
pub use certificate::certificate;
pub use commit::commit;
pub use content::content;
pub use edits::edited;
pub use key_package::key_package;
pub use seeds::seeds;
pub use welcome::welcome;

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("attachment", attachment),
    ("certificate", certificate),
    ("commit", commit),
    ("content", content),
    ("key_package", key_package),
    ("welcome", welcome),
];
