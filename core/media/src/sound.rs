//! The microphone and the loudspeaker, whichever way a system has them.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;

/// Samples of a second that a microphone gives.
pub const RECORDED: u32 = 48_000;

/// Samples of a second of what others have said.
pub const HEARD: u32 = 24_000;

/// What is heard or said piece by piece. Whoever drops it, stops it.
pub type SoundStream<T> = Pin<Box<dyn Stream<Item = Result<T, SoundError>> + Send>>;

/// Why nothing is recorded or played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// The program that does it is not there.
    #[error("{} is not there", .0.display())]
    NotThere(PathBuf),
    /// It cannot be started.
    #[error("the program for sound cannot be started: {0}")]
    NotStarted(String),
    /// There is no device, or it cannot be used: in the words of the system.
    #[error("the microphone or the loudspeaker cannot be used: {0}")]
    Device(String),
}

/// How fast something is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// As it was said.
    #[default]
    Normal,
    /// Half as fast again.
    Faster,
    /// Twice as fast.
    Double,
}

impl Speed {
    /// Of a hundred.
    #[must_use]
    pub const fn percent(self) -> u32 {
        match self {
            Self::Normal => 100,
            Self::Faster => 150,
            Self::Double => 200,
        }
    }

    /// The next one; behind the fastest, the first.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Normal => Self::Faster,
            Self::Faster => Self::Double,
            Self::Double => Self::Normal,
        }
    }
}

/// Records and plays. Voices are as high as they were at any speed.
pub trait Sound: fmt::Debug + Send + Sync {
    /// What the microphone hears: [`RECORDED`] samples a second, of one channel, in pieces of any length.
    fn record(&self) -> SoundStream<Vec<i16>>;

    /// Plays `samples`, [`HEARD`] a second, and says now and then how many of them were played. The stream ends with the sound.
    fn play(&self, samples: Arc<[i16]>, from: usize, speed: Speed) -> SoundStream<usize>;
}
