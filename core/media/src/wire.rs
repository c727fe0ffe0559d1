//! What the two processes say to each other: a line of JSON, and bytes behind it. The end is the end of the pipe.

use std::io::{BufRead, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of such a line.
const LINE: u64 = 1024;

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wanted {
    /// Its pixels, with no side longer than this.
    Show(u32),
    /// A file of it, with no side longer than this.
    Make(u32),
    /// What a voice message says.
    Listen,
    /// A file of it.
    MakeVoice,
}

/// What comes of it, before the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// Pixels follow.
    Shown { width: u32, height: u32 },
    /// A file follows.
    Made(MadeSo),
    /// Samples follow.
    Heard,
    /// A file follows.
    Voice { duration_ms: u32, waveform: Vec<u8> },
    /// Nothing follows.
    Refused(Refusal),
}

/// What a file is that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeSo {
    pub(crate) format: Format,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) blurhash: String,
}

/// What is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For photographs.
    Jpeg,
    /// For what can be seen through.
    Png,
}

impl Format {
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }
}

/// Why there is no picture, and no sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "lowercase")]
pub enum Refusal {
    /// It is of no format that is read here.
    #[error("it is of no known format")]
    Format,
    /// It is more than [`crate::limits`] allow.
    #[error("it is too large")]
    Large,
    /// It is not what its format asks for.
    #[error("it is broken")]
    Broken,
    /// It moves, and would not if it were made anew.
    #[error("it moves")]
    Moves,
}

pub(crate) fn line<T: Serialize>(said: &T) -> Vec<u8> {
    // Of these types there is none that JSON does not know.
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Reads such a line, and nothing behind it. `None` if it is something else.
pub(crate) fn read_line<T: DeserializeOwned>(from: &mut impl BufRead) -> Option<T> {
    let mut line = Vec::new();
    from.by_ref().take(LINE).read_until(b'\n', &mut line).ok()?;
    serde_json::from_slice(&line).ok()
}
