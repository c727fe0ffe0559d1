//! Recording and playing by another program, `privmsg-sound`.
//!
//! Sound needs large libraries, which load what they find on the system. None of them is in the program that holds the keys; it starts
//! without them, and goes on where they break.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines, Take};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::sound::{HEARD, RECORDED, Sound, SoundError, SoundStream, Speed};

/// Samples that are taken from the microphone at once: a tenth of a second at most.
const PIECE: usize = RECORDED as usize / 10;

/// Bytes of a line in which it says why it fails.
const REASON: u64 = 1024;

/// Bytes of all that it says while it plays: a line of some digits ten times a second.
const SAID: u64 = 1 << 20;

/// How long it may take to end.
const ENDING: Duration = Duration::from_secs(3);

/// See the module.
#[derive(Debug, Clone)]
pub struct SoundProgram {
    program: PathBuf,
    arguments: Arc<[String]>,
}

impl SoundProgram {
    /// The one that lies beside this program.
    #[must_use]
    pub fn beside_this_program() -> Self {
        let this = std::env::current_exe().unwrap_or_default();
        Self::at(this.with_file_name(format!("privmsg-sound{}", std::env::consts::EXE_SUFFIX)))
    }

    /// Another one.
    #[must_use]
    pub fn at(program: PathBuf) -> Self {
        Self { program, arguments: Arc::default() }
    }

    /// The same with other devices: GStreamer's elements by which it records and plays.
    #[must_use]
    pub fn with_devices(self, source: &str, sink: &str) -> Self {
        let arguments = [format!("--source={source}"), format!("--sink={sink}")];
        Self { arguments: Arc::from(arguments), ..self }
    }

    fn start(&self, does: &[String], stdin: Stdio) -> Result<Child, SoundError> {
        Command::new(&self.program)
            .args(self.arguments.iter())
            .args(does)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => SoundError::NotThere(self.program.clone()),
                _ => SoundError::NotStarted(error.to_string()),
            })
    }
}

impl Sound for SoundProgram {
    fn record(&self) -> SoundStream<Vec<i16>> {
        let begun = self.start(&["record".to_owned()], Stdio::null()).and_then(Recording::of);
        Box::pin(stream::try_unfold(begun, async |begun| {
            let mut recording = begun?;
            Ok(recording.next().await?.map(|heard| (heard, Ok(recording))))
        }))
    }

    fn play(&self, samples: Arc<[i16]>, from: usize, speed: Speed) -> SoundStream<usize> {
        let does = ["play".to_owned(), format!("--rate={HEARD}"), format!("--speed={}", speed.percent())];
        let begun = self.start(&does, Stdio::piped()).and_then(|child| Playing::of(child, samples, from));
        Box::pin(stream::try_unfold(begun, async |begun| {
            let mut playing = begun?;
            Ok(playing.next().await?.map(|played| (played, Ok(playing))))
        }))
    }
}

/// The last line that a program says on standard error. What it says is read at once: a full pipe would stop it.
async fn last_words(stderr: ChildStderr) -> String {
    let mut stderr = BufReader::new(stderr);
    let (mut last, mut line) = (Vec::new(), Vec::new());
    while let Ok(1..) = (&mut stderr).take(REASON).read_until(b'\n', &mut line).await {
        if !line.trim_ascii().is_empty() {
            last = std::mem::take(&mut line);
        }
        line.clear();
    }
    String::from_utf8_lossy(last.trim_ascii()).into_owned()
}

/// Why it has ended, if that was not because it was done.
async fn ended(child: &mut Child, said: &mut JoinHandle<String>) -> Result<(), SoundError> {
    if let Ok(Ok(status)) = timeout(ENDING, child.wait()).await
        && status.success()
    {
        return Ok(());
    }
    // Where it does not end by itself it says nothing more.
    let _ = child.start_kill();
    Err(SoundError::Device(timeout(ENDING, said).await.ok().and_then(Result::ok).unwrap_or_default()))
}

struct Recording {
    child: Child,
    stdout: ChildStdout,
    last_words: JoinHandle<String>,
    /// The first half of a sample.
    half: Option<u8>,
}

impl Recording {
    fn of(mut child: Child) -> Result<Self, SoundError> {
        match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => {
                Ok(Self { child, stdout, last_words: tokio::spawn(last_words(stderr)), half: None })
            }
            _ => Err(SoundError::NotStarted("it has no pipes".to_owned())),
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<i16>>, SoundError> {
        let mut bytes = Vec::with_capacity(2 * PIECE);
        bytes.extend(self.half.take());
        let begun = bytes.len();
        match self.stdout.read_buf(&mut bytes).await {
            Ok(_) if bytes.len() > begun => {}
            _ => return ended(&mut self.child, &mut self.last_words).await.map(|()| None),
        }
        let (samples, rest) = bytes.as_chunks::<2>();
        self.half = rest.first().copied();
        Ok(Some(samples.iter().map(|sample| i16::from_le_bytes(*sample)).collect()))
    }
}

struct Playing {
    child: Child,
    said: Lines<BufReader<Take<ChildStdout>>>,
    last_words: JoinHandle<String>,
    from: usize,
    all: usize,
}

impl Playing {
    fn of(mut child: Child, samples: Arc<[i16]>, from: usize) -> Result<Self, SoundError> {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(SoundError::NotStarted("it has no pipes".to_owned()));
        };
        let all = samples.len();
        // It ends with the program that reads it.
        tokio::spawn(say(stdin, samples, from));
        let said = BufReader::new(stdout.take(SAID)).lines();
        Ok(Self { child, said, last_words: tokio::spawn(last_words(stderr)), from, all })
    }

    async fn next(&mut self) -> Result<Option<usize>, SoundError> {
        // Milliseconds of what it was given, a line each.
        match self.said.next_line().await.ok().flatten().and_then(|line| line.trim().parse::<u64>().ok()) {
            Some(ms) => {
                let played = usize::try_from(ms.saturating_mul(u64::from(HEARD)) / 1_000).unwrap_or(usize::MAX);
                Ok(Some(self.from.saturating_add(played).min(self.all)))
            }
            None => ended(&mut self.child, &mut self.last_words).await.map(|()| None),
        }
    }
}

/// Gives it what is to be played.
async fn say(mut stdin: ChildStdin, samples: Arc<[i16]>, from: usize) {
    for piece in samples.get(from..).unwrap_or_default().chunks(HEARD as usize) {
        let bytes: Vec<u8> = piece.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        // It is told to stop by being ended.
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
