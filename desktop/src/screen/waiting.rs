//! A further device, which the server has let in and the account has not: the recovery key opens it.

use std::sync::Arc;

use iced::widget::operation::focus;
use iced::widget::{button, column, row, text};
use iced::{Element, Task};
use privmsg_client::{ClientError, LoggedIn, LoginError, PendingLogin, Profile};
use privmsg_protocol::Secret;
use tokio::sync::Mutex;

use super::opening::{self, Ready};
use super::sign_in::open;
use crate::failure;
use crate::handover::Handover;
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::widget::{alarm, hint, secret_field, sheet};

const WORDS: &str = "words";

/// A sign-in that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    profile: Profile,
    passphrase: Option<Secret>,
    /// None once nobody waits any more.
    pending: Arc<Mutex<Option<Box<PendingLogin>>>>,
    user: String,
    words: Secret,
    state: State,
}

#[derive(Debug)]
enum State {
    Entering,
    Trying,
    Failed(Arc<LoginError>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The words are being typed.
    Words(Secret),
    /// They are to be tried.
    Submitted,
    /// The account has answered.
    Answered(Result<Handover<LoggedIn>, Arc<LoginError>>),
    /// The signed-in profile was opened.
    Opened(Result<Ready, opening::Failure>),
    /// Somebody wants to begin anew.
    Back,
    /// Nobody waits any more.
    GaveUp,
}

/// What the application has to do.
pub(crate) enum Action {
    /// Nothing.
    None,
    /// Goes on here.
    Run(Task<Message>),
    /// Somebody is signed in.
    Open(Ready),
    /// The profile is another one than before.
    LookAgain,
}

impl Waiting {
    /// For a sign-in that has come so far.
    pub(crate) fn new(
        profile: Profile,
        pending: Box<PendingLogin>,
        passphrase: Option<Secret>,
    ) -> (Self, Task<Message>) {
        let user = pending.user_id().to_string();
        let words = Secret::new(String::new());
        let pending = Arc::new(Mutex::new(Some(pending)));
        (Self { profile, passphrase, pending, user, words, state: State::Entering }, focus(WORDS))
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Words(words) => self.words = words,
            Message::Submitted if matches!(self.state, State::Trying) => {}
            Message::Submitted => {
                self.state = State::Trying;
                let (pending, words) = (Arc::clone(&self.pending), self.words.clone());
                let recovered = async move {
                    let mut pending = pending.lock().await;
                    let pending = pending.as_mut().ok_or(LoginError::Client(ClientError::NotSignedIn))?;
                    pending.recover(words.expose()).await
                };
                return Action::Run(Task::perform(recovered, |answer| {
                    Message::Answered(answer.map(Handover::of).map_err(Arc::new))
                }));
            }
            Message::Answered(Ok(signed_in)) => {
                let Some(signed_in) = signed_in.take() else { return Action::None };
                let opened = open(self.profile.clone(), self.passphrase.clone(), signed_in);
                return Action::Run(Task::perform(opened, Message::Opened));
            }
            Message::Answered(Err(error)) => self.state = State::Failed(error),
            Message::Opened(Ok(ready)) => return Action::Open(ready),
            // It is signed in: what is left is to open it.
            Message::Opened(Err(failure)) => {
                tracing::error!(?failure, "the profile that was just signed in does not open");
                return Action::LookAgain;
            }
            Message::Back => {
                self.state = State::Trying;
                let (pending, profile) = (Arc::clone(&self.pending), self.profile.clone());
                let gave_up = async move {
                    if let Some(pending) = pending.lock().await.take() {
                        pending.give_up(&profile).await;
                    }
                };
                return Action::Run(Task::perform(gave_up, |()| Message::GaveUp));
            }
            Message::GaveUp => return Action::LookAgain,
        }
        Action::None
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let input: fn(String) -> Message = |words| Message::Words(Secret::new(words));
        let is_free = !matches!(self.state, State::Trying);
        let why = lang.with("waiting-why", &[("user", self.user.as_str().into())]);
        let mut content = column![
            text(lang.text("waiting-title")).size(type_size::TITLE),
            text(why).size(type_size::BODY),
            secret_field(
                WORDS,
                lang.text("twelve-words"),
                self.words.expose(),
                is_free.then_some(input),
                Message::Submitted
            ),
            hint(lang.text("waiting-others")),
        ]
        .spacing(gap::MEDIUM);
        content = match &self.state {
            State::Failed(error) => content.push(alarm(failure::sign_in(lang, error))),
            State::Entering | State::Trying => content,
        };
        let name = if is_free { lang.text("go-on") } else { lang.text("signing-in") };
        let back = button(text(lang.text("begin-anew"))).style(button::text);
        let buttons = row![
            button(text(name)).on_press_maybe(is_free.then_some(Message::Submitted)),
            back.on_press_maybe(is_free.then_some(Message::Back)),
        ];
        sheet(content.push(buttons.spacing(gap::SMALL)))
    }
}
