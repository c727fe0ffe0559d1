//! How much a picture or a sound may cost.

use std::time::Duration;

/// Bytes of a file that is taken for one.
pub const FILE: u64 = 64 << 20;

/// Pixels of the longer side of a picture that is made anew to be sent: more than most screens have.
pub const SENT_SIDE: u32 = 2_560;

/// Pixels of a side.
pub const SIDE: u32 = 16_384;

/// Pixels of all of it: more than cameras of phones give.
pub const PIXELS: u64 = 64_000_000;

/// Seconds of a voice message.
pub const VOICE_SECONDS: u32 = 15 * 60;

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
