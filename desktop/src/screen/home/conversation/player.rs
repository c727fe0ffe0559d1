//! A voice that is heard: where it is, how fast, and whether it goes on.

use std::sync::Arc;

use iced::futures::{StreamExt as _, stream};
use iced::{Task, task};
use privmsg_media::sound::{HEARD, Sound, SoundError, Speed};

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// It has come so far. The number says which time it was begun.
    Played(u64, Result<usize, SoundError>),
    /// It was heard to its end.
    Ended(u64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Player {
    sound: Arc<dyn Sound>,
    speed: Speed,
    samples: Arc<[i16]>,
    /// The sample that is heard next.
    at: usize,
    playing: Option<task::Handle>,
    /// How often something was begun: what is left of it from before is passed over.
    begun: u64,
    failure: Option<SoundError>,
}

impl Player {
    pub(super) fn new(sound: Arc<dyn Sound>) -> Self {
        let samples = Arc::from([]);
        Self { sound, speed: Speed::default(), samples, at: 0, playing: None, begun: 0, failure: None }
    }

    /// Has something else, at its beginning, and hears it if that is to be.
    pub(super) fn begins(&mut self, samples: Arc<[i16]>, plays: bool) -> Task<Message> {
        (self.samples, self.at, self.playing) = (samples, 0, None);
        if plays { self.goes_on() } else { Task::none() }
    }

    /// Goes on, or waits.
    pub(super) fn toggles(&mut self) -> Task<Message> {
        if self.playing.take().is_some() {
            return Task::none();
        }
        if self.at >= self.samples.len() {
            self.at = 0;
        }
        self.goes_on()
    }

    /// Nothing is heard any more.
    pub(super) fn stops(&mut self) {
        (self.samples, self.at, self.playing, self.failure) = (Arc::from([]), 0, None, None);
    }

    /// Goes to a part of it, from 0 to 1.
    pub(super) fn seeks(&mut self, part: f32) -> Task<Message> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and its length")]
        let at = (self.samples.len() as f32 * part.clamp(0.0, 1.0)) as usize;
        self.at = at;
        if self.is_playing() { self.goes_on() } else { Task::none() }
    }

    /// Goes faster; behind the fastest, as it was said.
    pub(super) fn changes_speed(&mut self) -> Task<Message> {
        self.speed = self.speed.next();
        if self.is_playing() { self.goes_on() } else { Task::none() }
    }

    /// Does what a message asks for. Whether it was heard to its end.
    pub(super) fn update(&mut self, message: Message) -> bool {
        match message {
            Message::Played(begun, Ok(at)) if begun == self.begun && self.is_playing() => self.at = at,
            Message::Played(begun, Err(error)) if begun == self.begun => {
                tracing::warn!(%error, "nothing is played");
                (self.failure, self.playing) = (Some(error), None);
            }
            Message::Ended(begun) if begun == self.begun && self.is_playing() => {
                (self.at, self.playing) = (0, None);
                return true;
            }
            Message::Played(..) | Message::Ended(_) => {}
        }
        false
    }

    pub(super) const fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    pub(super) const fn speed(&self) -> Speed {
        self.speed
    }

    pub(super) const fn failure(&self) -> Option<&SoundError> {
        self.failure.as_ref()
    }

    /// How much of it was heard, from 0 to 1.
    pub(super) fn part(&self) -> f32 {
        self.at as f32 / self.samples.len().max(1) as f32
    }

    /// Where it is, ms.
    pub(super) fn at_ms(&self) -> u32 {
        u32::try_from(self.at as u64 * 1_000 / u64::from(HEARD)).unwrap_or(u32::MAX)
    }

    /// How long it is, ms.
    pub(super) fn length_ms(&self) -> u32 {
        u32::try_from(self.samples.len() as u64 * 1_000 / u64::from(HEARD)).unwrap_or(u32::MAX)
    }

    fn goes_on(&mut self) -> Task<Message> {
        self.begun += 1;
        self.failure = None;
        let begun = self.begun;
        let (sound, samples, from, speed) = (Arc::clone(&self.sound), Arc::clone(&self.samples), self.at, self.speed);
        // Not before the task runs: it begins a program.
        let played = stream::once(async move { sound.play(samples, from, speed) }).flatten();
        let played = Task::run(played, move |played| Message::Played(begun, played));
        let (task, handle) = played.chain(Task::done(Message::Ended(begun))).abortable();
        self.playing = Some(handle.abort_on_drop());
        task
    }
}
