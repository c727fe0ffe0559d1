//! The side that holds the keys.

use std::io::{self, BufRead as _, Cursor};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::sound::HEARD;
use crate::waveform::BARS;
use crate::wire::{self, Answer, MadeSo, Refusal, Wanted};
use crate::{Made, Shown, Voice, limits, worker};

/// Why something was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is no picture or no sound, or too large a one. It will not be otherwise the next time.
    #[error("it cannot be decoded: {0}")]
    Refused(#[from] Refusal),
    /// It has cost more than [`limits`] allow, or has broken the decoder. Nor will this.
    #[error("it could not be decoded")]
    Failed,
    /// The process cannot be started at the moment.
    #[error("the process that decodes it cannot be started: {0}")]
    NotStarted(#[source] io::Error),
}

/// Decodes what others have sent, each file in a process of its own. Clones share their number.
#[derive(Debug, Clone)]
pub struct Decoder {
    program: PathBuf,
    places: Arc<Semaphore>,
}

impl Decoder {
    /// By this program, whose first line is [`crate::run_if_asked`].
    #[must_use]
    pub fn of_this_program() -> Self {
        // Also where a newer version has taken its place on the disk meanwhile.
        let of_linux = cfg!(target_os = "linux").then(|| PathBuf::from("/proc/self/exe"));
        // Where the system does not say which program it is, none can be started.
        Self::by(of_linux.unwrap_or_else(|| std::env::current_exe().unwrap_or_default()))
    }

    /// By another program that begins so.
    #[must_use]
    pub fn by(program: PathBuf) -> Self {
        Self { program, places: Arc::new(Semaphore::new(limits::AT_ONCE)) }
    }

    /// The same, who do not wait for those that are at work here: what others send does not hold up what one sends.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::by(self.program.clone())
    }

    /// Waits until something can be decoded. Whoever has many files reads the next one only then.
    pub async fn turn(&self) -> Turn<'_> {
        // Nobody closes it.
        Turn { program: &self.program, _place: self.places.acquire().await.ok() }
    }
}

/// That something can be decoded.
#[derive(Debug)]
pub struct Turn<'a> {
    program: &'a Path,
    _place: Option<SemaphorePermit<'a>>,
}

impl Turn<'_> {
    /// The picture in a `file`, with no side longer than `side` pixels.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub async fn show(&self, file: Vec<u8>, side: u32) -> Result<Shown, DecodeError> {
        let side = side.min(limits::SIDE);
        let most = 4 * u64::from(side) * u64::from(side);
        match self.ask(Wanted::Show(side), file, most).await? {
            (Answer::Shown { width, height }, rgba)
                if (1..=side).contains(&width)
                    && (1..=side).contains(&height)
                    && rgba.len() as u64 == 4 * u64::from(width) * u64::from(height) =>
            {
                Ok(Shown { width, height, rgba })
            }
            _ => Err(DecodeError::Failed),
        }
    }

    /// The picture in a `file` made anew, with no side longer than `side` pixels, and with nothing in it but the picture.
    ///
    /// # Errors
    /// [`DecodeError`]; one that moves is refused.
    pub async fn make(&self, file: Vec<u8>, side: u32) -> Result<Made, DecodeError> {
        match self.ask(Wanted::Make(side.min(limits::SIDE)), file, limits::FILE).await? {
            (Answer::Made(MadeSo { format, width, height, blurhash }), bytes) => {
                Ok(Made { extension: format.extension(), width, height, blurhash, bytes })
            }
            _ => Err(DecodeError::Failed),
        }
    }

    /// What the voice message in a `file` says, [`HEARD`] samples a second.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub async fn listen(&self, file: Vec<u8>) -> Result<Vec<i16>, DecodeError> {
        let most = u64::from(limits::VOICE_SECONDS) * u64::from(HEARD) * 2;
        match self.ask(Wanted::Listen, file, most).await? {
            (Answer::Heard, bytes) if !bytes.is_empty() && bytes.len() % 2 == 0 && bytes.len() as u64 <= most => {
                Ok(bytes.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect())
            }
            _ => Err(DecodeError::Failed),
        }
    }

    /// The voice message in a `file` made anew, with nothing in it but the sound.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub async fn make_voice(&self, file: Vec<u8>) -> Result<Voice, DecodeError> {
        match self.ask(Wanted::MakeVoice, file, limits::FILE).await? {
            (Answer::Voice { duration_ms, waveform }, bytes) if waveform.len() <= BARS => {
                Ok(Voice { bytes, duration_ms, waveform })
            }
            _ => Err(DecodeError::Failed),
        }
    }

    /// Starts a process, asks it, and takes an answer with so many bytes at most.
    async fn ask(&self, wanted: Wanted, file: Vec<u8>, most: u64) -> Result<(Answer, Vec<u8>), DecodeError> {
        if file.len() as u64 > limits::FILE {
            return Err(Refusal::Large.into());
        }
        let mut process = Command::new(self.program)
            .arg(worker::ARGUMENT)
            .env_clear()
            .current_dir(std::path::MAIN_SEPARATOR_STR)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(DecodeError::NotStarted)?;
        let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(DecodeError::Failed);
        };
        let tell = async move {
            // Whoever has refused it reads no further: what it says counts, and not that it did not listen.
            let _ = stdin.write_all(&wire::line(&wanted)).await;
            let _ = stdin.write_all(&file).await;
        };
        let hear = async move {
            let mut heard = Vec::new();
            // The line before the bytes is shorter than this.
            stdout.take(most + 4096).read_to_end(&mut heard).await.map(|_| heard)
        };
        let talk = async { tokio::join!(tell, hear).1 };
        let heard = timeout(limits::WAITING, talk).await.map_err(|_| DecodeError::Failed)?;
        let mut heard = Cursor::new(heard.map_err(|_| DecodeError::Failed)?);
        let answer = wire::read_line(&mut heard).ok_or(DecodeError::Failed)?;
        if let Answer::Refused(why) = answer {
            return Err(why.into());
        }
        let bytes = heard.fill_buf().unwrap_or_default().to_vec();
        Ok((answer, bytes))
    }
}
