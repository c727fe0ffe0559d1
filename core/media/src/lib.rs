//! Pictures in messages.
//!
//! Whoever writes may send whatever they like and call it a picture, and decoders of pictures are large programs that read
//! it. So none of it is decoded in the program that holds the keys: [`Pictures`] starts a process for each picture, which
//! gets its bytes and gives back pixels. On Unix it can open nothing, connect to nothing and fork nothing, and has so much memory and
//! time ([`limits`]); pixels that come back are checked to be as many as they should. Elsewhere it only runs apart, and not for long.
//!
//! The process is the same program, which has to begin with [`run_if_asked`].

pub mod limits;
mod picture;
mod pictures;
mod wire;
mod worker;

pub use pictures::{PictureError, Pictures};
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
    /// The file.
    pub bytes: Vec<u8>,
}
