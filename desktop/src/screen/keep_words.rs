//! The twelve words are shown once, and whoever wrote them down types three of them back.

use std::sync::Arc;

use iced::widget::operation::focus;
use iced::widget::{button, column, container, row, text};
use iced::{Element, Length, Task};
use privmsg_client::{Client, ClientError};
use privmsg_protocol::Secret;

use super::opening::{Ready, Unshown};
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme;
use crate::theme::{gap, type_size};
use crate::widget::{alarm, hint, secret_field, sheet};

const FIRST: &str = "word-1";
const SECOND: &str = "word-2";
const THIRD: &str = "word-3";
const FIELDS: [&str; 3] = [FIRST, SECOND, THIRD];

/// Words in a row of the picture.
const COLUMNS: usize = 3;

/// The words, and what was typed back.
#[derive(Debug)]
pub(crate) struct KeepWords {
    session: Session,
    unshown: Unshown,
    /// Which of them are asked for, from 0.
    asked: [usize; 3],
    typed: [Secret; 3],
    state: State,
}

#[derive(Debug)]
enum State {
    Showing,
    Asking { wrong: bool },
    Forgetting,
    Failed(Arc<ClientError>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// They are written down.
    Written,
    /// They are to be seen again.
    Back,
    /// The first of the three is being typed.
    First(Secret),
    /// The second one.
    Second(Secret),
    /// The third one.
    Third(Secret),
    /// One of them is typed, and the next is to be.
    Next(&'static str),
    /// All three are typed.
    Submitted,
    /// They are forgotten here.
    Forgotten(Result<(), Arc<ClientError>>),
}

/// What the application has to do.
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Goes on here.
    Run(Task<Message>),
    /// They were kept.
    Done(Session),
}

impl KeepWords {
    /// For a profile that has something to be shown, if it has.
    ///
    /// # Errors
    /// The session, where there is nothing.
    pub(crate) fn new(ready: Ready) -> Result<Self, Session> {
        let Ready { session, unshown } = ready;
        let Some(unshown) = unshown else { return Err(session) };
        let asked = Client::words_to_type_back();
        let typed = [(); 3].map(|()| Secret::new(String::new()));
        Ok(Self { session, unshown, asked, typed, state: State::Showing })
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            // An access key alone cannot be typed back word by word.
            Message::Written if self.unshown.words.is_none() => return self.forget(),
            Message::Written => {
                self.state = State::Asking { wrong: false };
                return Action::Run(focus(FIRST));
            }
            Message::Back => self.state = State::Showing,
            Message::First(word) => self.typed[0] = word,
            Message::Second(word) => self.typed[1] = word,
            Message::Third(word) => self.typed[2] = word,
            Message::Next(field) => return Action::Run(focus(field)),
            Message::Submitted if self.unshown.words.is_none() || self.is_right() => return self.forget(),
            Message::Submitted => self.state = State::Asking { wrong: true },
            Message::Forgotten(Ok(())) => return Action::Done(self.session.clone()),
            Message::Forgotten(Err(error)) => self.state = State::Failed(error),
        }
        Action::None
    }

    fn forget(&mut self) -> Action {
        self.state = State::Forgetting;
        let client = self.session.client().clone();
        let forgotten = async move { client.forget_recovery_key().await.map_err(Arc::new) };
        Action::Run(Task::perform(forgotten, Message::Forgotten))
    }

    fn words(&self) -> Vec<&str> {
        self.unshown.words.as_ref().map(|words| words.expose().split_whitespace().collect()).unwrap_or_default()
    }

    fn is_right(&self) -> bool {
        let words = self.words();
        let is_typed = |(at, typed): (&usize, &Secret)| {
            words.get(*at).is_some_and(|word| typed.expose().trim().eq_ignore_ascii_case(word))
        };
        self.asked.iter().zip(&self.typed).all(is_typed)
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang) -> Element<'_, Message> {
        match &self.state {
            State::Showing => self.shown(lang),
            State::Asking { wrong } => self.asked(lang, *wrong),
            State::Forgetting => sheet(hint(lang.text("opening"))),
            State::Failed(error) => sheet(
                column![
                    alarm(failure::client(lang, error)),
                    button(text(lang.text("try-again"))).on_press(Message::Submitted),
                ]
                .spacing(gap::MEDIUM),
            ),
        }
    }

    fn shown(&self, lang: Lang) -> Element<'_, Message> {
        let mut content = column![text(lang.text("words-title")).size(type_size::TITLE)].spacing(gap::MEDIUM);
        let words = self.words();
        if !words.is_empty() {
            content = content.push(text(lang.text("words-why")).size(type_size::BODY)).push(table(&words));
        }
        if let Some(key) = &self.unshown.access_key {
            content = content.push(text(lang.text("access-key-why")).size(type_size::BODY)).push(
                container(text(key.expose().to_owned()).size(type_size::BODY)).padding(gap::SMALL).style(theme::notice),
            );
        }
        sheet(content.push(button(text(lang.text("words-written"))).on_press(Message::Written)))
    }

    fn asked(&self, lang: Lang, wrong: bool) -> Element<'_, Message> {
        let inputs: [fn(String) -> Message; 3] = [
            |word| Message::First(Secret::new(word)),
            |word| Message::Second(Secret::new(word)),
            |word| Message::Third(Secret::new(word)),
        ];
        let onward = [Message::Next(SECOND), Message::Next(THIRD), Message::Submitted];
        let fields = FIELDS.into_iter().zip(self.asked).zip(inputs).zip(&self.typed).zip(onward);
        let fields = fields.map(|((((id, at), input), typed), onward)| {
            let name = lang.with("word-number", &[("number", (at + 1).into())]);
            secret_field(id, name, typed.expose(), Some(input), onward)
        });
        let content = column![
            text(lang.text("words-check")).size(type_size::TITLE),
            text(lang.text("words-check-why")).size(type_size::BODY),
        ]
        .spacing(gap::MEDIUM)
        .extend(fields)
        .push(wrong.then(|| alarm(lang.text("words-wrong"))));
        let buttons = row![
            button(text(lang.text("go-on"))).on_press(Message::Submitted),
            button(text(lang.text("words-again"))).style(button::text).on_press(Message::Back),
        ]
        .spacing(gap::SMALL);
        sheet(content.push(buttons))
    }
}

/// Numbered, as they are written down.
fn table<'a>(words: &[&str]) -> Element<'a, Message> {
    let rows = words.chunks(COLUMNS).enumerate().map(|(line, words)| {
        let cells = words.iter().enumerate().map(|(at, word)| {
            let number = line * COLUMNS + at + 1;
            text(format!("{number:>2}. {word}")).size(type_size::HEADING).width(Length::Fill).into()
        });
        row(cells).spacing(gap::SMALL).into()
    });
    container(column(rows).spacing(gap::SMALL)).padding(gap::MEDIUM).width(Length::Fill).style(theme::notice).into()
}
