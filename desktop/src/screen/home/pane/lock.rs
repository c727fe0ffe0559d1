//! The passphrase of this device, in the settings, and when the window asks for it.

use std::sync::Arc;

use iced::widget::operation::{focus, focus_next};
use iced::widget::{button, column, row, text};
use iced::{Element, Task};
use privmsg_client::{ClientError, KeyPlace};
use privmsg_protocol::Secret;

use super::{Done, choice};
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{gap, type_size};
use crate::widget::{Typed, alarm, hint, secret_field, section, small_button};

const CURRENT: &str = "passphrase-now";
const NEW: &str = "passphrase-wanted";
const AGAIN: &str = "passphrase-again";

/// After how many minutes in which nobody is there the window may be locked.
const MINUTES: [Option<u16>; 5] = [None, Some(1), Some(5), Some(15), Some(60)];

/// See the module.
#[derive(Debug)]
pub(super) struct Lock {
    session: Session,
    /// Where the key of the profile is, if that is known.
    place: Option<KeyPlace>,
    step: Step,
    typed: Passphrases,
    slip: Option<&'static str>,
    failure: Option<Arc<ClientError>>,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Looking,
    /// A passphrase is to be set, or to be another one.
    Setting,
    /// There is to be none any more.
    TakingAway,
    /// One of them is being done.
    Working {
        sets: bool,
    },
}

/// What is typed for that.
#[derive(Debug)]
struct Passphrases {
    current: Secret,
    new: Secret,
    again: Secret,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Where the key is.
    Known(Result<KeyPlace, Arc<ClientError>>),
    /// The window is to be locked.
    Now,
    /// And by itself, after so many minutes.
    After(Option<u16>),
    /// A passphrase is to be set, or to be another one.
    Set,
    /// There is to be none any more.
    TakeAway,
    /// The one until now is being typed.
    Current(Secret),
    /// The new one.
    New(Secret),
    /// The new one once more.
    Again(Secret),
    /// The next field is wanted.
    Next,
    /// All is typed.
    Submitted,
    /// Nothing is to be done.
    Cancelled,
    /// It is done.
    Done(Done),
}

impl Passphrases {
    fn none() -> Self {
        let none = || Secret::new(String::new());
        Self { current: none(), new: none(), again: none() }
    }
}

impl Lock {
    pub(super) fn new(session: Session) -> (Self, Task<Message>) {
        let (step, typed) = (Step::Looking, Passphrases::none());
        let lock = Self { session, place: None, step, typed, slip: None, failure: None };
        let task = lock.look();
        (lock, task)
    }

