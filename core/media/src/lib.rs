//! Pictures and voices in messages.
//!
//! Whoever writes may send whatever they like and call it a picture, and decoders are large programs that read
//! it. So none of it is decoded in the program that holds the keys: [`Decoder`] starts a process for each file, which
//! gets its bytes and gives back pixels or sound. On Unix it can open nothing, connect to nothing and fork nothing, and has so much
//! memory and time ([`limits`]); what comes back is checked to be as much as it should. Elsewhere it only runs apart, and not for long.
//!
//! The process is the same program, which has to begin with [`run_if_asked`]. Recording and playing is [`sound`]'s.

mod blurred;
mod decoder;
pub mod limits;
mod picture;
mod program;
pub mod sound;
mod voice;
mod waveform;
mod wire;
mod worker;

pub use blurred::blurred;
pub use decoder::{DecodeError, Decoder};
pub use program::SoundProgram;
pub use voice::{EncodeError, Voice, VoiceWriter};
pub use waveform::BARS;
pub use wire::Refusal;
pub use worker::run_if_asked;

/// A picture, to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Red, green, blue and opacity of each, a byte each, line by line.
    pub rgba: Vec<u8>,
}

/// A picture, made anew to be sent: nothing is left of where, when and with what it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its format, as the end of a file's name.
    pub extension: &'static str,
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Its colours, as BlurHash writes them.
    pub blurhash: String,
    /// The file.
    pub bytes: Vec<u8>,
}
