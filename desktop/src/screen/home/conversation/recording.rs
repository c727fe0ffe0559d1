//! A voice message that is being recorded. It is in memory only, encoded as it is said.

use std::collections::VecDeque;
use std::sync::Arc;

use iced::futures::{StreamExt as _, stream};
use iced::widget::{container, row, space, text};
use iced::{Center, Element, Fill, Task, task};
use privmsg_client::{HeldFile, VoiceNote, units};
use privmsg_media::sound::{Sound, SoundError};
use privmsg_media::{BARS, EncodeError, Voice, VoiceWriter};

use crate::failure;
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};
use crate::widget::{Waveform, alarm, hint, small_button};

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Something is to be said.
    Begun,
    /// The microphone has heard this. The number says which time it was begun.
    Heard(u64, Result<Vec<i16>, SoundError>),
    /// It hears no more.
    Silent(u64),
    /// It is said.
    Done,
    /// It was nothing.
    Discarded,
}

#[derive(Debug)]
enum Failure {
    Sound(SoundError),
    Encode(EncodeError),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Recorder {
    sound: Arc<dyn Sound>,
    now: Option<Now>,
    begun: u64,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Now {
    writer: VoiceWriter,
    levels: VecDeque<u8>,
    /// So many are drawn by now.
    steps: u32,
    _task: task::Handle,
}

/// Between two bars, ms.
const STEP: u32 = 100;

impl Now {
    /// A bar for each step that is over.
    fn draws(&mut self) {
        let steps = self.writer.duration_ms() / STEP;
        if steps == self.steps {
            return;
        }
        self.steps = steps;
        // Quiet is drawn higher than it is: ears hear it so.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "of 0 to 255")]
        self.levels.push_back((self.writer.level().sqrt() * 255.0) as u8);
        if self.levels.len() > BARS {
            self.levels.pop_front();
        }
    }
}

impl Recorder {
    pub(super) fn new(sound: Arc<dyn Sound>) -> Self {
        Self { sound, now: None, begun: 0, failure: None }
    }

    pub(super) const fn is_recording(&self) -> bool {
        self.now.is_some()
    }

    /// Does what a message asks for. Gives what was said, once it is said.
    pub(super) fn update(&mut self, message: Message) -> (Task<Message>, Option<HeldFile>) {
        match message {
            Message::Begun if self.now.is_none() => return (self.begins(), None),
            Message::Heard(begun, Ok(samples)) if begun == self.begun => return (Task::none(), self.hears(&samples)),
            Message::Heard(begun, Err(error)) if begun == self.begun => {
                tracing::warn!(%error, "nothing is recorded");
                let said = self.ends();
                self.failure = Some(Failure::Sound(error));
                return (Task::none(), said);
            }
            Message::Silent(begun) if begun == self.begun => return (Task::none(), self.ends()),
            Message::Done => return (Task::none(), self.ends()),
            Message::Discarded => self.now = None,
            Message::Begun | Message::Heard(..) | Message::Silent(_) => {}
        }
        (Task::none(), None)
    }

    fn begins(&mut self) -> Task<Message> {
        self.failure = None;
        let writer = match VoiceWriter::new() {
            Ok(writer) => writer,
            Err(error) => {
                self.failure = Some(Failure::Encode(error));
                return Task::none();
            }
        };
        self.begun += 1;
        let (begun, sound) = (self.begun, Arc::clone(&self.sound));
        // Not before the task runs: it begins a program.
        let heard = stream::once(async move { sound.record() }).flatten();
        let heard = Task::run(heard, move |heard| Message::Heard(begun, heard));
        let (task, handle) = heard.chain(Task::done(Message::Silent(begun))).abortable();
        self.now = Some(Now { writer, levels: VecDeque::new(), steps: 0, _task: handle.abort_on_drop() });
        task
    }

    fn hears(&mut self, samples: &[i16]) -> Option<HeldFile> {
        let now = self.now.as_mut()?;
        match now.writer.hears(samples) {
            Ok(goes_on) => {
                now.draws();
                if goes_on { None } else { self.ends() }
            }
            Err(error) => {
                (self.now, self.failure) = (None, Some(Failure::Encode(error)));
                None
            }
        }
    }

    /// Whatever was said by now.
    pub(super) fn ends(&mut self) -> Option<HeldFile> {
        match self.now.take()?.writer.finish() {
            Ok(voice) => voice.map(|Voice { bytes, duration_ms, waveform }| {
                HeldFile::voice(bytes, VoiceNote { duration_ms, waveform })
            }),
            Err(error) => {
                self.failure = Some(Failure::Encode(error));
                None
            }
        }
    }

    /// What stands above the field: why nothing is recorded.
    pub(super) fn trouble<'a>(&self, lang: Lang) -> Option<Element<'a, Message>> {
        self.failure.as_ref().map(|failure| {
            alarm(match failure {
                Failure::Sound(error) => failure::sound(lang, error),
                Failure::Encode(error) => lang.with("failure-sound-encode", &[("reason", error.to_string().into())]),
            })
        })
    }

    /// What stands in the place of the field, while something is being said.
    pub(super) fn view(&self, lang: Lang) -> Option<Element<'_, Message>> {
        let now = self.now.as_ref()?;
        let missing = BARS - now.levels.len().min(BARS);
        let levels = std::iter::repeat_n(0, missing).chain(now.levels.iter().copied());
        let length = text(units::length(now.writer.duration_ms())).size(type_size::BODY);
        let said = row![
            text("●").style(text::danger),
            length,
            Waveform::new(levels, 1.0),
            hint(lang.text("recording")),
            space::horizontal(),
            small_button(lang.text("discard"), Message::Discarded),
            small_button(lang.text("done-recording"), Message::Done),
        ];
        Some(
            container(said.spacing(gap::SMALL).align_y(Center))
                .padding(gap::SMALL)
                .width(Fill)
                .style(theme::bar)
                .into(),
        )
    }
}