    fn look(&self) -> Task<Message> {
        let client = self.session.client().clone();
        Task::perform(async move { client.key_place().await.map_err(Arc::new) }, Message::Known)
    }

    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Known(Ok(place)) => self.place = Some(place),
            Message::Known(Err(error)) => self.failure = Some(error),
            Message::Set => return self.begins(Step::Setting),
            Message::TakeAway => return self.begins(Step::TakingAway),
            Message::Cancelled => return self.begins(Step::Looking),
            Message::Current(typed) => self.typed.current = typed,
            Message::New(typed) => self.typed.new = typed,
            Message::Again(typed) => self.typed.again = typed,
            Message::Next => return focus_next(),
            Message::Submitted => return self.submits(),
            Message::Done(Ok(())) => return Task::batch([self.begins(Step::Looking), self.look()]),
            Message::Done(Err(error)) => {
                let step = if self.step == (Step::Working { sets: true }) { Step::Setting } else { Step::TakingAway };
                (self.step, self.failure) = (step, Some(error));
                // It may be half done.
                return Task::batch([self.look(), self.asks()]);
            }
            // They are for whoever shows this.
            Message::Now | Message::After(_) => {}
        }
        Task::none()
    }

    fn begins(&mut self, step: Step) -> Task<Message> {
        (self.step, self.typed, self.slip, self.failure) = (step, Passphrases::none(), None, None);
        if step == Step::Looking { Task::none() } else { self.asks() }
    }

    const fn has_passphrase(&self) -> bool {
        matches!(self.place, Some(KeyPlace::Passphrase))
    }

    /// The first field has the keyboard.
    fn asks(&self) -> Task<Message> {
        focus(if self.has_passphrase() { CURRENT } else { NEW })
    }

    fn submits(&mut self) -> Task<Message> {
        (self.slip, self.failure) = (None, None);
        let sets = match self.step {
            Step::Setting => true,
            Step::TakingAway => false,
            Step::Looking | Step::Working { .. } => return Task::none(),
        };
        self.slip = match (self.typed.new.expose(), self.typed.again.expose()) {
            ("", _) if sets => Some("slip-passphrase-empty"),
            (new, again) if new != again => Some("slip-passphrase"),
            _ => None,
        };
        if self.slip.is_some() {
            return Task::none();
        }
        self.step = Step::Working { sets };
        let (client, current) = (self.session.client().clone(), self.typed.current.clone());
        let new = sets.then(|| self.typed.new.clone());
        let moved = async move { client.set_passphrase(current, new).await.map_err(Arc::new) };
        Task::perform(moved, Message::Done)
    }

    /// What is said and asked, with after how many minutes the window is locked by itself.
    pub(super) fn view(&self, lang: Lang, after: Option<u16>) -> Option<Element<'_, Message>> {
        if self.place == Some(KeyPlace::Host) {
            return None;
        }
        let mut content = column![].spacing(gap::SMALL);
        content = content.push(self.failure.as_ref().map(|error| alarm(failure::client(lang, error))));
        content = content.push(self.slip.map(|slip| alarm(lang.text(slip))));
        content = match self.step {
            Step::Looking if self.has_passphrase() => {
                let minutes = MINUTES.map(|one| choice(said(lang, one), one == after, Message::After(one)));
                let changes = row![one(lang, "lock-change", Message::Set), one(lang, "lock-remove", Message::TakeAway)];
                content
                    .push(row![one(lang, "lock-now", Message::Now)])
                    .push(text(lang.text("lock-after")).size(type_size::BODY))
                    .push(row(minutes).spacing(gap::SMALL).wrap())
                    .push(changes.spacing(gap::SMALL))
            }
            Step::Looking => {
                let means = if self.place == Some(KeyPlace::File) { "lock-none-file" } else { "lock-none" };
                let means = self.place.is_some().then(|| hint(lang.text(means)));
                content.push(means).push(self.place.is_some().then(|| row![one(lang, "lock-set", Message::Set)]))
            }
            Step::Setting => {
                let current = self.has_passphrase().then(|| {
                    let typed: Typed<Message> = |text| Message::Current(Secret::new(text));
                    field(lang, CURRENT, &self.typed.current, typed, Message::Next)
                });
                let (new, again): (Typed<Message>, Typed<Message>) =
                    (|text| Message::New(Secret::new(text)), |text| Message::Again(Secret::new(text)));
                content
                    .push(hint(lang.text("lock-means")))
                    .push(current)
                    .push(field(lang, NEW, &self.typed.new, new, Message::Next))
                    .push(field(lang, AGAIN, &self.typed.again, again, Message::Submitted))
                    .push(answers(lang, if self.has_passphrase() { "lock-change" } else { "lock-set" }))
            }
            Step::TakingAway => {
                let typed: Typed<Message> = |text| Message::Current(Secret::new(text));
                content
                    .push(hint(lang.text("lock-remove-means")))
                    .push(field(lang, CURRENT, &self.typed.current, typed, Message::Submitted))
                    .push(answers(lang, "lock-remove"))
            }
            Step::Working { .. } => content.push(hint(lang.text("working"))),
        };
        Some(section(lang.text("lock"), content))
    }
}

fn said(lang: Lang, minutes: Option<u16>) -> String {
    minutes.map_or_else(|| lang.text("lock-never"), |minutes| lang.with("lock-minutes", &[("count", minutes.into())]))
}

fn field<'a>(
    lang: Lang,
    id: &'static str,
    value: &Secret,
    input: Typed<Message>,
    then: Message,
) -> Element<'a, Message> {
    secret_field(id, lang.text(id), value.expose(), Some(input), then)
}

fn one<'a>(lang: Lang, name: &str, then: Message) -> Element<'a, Message> {
    small_button(lang.text(name), then).into()
}

fn answers<'a>(lang: Lang, name: &str) -> Element<'a, Message> {
    let yes = button(text(lang.text(name)).size(type_size::BODY)).on_press(Message::Submitted);
    row![yes, one(lang, "cancel", Message::Cancelled)].spacing(gap::SMALL).align_y(iced::Center).into()
}
