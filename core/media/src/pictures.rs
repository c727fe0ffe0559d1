//! The side that holds the keys.

use std::io::{self, BufRead as _, Cursor};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::wire::{self, Answer, Refusal, Wanted};
use crate::{Made, Shown, limits, worker};

/// Why a picture was not decoded.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It is none, or too large a one. It will not be otherwise the next time.
    #[error("it cannot be shown: {0}")]
    Refused(#[from] Refusal),
    /// It has cost more than [`limits`] allow, or has broken the decoder. Nor will this.
    #[error("it could not be decoded")]
    Failed,
    /// The process cannot be started at the moment.
    #[error("the process that decodes pictures cannot be started: {0}")]
    NotStarted(#[source] io::Error),
}

/// Decodes pictures, each in a process of its own. Clones share their number.
#[derive(Debug, Clone)]
pub struct Pictures {
    program: PathBuf,
    places: Arc<Semaphore>,
}

impl Pictures {
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

    /// Waits until a picture can be decoded. Whoever has many of them reads the next one only then.
    pub async fn turn(&self) -> Turn<'_> {
        // Nobody closes it.
        Turn { program: &self.program, _place: self.places.acquire().await.ok() }
    }
}

/// That a picture can be decoded.
#[derive(Debug)]
pub struct Turn<'a> {
    program: &'a Path,
    _place: Option<SemaphorePermit<'a>>,
}

impl Turn<'_> {
    /// The picture in a `file`, with no side longer than `side` pixels.
    ///
    /// # Errors
    /// [`PictureError`].
    pub async fn show(&self, file: Vec<u8>, side: u32) -> Result<Shown, PictureError> {
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
            _ => Err(PictureError::Failed),
        }
    }

    /// The picture in a `file` made anew, with no side longer than `side` pixels, and with nothing in it but the picture.
    ///
    /// # Errors
    /// [`PictureError`]; one that moves is refused.
    pub async fn make(&self, file: Vec<u8>, side: u32) -> Result<Made, PictureError> {
        match self.ask(Wanted::Make(side.min(limits::SIDE)), file, limits::FILE).await? {
            (Answer::Made { format, width, height }, bytes) => {
                Ok(Made { extension: format.extension(), width, height, bytes })
            }
            _ => Err(PictureError::Failed),
        }
    }

    /// Starts a process, asks it, and takes an answer with so many bytes at most.
    async fn ask(&self, wanted: Wanted, file: Vec<u8>, most: u64) -> Result<(Answer, Vec<u8>), PictureError> {
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
            .map_err(PictureError::NotStarted)?;
        let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(PictureError::Failed);
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
        let heard = timeout(limits::WAITING, talk).await.map_err(|_| PictureError::Failed)?;
        let mut heard = Cursor::new(heard.map_err(|_| PictureError::Failed)?);
        let answer = wire::read_line(&mut heard).ok_or(PictureError::Failed)?;
        if let Answer::Refused(why) = answer {
            return Err(why.into());
        }
        let bytes = heard.fill_buf().unwrap_or_default().to_vec();
        Ok((answer, bytes))
    }
}
