//! How much a picture may cost.

use std::time::Duration;

/// Bytes of a file that is taken for a picture.
pub const FILE: u64 = 64 << 20;

/// Pixels of a side.
pub const SIDE: u32 = 16_384;

/// Pixels of all of it: more than cameras of phones give.
pub const PIXELS: u64 = 64_000_000;

/// Bytes that a decoder may ask for at once, or for the whole picture.
pub(crate) const DECODED: u64 = 8 * PIXELS;

/// Bytes of memory that the process may have in all: the program itself, the file, the picture decoded, and turned around.
pub(crate) const MEMORY: u64 = 1 << 30;

/// How long it may compute, seconds.
pub(crate) const COMPUTING: u64 = 10;

/// How long it may take, on a machine that does other things as well.
pub(crate) const WAITING: Duration = Duration::from_secs(30);

/// How many are decoded at once.
pub(crate) const AT_ONCE: usize = 2;
