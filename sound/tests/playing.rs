//! The program as it is, with devices that are in GStreamer alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use privmsg_media::SoundProgram;
use privmsg_media::sound::{HEARD, RECORDED, Sound as _, SoundError, Speed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_privmsg-sound");

fn program(source: &str, sink: &str) -> SoundProgram {
    SoundProgram::at(PROGRAM.into()).with_devices(source, sink)
}

/// Zeros in a second of sound: two for each wave.
fn crossings(samples: &[i16]) -> usize {
    samples.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count()
}

/// A tone, as it is to be heard.
fn tone(seconds: f64) -> Arc<[i16]> {
    let at = |n: u32| (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(HEARD)).sin() * 8_000.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of at most 8,000, and few")]
    (0..(seconds * f64::from(HEARD)) as u32).map(|n| at(n) as i16).collect()
}

#[tokio::test]
async fn what_the_microphone_hears_comes_as_it_is_heard() {
    let sound = program("audiotestsrc is-live=true freq=440", "fakesink");
    let mut heard = sound.record();
    let mut samples: Vec<i16> = Vec::new();
    let begun = Instant::now();
    while samples.len() < RECORDED as usize {
        samples.extend(heard.next().await.unwrap().unwrap());
    }
    assert!(begun.elapsed() > Duration::from_millis(700), "a second takes a second");
    let zeros = crossings(&samples[..RECORDED as usize]);
    assert!((860..900).contains(&zeros), "{zeros}");
}

#[tokio::test]
async fn what_is_played_comes_out_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    for (speed, seconds) in [(Speed::Normal, 1.2), (Speed::Double, 0.6)] {
        let out = folder.path().join(format!("{}.raw", speed.percent()));
        let sink =
            format!("audio/x-raw,rate={HEARD},channels=1,format=S16LE ! filesink sync=true location={}", out.display());
        let begun = Instant::now();
        let mut played = program("audiotestsrc", &sink).play(tone(1.5), HEARD as usize * 3 / 10, speed);
        let mut last = HEARD as usize * 3 / 10;
        let mut told = 0;
        while let Some(at) = played.next().await {
            let at = at.unwrap();
            assert!(at >= last && at <= HEARD as usize * 3 / 2, "{last} {at}");
            (last, told) = (at, told + 1);
        }
        assert!(told >= 2, "{told}");
        assert!(begun.elapsed().as_secs_f64() > seconds * 0.8, "{speed:?}: {:?}", begun.elapsed());
        let bytes = std::fs::read(&out).unwrap();
        let samples: Vec<_> = bytes.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect();
        let heard = samples.len() as f64 / f64::from(HEARD);
        assert!((heard - seconds).abs() < 0.15, "{speed:?}: {heard}");
        // Voices stay as high as they are.
        let pitch = crossings(&samples) as f64 / heard / 2.0;
        assert!((420.0..460.0).contains(&pitch), "{speed:?}: {pitch}");
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_said() {
    let devices = program("alsasrc device=none", "nosuchsink");
    let error = devices.record().next().await.unwrap().unwrap_err();
    assert!(matches!(&error, SoundError::Device(reason) if !reason.is_empty()), "{error:?}");
    let mut played = devices.play(tone(0.1), 0, Speed::Normal);
    let error = played.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, SoundError::Device(reason) if reason.contains("nosuchsink")), "{error:?}");
    assert_eq!(played.next().await, None, "it is said once");
    let none = SoundProgram::at("/nowhere/privmsg-sound".into());
    let error = none.record().next().await.unwrap().unwrap_err();
    assert_eq!(error, SoundError::NotThere("/nowhere/privmsg-sound".into()));
}

/// Whoever has started it may end in any way.
#[test]
fn it_ends_with_whoever_reads_it() {
    let mut child = Command::new(PROGRAM)
        .args(["--source=audiotestsrc is-live=true", "record"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    ends(&mut child);

    let mut child = Command::new(PROGRAM)
        .args(["--sink=fakesink sync=true", "play", "--rate=24000"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Nobody reads how far it has come, while there is more to play.
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&[0; 48_000]).unwrap();
    ends(&mut child);
    drop(stdin);
}

/// GStreamer goes on with a device that nobody hears where it finds none; that is said.
#[test]
fn no_device_is_no_sound() {
    for does in ["record", "play"] {
        let done = Command::new(PROGRAM)
            .arg(does)
            .env("PULSE_SERVER", "unix:/nowhere")
            .env("PIPEWIRE_REMOTE", "nowhere")
            .env("ALSA_CONFIG_PATH", "/nowhere")
            .env("XDG_RUNTIME_DIR", "/nowhere")
            .env_remove("DISPLAY")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!done.status.success(), "{does}: {}", String::from_utf8_lossy(&done.stderr));
        assert!(!done.stderr.trim_ascii().is_empty(), "{does}");
    }
}

fn ends(child: &mut std::process::Child) {
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
