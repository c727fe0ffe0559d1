//! Voices that can be heard, one of them at a time: decoded when somebody wants to hear it, drawn with how far it has come.

use std::sync::Arc;

use iced::widget::{button, column, row, text};
use iced::{Center, Element, Task, task};
use privmsg_client::{ClientError, VoiceNote, units};
use privmsg_media::DecodeError;
use privmsg_media::sound::{Sound, Speed};

use super::player::{self, Player};
use crate::failure;
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};
use crate::widget::{Waveform, hint, small_button};

/// Why something that was sent is neither shown nor heard.
#[derive(Debug, Clone)]
pub enum NotHad {
    /// It cannot be had.
    Client(Arc<ClientError>),
    /// It cannot be decoded.
    Decode(Arc<DecodeError>),
}

impl From<ClientError> for NotHad {
    fn from(error: ClientError) -> Self {
        Self::Client(Arc::new(error))
    }
}

impl From<DecodeError> for NotHad {
    fn from(error: DecodeError) -> Self {
        Self::Decode(Arc::new(error))
    }
}

/// What happened with the voice of that name.
#[derive(Debug, Clone)]
pub enum Message<K> {
    /// Somebody wants to hear it, or to hear no more.
    Toggled(K),
    /// It has come.
    Came(K, Result<Arc<[i16]>, NotHad>),
    /// It is being played.
    Player(player::Message),
    /// Another place of it is wanted, from 0 to 1.
    Sought(K, f32),
    /// It is to be heard faster, or as it was said.
    Faster,
}

/// What an update comes to.
#[derive(Debug)]
pub(super) enum Action<K> {
    /// Nothing, but for this.
    Run(Task<Message<K>>),
    /// This one is to be [given](Hearing::waits_for).
    Wanted(K),
    /// This one was heard to its end.
    Ended(K),
    /// Nobody waits for this one any more.
    Stopped(K),
}

#[derive(Debug)]
enum Stage {
    Coming(#[expect(dead_code, reason = "stops it when another one is wanted")] task::Handle),
    Here,
    Not(NotHad),
}

/// See the module. `K` is a voice's name.
#[derive(Debug)]
pub(super) struct Hearing<K> {
    player: Player,
    heard: Option<(K, Stage)>,
    /// What comes is not heard before somebody asks once more.
    waits: bool,
}

impl<K: Copy + Eq + Send + 'static> Hearing<K> {
    pub(super) fn new(sound: Arc<dyn Sound>) -> Self {
        Self { player: Player::new(sound), heard: None, waits: false }
    }

    /// Does what a message asks for.
    pub(super) fn update(&mut self, message: Message<K>) -> Action<K> {
        Action::Run(match message {
            Message::Toggled(key) if self.is_here(key) => self.player.toggles().map(Message::Player),
            Message::Toggled(key) => {
                // Whoever does not want to wait for it any more, wants none.
                let was_coming = matches!(self.heard, Some((of, Stage::Coming(_))) if of == key);
                self.stops();
                return if was_coming { Action::Stopped(key) } else { Action::Wanted(key) };
            }
            Message::Sought(key, part) if self.is_here(key) => self.player.seeks(part).map(Message::Player),
            Message::Sought(..) => Task::none(),
            Message::Faster => self.player.changes_speed().map(Message::Player),
            Message::Came(key, came) => self.comes(key, came),
            Message::Player(message) => match (&self.heard, self.player.update(message)) {
                (Some((key, _)), true) => return Action::Ended(*key),
                _ => Task::none(),
            },
        })
    }

    /// Waits for what a voice says, to play it.
    pub(super) fn waits_for(
        &mut self,
        key: K,
        voice: impl Future<Output = Result<Arc<[i16]>, NotHad>> + Send + 'static,
    ) -> Task<Message<K>> {
        self.player.stops();
        self.waits = false;
        let (task, handle) = Task::perform(voice, move |came| Message::Came(key, came)).abortable();
        self.heard = Some((key, Stage::Coming(handle.abort_on_drop())));
        task
    }

