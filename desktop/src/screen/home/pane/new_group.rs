//! A group is begun.

use std::sync::Arc;

use iced::widget::operation::{focus, focus_next};
use iced::widget::{button, column, text};
use iced::{Element, Task};
use privmsg_client::{ChatKind, ClientError, Recipient};
use privmsg_protocol::UserId;

use super::Action;
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::gap;
use crate::widget::{Typed, alarm, field, hint};

const TITLE: &str = "group-title";
const PEOPLE: &str = "group-people";

/// What is entered.
#[derive(Debug)]
pub(in crate::screen::home) struct NewGroup {
    session: Session,
    title: String,
    people: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Entering,
    /// Not a user id.
    Slip(String),
    Making,
    Failed(Arc<ClientError>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The title is being typed.
    Title(String),
    /// Who is to be in it.
    People(String),
    /// The next field is wanted.
    Next,
    /// It is to be made.
    Submitted,
    /// It is.
    Made(Result<Recipient, Arc<ClientError>>),
}

/// The user ids in a line that somebody has typed.
///
/// # Errors
/// The first that is none.
pub(super) fn people(line: &str) -> Result<Vec<UserId>, String> {
    let names = line.split([',', ' ', ';']).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| name.parse().map_err(|_| name.to_owned())).collect()
}

impl NewGroup {
    pub(super) fn new(session: Session) -> (Self, Task<Message>) {
        let state = State::Entering;
        (Self { session, title: String::new(), people: String::new(), state }, focus(TITLE))
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Title(title) => self.title = title,
            Message::People(people) => self.people = people,
            Message::Next => return Action::Run(focus_next()),
            Message::Submitted if matches!(self.state, State::Making) => {}
            Message::Submitted => match people(&self.people) {
                Ok(users) => {
                    self.state = State::Making;
                    let (client, title) = (self.session.client().clone(), self.title.trim().to_owned());
                    let made = async move {
                        let chat = client.create_group(&title, &users).await?;
                        match client.chat(chat).await?.map(|entry| entry.summary.chat.kind) {
                            Some(ChatKind::Group { conversation }) => Ok(Recipient::Group(conversation)),
                            _ => Err(ClientError::NotInGroup),
                        }
                    };
                    let made = async move { made.await.map_err(|error: ClientError| Arc::new(error)) };
                    return Action::Run(Task::perform(made, Message::Made));
                }
                Err(slip) => self.state = State::Slip(slip),
            },
            Message::Made(Ok(group)) => return Action::Open(group),
            Message::Made(Err(error)) => self.state = State::Failed(error),
        }
        Action::none()
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let is_free = !matches!(self.state, State::Making);
        let (title, people): (Typed<Message>, Typed<Message>) = (Message::Title, Message::People);
        let mut content = column![
            field(TITLE, lang.text("group-title"), &self.title, is_free.then_some(title), Message::Next),
            field(PEOPLE, lang.text("group-people"), &self.people, is_free.then_some(people), Message::Submitted),
            hint(lang.text("group-people-hint")),
        ]
        .spacing(gap::MEDIUM);
        content = content.push(match &self.state {
            State::Entering | State::Making => None,
            State::Slip(name) => {
                let name = privmsg_client::foreign::line(name);
                Some(alarm(lang.with("slip-user-of", &[("user", name.into())])))
            }
            State::Failed(error) => Some(alarm(failure::client(lang, error))),
        });
        let name = if is_free { lang.text("make-group") } else { lang.text("making-group") };
        content.push(button(text(name)).on_press_maybe(is_free.then_some(Message::Submitted))).into()
    }
}
