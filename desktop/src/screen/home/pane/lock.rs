//! The passphrase of this device, in the settings, and when the window asks for it.

use std::sync::Arc;

use iced::widget::{button, column, row, text};
use iced::{Element, Task};
use privmsg_client::{KeyPlace, Profile, ProfileError, keyring_is_available};
use privmsg_protocol::Secret;

use super::choice;
use crate::failure;
use crate::lang::Lang;
use crate::screen::locked::aside;
use crate::theme::{self, gap, type_size};
use crate::widget::{Typed, alarm, hint, secret_field, section};

const CURRENT: &str = "passphrase-now";
const NEW: &str = "passphrase-wanted";
const AGAIN: &str = "passphrase-again";

/// After how many minutes in which nobody is there the window may be locked.
const MINUTES: [Option<u16>; 5] = [None, Some(1), Some(5), Some(15), Some(60)];

/// See the module.
#[derive(Debug)]
pub(super) struct Lock {
    profile: Profile,
    /// Where the key of the profile is, if that is known.
    place: Option<KeyPlace>,
    step: Step,
    slip: Option<&'static str>,
    failure: Option<Arc<ProfileError>>,
}

/// What is being done.
#[derive(Debug)]
enum Step {
    Looking,
    /// A passphrase is to be set, or to be another one.
    Setting(Box<Words>),
    /// There is to be none any more.
    TakingAway(Secret),
    Working,
}

/// What is typed for that.
#[derive(Debug)]
struct Words {
    current: Secret,
    new: Secret,
    again: Secret,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Where the key is.
    Known(Result<Option<KeyPlace>, Arc<ProfileError>>),
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
    /// It is typed.
    Submitted,
    /// Nothing is to be done.
    Cancelled,
    /// It is done.
    Done(Result<(), Arc<ProfileError>>),
}

impl Lock {
    pub(super) fn new(profile: Profile) -> (Self, Task<Message>) {
        let lock = Self { profile, place: None, step: Step::Looking, slip: None, failure: None };
        let task = lock.look();
        (lock, task)
    }