    /// Nothing is heard any more.
    pub(super) fn stops(&mut self) {
        self.player.stops();
        self.heard = None;
    }

    /// What is still to come is not heard unasked.
    pub(super) const fn waits(&mut self) {
        self.waits = true;
    }

    /// Whether one is heard at the moment.
    pub(super) const fn is_playing(&self) -> bool {
        self.player.is_playing()
    }

    /// Which one is heard, or will be.
    pub(super) fn is_heard(&self) -> Option<K> {
        self.heard.as_ref().map(|(key, _)| *key)
    }

    fn comes(&mut self, key: K, came: Result<Arc<[i16]>, NotHad>) -> Task<Message<K>> {
        let Some((_, stage)) = self.heard.as_mut().filter(|(of, _)| *of == key) else { return Task::none() };
        match came {
            Ok(samples) => {
                *stage = Stage::Here;
                let begun = self.player.begins(samples, !std::mem::take(&mut self.waits));
                begun.map(Message::Player)
            }
            Err(why) => {
                *stage = Stage::Not(why);
                Task::none()
            }
        }
    }

    fn is_here(&self, key: K) -> bool {
        matches!(&self.heard, Some((of, Stage::Here)) if *of == key)
    }

    /// A voice; as long and as loud as its sender says until it is here. What is not `ready` cannot be heard yet.
    pub(super) fn view<'a>(&'a self, lang: Lang, key: K, voice: &VoiceNote, ready: bool) -> Element<'a, Message<K>> {
        let stage = self.heard.as_ref().filter(|(of, _)| *of == key).map(|(_, stage)| stage);
        let is_here = self.is_here(key);
        let (part, is_playing) = if is_here { (self.player.part(), self.player.is_playing()) } else { (0.0, false) };
        let is_begun = is_playing || part > 0.0;
        let all = if is_here { self.player.length_ms() } else { voice.duration_ms };
        let length = units::length(all);
        let said = if is_begun {
            format!("{} / {length}", units::length(self.player.at_ms() / 1_000 * 1_000))
        } else {
            length
        };
        let goes = is_playing || matches!(stage, Some(Stage::Coming(_)));
        let toggle = button(text(if goes { "⏸" } else { "▶" }).font(theme::EMOJI))
            .padding([gap::TINY, gap::SMALL])
            .style(theme::quiet)
            .on_press_maybe(ready.then_some(Message::Toggled(key)));
        let waveform =
            Waveform::new(voice.waveform.iter().copied(), part).on_press(move |part| Message::Sought(key, part));
        let speed =
            is_begun.then(|| small_button(speed(lang, self.player.speed()), Message::Faster).padding([0.0, gap::TINY]));
        let below = row![hint(said)].push(speed).spacing(gap::SMALL).align_y(Center);
        let danger = |why| text(why).size(type_size::SMALL).style(text::danger).into();
        let why: Option<Element<'_, Message<K>>> = match stage {
            Some(Stage::Not(NotHad::Client(error))) => Some(danger(failure::client(lang, error))),
            Some(Stage::Not(NotHad::Decode(error))) => Some(danger(failure::voice(lang, error))),
            Some(Stage::Coming(_)) => Some(hint(lang.text("files-coming"))),
            Some(Stage::Here) => self.player.failure().map(|error| danger(failure::sound(lang, error))),
            None => None,
        };
        let voice = row![toggle, column![waveform, below].spacing(gap::TINY)].spacing(gap::SMALL).align_y(Center);
        column![voice].push(why).spacing(gap::TINY).into()
    }
}

/// How fast, as people write it.
fn speed(lang: Lang, speed: Speed) -> String {
    lang.with("speed", &[("times", (f64::from(speed.percent()) / 100.0).into())])
}
