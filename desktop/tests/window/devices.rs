//! A microphone and a loudspeaker that nobody needs to have.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use iced::futures::stream::{self, StreamExt as _};
use privmsg_media::sound::{RECORDED, Sound, SoundError, SoundStream, Speed};

/// A microphone that hears a tone for as long as somebody records, and a loudspeaker that notes what it plays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices {
    played: Arc<Mutex<Vec<(usize, usize, Speed)>>>,
    /// What is played comes to its end only then.
    holds: Arc<Mutex<bool>>,
    /// There is no microphone.
    is_deaf: Arc<Mutex<bool>>,
}

impl Devices {
    /// Whether what is played stops before its end.
    pub(crate) fn hold(&self, holds: bool) {
        *self.holds.lock().unwrap() = holds;
    }

    /// Whether there is no microphone.
    pub(crate) fn is_deaf(&self, deaf: bool) {
        *self.is_deaf.lock().unwrap() = deaf;
    }

    /// The length of what was played, from where, and how fast, one after the other.
    pub(crate) fn played(&self) -> Vec<(usize, usize, Speed)> {
        self.played.lock().unwrap().clone()
    }
}

/// A tone of so many samples.
pub(crate) fn tone(len: u32, rate: u32) -> Vec<i16> {
    let at = |n: u32| (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin() * 12_000.0;
    #[expect(clippy::cast_possible_truncation, reason = "of at most 12,000")]
    (0..len).map(|n| at(n) as i16).collect()
}

impl Sound for Devices {
    fn record(&self) -> SoundStream<Vec<i16>> {
        if *self.is_deaf.lock().unwrap() {
            let error = SoundError::Device("no such device".to_owned());
            return Box::pin(stream::iter([Err(error)]));
        }
        // A tenth of a second, ten times a second.
        Box::pin(stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok(tone(RECORDED / 10, RECORDED)), ()))
        }))
    }

    fn play(&self, samples: Arc<[i16]>, from: usize, speed: Speed) -> SoundStream<usize> {
        self.played.lock().unwrap().push((samples.len(), from, speed));
        let holds = Arc::clone(&self.holds);
        let half = stream::iter([Ok(from + (samples.len() - from) / 2)]);
        let end = stream::once(async move {
            while *holds.lock().unwrap() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(samples.len())
        });
        Box::pin(half.chain(end))
    }
}
