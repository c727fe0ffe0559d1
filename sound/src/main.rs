//! `privmsg-sound`: records and plays for PrivMsg, by GStreamer. It is given and gives raw sound, and never sees a message.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gstreamer::prelude::*;
use gstreamer::{ClockTime, MessageView, Pipeline, ResourceError, State, glib, parse};

/// How often it is said how far the sound has come, ms.
const STEP: u64 = 100;

/// Records and plays for PrivMsg, which starts it by itself.
///
/// Sound is 16 bits a sample, little-endian, of one channel. What fails is said on standard error, with exit code 1.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The GStreamer element that hears.
    #[arg(long, default_value = "autoaudiosrc", env = "PRIVMSG_SOUND_SOURCE")]
    source: String,
    /// The one that is heard.
    #[arg(long, default_value = "autoaudiosink", env = "PRIVMSG_SOUND_SINK")]
    sink: String,
    #[command(subcommand)]
    does: Does,
}

#[derive(Debug, Subcommand)]
enum Does {
    /// Writes what the microphone hears to standard output, 48,000 samples a second, until it is ended.
    Record,
    /// Plays standard input, and writes how many milliseconds of it were played, a line now and then.
    Play {
        /// Samples of a second.
        #[arg(long, default_value_t = 48_000)]
        rate: u32,
        /// How fast, of a hundred. Voices stay as high as they are.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(50..=200))]
        speed: u32,
    },
}

/// Why it cannot go on.
#[derive(Debug)]
struct Failed(String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<glib::Error> for Failed {
    fn from(error: glib::Error) -> Self {
        Self(error.to_string())
    }
}

fn main() -> ExitCode {
    let Arguments { source, sink, does } = Arguments::parse();
    let done = match does {
        Does::Record => record(&source),
        Does::Play { rate, speed } => play(&sink, rate, speed),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn record(source: &str) -> Result<(), Failed> {
    run(
        &format!(
            "{source} ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 \
             ! fdsink fd=1 sync=false"
        ),
        |_| Ok(()),
    )
}

fn play(sink: &str, rate: u32, speed: u32) -> Result<(), Failed> {
    // Only who wants it needs the plug-in that does it.
    let faster = if speed == 100 {
        String::new()
    } else {
        format!("! pitch tempo={}.{:02} ! audioconvert", speed / 100, speed % 100)
    };
    let described = format!(
        "fdsrc fd=0 ! rawaudioparse format=pcm pcm-format=s16le sample-rate={rate} num-channels=1 \
         ! audioconvert {faster} ! audioresample ! {sink}"
    );
    run(&described, |pipeline| {
        let Some(played) = pipeline.query_position::<ClockTime>() else { return Ok(()) };
        // It counts what is heard, and not what that was made from.
        writeln!(io::stdout(), "{}", played.mseconds() * u64::from(speed) / 100)
    })
}

/// Runs a pipeline to its end. `told` is called again and again meanwhile; where it fails, nobody listens any more.
fn run(described: &str, told: impl Fn(&Pipeline) -> io::Result<()>) -> Result<(), Failed> {
    gstreamer::init()?;
    let pipeline = parse::launch(described)?.downcast::<Pipeline>().map_err(|_| Failed("no pipeline".to_owned()))?;
    let bus = pipeline.bus().ok_or_else(|| Failed("a pipeline without a bus".to_owned()))?;
    let done = if pipeline.set_state(State::Playing).is_ok() {
        wait(&bus, || told(&pipeline))
    } else {
        // What it has failed at is said on the bus.
        wait(&bus, || Err(io::ErrorKind::Other.into())).and(Err(Failed("it cannot be started".to_owned())))
    };
    // It ends with the program, whether or not it likes to.
    let _ = pipeline.set_state(State::Null);
    done
}

fn wait(bus: &gstreamer::Bus, told: impl Fn() -> io::Result<()>) -> Result<(), Failed> {
    loop {
        let Some(message) = bus.timed_pop(ClockTime::from_mseconds(STEP)) else {
            if told().is_err() {
                return Ok(());
            }
            continue;
        };
        match message.view() {
            MessageView::Eos(_) => return Ok(()),
            MessageView::Error(error) => return Err(error.error().into()),
            // Where there is no device, GStreamer's choice of one goes on with one that nobody hears.
            MessageView::Warning(warning) if warning.error().is::<ResourceError>() => {
                return Err(warning.error().into());
            }
            _ => {}
        }
    }
}
