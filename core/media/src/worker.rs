//! The process that decodes.

use std::ffi::OsStr;
use std::io::{self, BufReader, Read as _, Write as _};
use std::process::ExitCode;

use crate::wire::{self, Answer, Refusal, Wanted};
use crate::{Voice, limits, picture, voice};

/// By which a program knows that it is to be that process.
pub(crate) const ARGUMENT: &str = "--decode";

/// Where this process was started to decode something, does that, and says how to end. For the first line of a program,
/// before it has read or opened anything.
#[must_use]
pub fn run_if_asked() -> Option<ExitCode> {
    let is_asked = std::env::args_os().nth(1).is_some_and(|first| first == OsStr::new(ARGUMENT));
    is_asked.then(|| if run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run() -> io::Result<()> {
    confine()?;
    let mut asked = BufReader::new(io::stdin().lock());
    let wanted = wire::read_line(&mut asked).ok_or(io::ErrorKind::InvalidData)?;
    let mut file = Vec::new();
    asked.take(limits::FILE).read_to_end(&mut file)?;
    let (answer, bytes) = answer(wanted, &file).unwrap_or_else(|why| (Answer::Refused(why), Vec::new()));
    drop(file);
    let mut out = io::stdout().lock();
    out.write_all(&wire::line(&answer))?;
    out.write_all(&bytes)?;
    out.flush()
}

fn answer(wanted: Wanted, file: &[u8]) -> Result<(Answer, Vec<u8>), Refusal> {
    Ok(match wanted {
        Wanted::Show(side) => {
            let (width, height, rgba) = picture::show(file, side)?;
            (Answer::Shown { width, height }, rgba)
        }
        Wanted::Make(side) => {
            let (so, bytes) = picture::make(file, side)?;
            (Answer::Made(so), bytes)
        }
        Wanted::Listen => {
            let samples = voice::listen(file)?;
            (Answer::Heard, samples.iter().flat_map(|sample| sample.to_le_bytes()).collect())
        }
        Wanted::MakeVoice => {
            let Voice { bytes, duration_ms, waveform } = voice::make(file)?;
            (Answer::Voice { duration_ms, waveform }, bytes)
        }
    })
}

/// Gives up whatever decoding does not need. With no files allowed, the pipes that it has stay, and whatever opens another one fails, be
/// it a file or a socket, also once those are closed.
#[cfg(unix)]
fn confine() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Nofile, 0),
        (Resource::Fsize, 0),
        (Resource::Nproc, 0),
        (Resource::Cpu, limits::COMPUTING),
        (Resource::As, limits::MEMORY),
    ] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Windows has no such limits for a process on itself: there its time is limited from outside, and its memory by the decoders.
#[cfg(not(unix))]
fn confine() -> io::Result<()> {
    Ok(())
}
