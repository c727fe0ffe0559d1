//! The window while nobody is there: what it shows is covered until the passphrase of the profile is typed. The engine goes on.

use std::sync::Arc;

use iced::widget::operation::focus;
use iced::widget::{button, column, text};
use iced::{Element, Task};
use privmsg_client::{Client, ClientError, KeyPlace};
use privmsg_protocol::Secret;

use crate::failure;
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::widget::{Typed, alarm, secret_field, sheet};

const PASSPHRASE: &str = "passphrase";

/// See the module.
#[derive(Debug)]
pub(crate) struct Locked {
    client: Client,
    typed: Secret,
    is_trying: bool,
    failure: Option<Arc<ClientError>>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The passphrase is being typed.
    Typed(Secret),
    /// It is to be tried.
    Submitted,
    /// It was.
    Tried(Result<(), Arc<ClientError>>),
}

/// What the application has to do.
pub(crate) enum Action {
    /// Goes on here.
    Run(Task<Message>),
    /// It is who they should be.
    Unlock,
}

impl Locked {
    pub(crate) fn new(client: Client) -> (Self, Task<Message>) {
        (Self { client, typed: Secret::new(String::new()), is_trying: false, failure: None }, asks())
    }

    /// Whether a profile can be locked: only what lies under a passphrase asks for one. Where that cannot be said, it can.
    pub(crate) async fn is_possible(client: Client) -> bool {
        client.key_place().await.map_or(true, |place| place == KeyPlace::Passphrase)
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Typed(typed) if !self.is_trying => self.typed = typed,
            Message::Submitted if !self.is_trying => {
                self.is_trying = true;
                let (client, typed) =
                    (self.client.clone(), std::mem::replace(&mut self.typed, Secret::new(String::new())));
                let checked = async move { client.check_passphrase(typed).await.map_err(Arc::new) };
                return Action::Run(Task::perform(checked, Message::Tried));
            }
            Message::Typed(_) | Message::Submitted => {}
            Message::Tried(Ok(())) => return Action::Unlock,
            Message::Tried(Err(error)) => {
                (self.is_trying, self.failure) = (false, Some(error));
                return Action::Run(asks());
            }
        }
        Action::Run(Task::none())
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let failure = self.failure.as_ref().map(|error| failure::client(lang, error));
        let input: Typed<Message> = |text| Message::Typed(Secret::new(text));
        form(lang, &self.typed, (!self.is_trying).then_some(input), failure, Message::Submitted)
    }
}

/// The field has the keyboard.
pub(super) fn asks<M: Send + 'static>() -> Task<M> {
    focus(PASSPHRASE)
}

/// Where a passphrase is typed; while `input` is none, it is being tried.
pub(super) fn form<'a, M: Clone + 'a>(
    lang: Lang,
    typed: &Secret,
    input: Option<Typed<M>>,
    failure: Option<String>,
    submit: M,
) -> Element<'a, M> {
    let is_trying = input.is_none();
    let field = secret_field(PASSPHRASE, lang.text("passphrase"), typed.expose(), input, submit.clone());
    let content = column![text(lang.text("locked-title")).size(type_size::TITLE), field].spacing(gap::MEDIUM);
    let content = content.push(failure.map(alarm));
    let name = if is_trying { lang.text("opening") } else { lang.text("unlock") };
    sheet(content.push(button(text(name)).on_press_maybe((!is_trying).then_some(submit))))
}