    fn look(&self) -> Task<Message> {
        let profile = self.profile.clone();
        Task::perform(aside(move || profile.key_place().map_err(ProfileError::Key)), Message::Known)
    }

    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Known(Ok(place)) => self.place = place,
            Message::Known(Err(error)) => self.failure = Some(error),
            Message::Set => {
                self.clears();
                self.step = Step::Setting(Box::new(Words { current: empty(), new: empty(), again: empty() }));
            }
            Message::TakeAway => {
                self.clears();
                self.step = Step::TakingAway(empty());
            }
            Message::Cancelled => {
                self.clears();
                self.step = Step::Looking;
            }
            Message::Current(typed) => match &mut self.step {
                Step::Setting(words) => words.current = typed,
                Step::TakingAway(current) => *current = typed,
                Step::Looking | Step::Working => {}
            },
            Message::New(typed) => {
                if let Step::Setting(words) = &mut self.step {
                    words.new = typed;
                }
            }
            Message::Again(typed) => {
                if let Step::Setting(words) = &mut self.step {
                    words.again = typed;
                }
            }
            Message::Submitted => return self.submits(),
            Message::Done(done) => {
                (self.step, self.failure) = (Step::Looking, done.err());
                // Also after a failure: it may be half done.
                return self.look();
            }
            // They are for whoever shows this.
            Message::Now | Message::After(_) => {}
        }
        Task::none()
    }

    fn clears(&mut self) {
        (self.slip, self.failure) = (None, None);
    }

    fn submits(&mut self) -> Task<Message> {
        self.clears();
        if let Step::Setting(words) = &self.step {
            self.slip = match (words.new.expose(), words.again.expose()) {
                ("", _) => Some("slip-passphrase-empty"),
                (new, again) if new != again => Some("slip-passphrase"),
                _ => None,
            };
            if self.slip.is_some() {
                return Task::none();
            }
        }
        let (current, new) = match std::mem::replace(&mut self.step, Step::Working) {
            Step::Setting(words) => (words.current, Some(words.new)),
            Step::TakingAway(current) => (current, None),
            other @ (Step::Looking | Step::Working) => {
                self.step = other;
                return Task::none();
            }
        };
        let profile = self.profile.clone();
        let moves = move || {
            let place = match &new {
                Some(_) => KeyPlace::Passphrase,
                None if keyring_is_available().unwrap_or(false) => KeyPlace::Keyring,
                None => KeyPlace::File,
            };
            profile.keep_key(Some(current.expose()), place, new.as_ref().map(Secret::expose))
        };
        Task::perform(aside(moves), Message::Done)
    }

    /// What is said and asked, with after how many minutes the window is locked by itself.
    pub(super) fn view(&self, lang: Lang, after: Option<u16>) -> Option<Element<'_, Message>> {
        let has_passphrase = match self.place? {
            KeyPlace::Passphrase => true,
            KeyPlace::Keyring | KeyPlace::File => false,
            KeyPlace::Host => return None,
        };
        let mut content = column![].spacing(gap::SMALL);
        content = content.push(self.failure.as_ref().map(|error| alarm(failure::profile(lang, error))));
        content = content.push(self.slip.map(|slip| alarm(lang.text(slip))));
        content = match &self.step {
            Step::Looking if has_passphrase => {
                let minutes = MINUTES.map(|one| choice(said(lang, one), one == after, Message::After(one)));
                content
                    .push(row![one(lang, "lock-now", Message::Now)])
                    .push(text(lang.text("lock-after")).size(type_size::BODY))
                    .push(row(minutes).spacing(gap::SMALL).wrap())
                    .push(
                        row![one(lang, "lock-change", Message::Set), one(lang, "lock-remove", Message::TakeAway)]
                            .spacing(gap::SMALL),
                    )
            }
            Step::Looking => content.push(hint(lang.text("lock-none"))).push(row![one(lang, "lock-set", Message::Set)]),
            Step::Setting(words) => {
                let current = has_passphrase
                    .then(|| typed_into(lang, CURRENT, &words.current, |text| Message::Current(Secret::new(text))));
                content
                    .push(hint(lang.text("lock-means")))
                    .push(current)
                    .push(typed_into(lang, NEW, &words.new, |text| Message::New(Secret::new(text))))
                    .push(typed_into(lang, AGAIN, &words.again, |text| Message::Again(Secret::new(text))))
                    .push(answers(lang, if has_passphrase { "lock-change" } else { "lock-set" }))
            }
            Step::TakingAway(current) => content
                .push(hint(lang.text("lock-remove-means")))
                .push(typed_into(lang, CURRENT, current, |text| Message::Current(Secret::new(text))))
                .push(answers(lang, "lock-remove")),
            Step::Working => content.push(hint(lang.text("opening"))),
        };
        Some(section(lang.text("lock"), content))
    }
}

fn empty() -> Secret {
    Secret::new(String::new())
}

fn said(lang: Lang, minutes: Option<u16>) -> String {
    minutes.map_or_else(|| lang.text("lock-never"), |minutes| lang.with("lock-minutes", &[("count", minutes.into())]))
}

fn typed_into<'a>(lang: Lang, id: &'static str, value: &Secret, input: Typed<Message>) -> Element<'a, Message> {
    secret_field(id, lang.text(id), value.expose(), Some(input), Message::Submitted)
}

fn one<'a>(lang: Lang, name: &str, then: Message) -> Element<'a, Message> {
    button(text(lang.text(name)).size(type_size::BODY)).style(theme::quiet).on_press(then).into()
}

fn answers<'a>(lang: Lang, name: &str) -> Element<'a, Message> {
    let yes = button(text(lang.text(name)).size(type_size::BODY)).on_press(Message::Submitted);
    row![yes, one(lang, "cancel", Message::Cancelled)].spacing(gap::SMALL).into()
}
