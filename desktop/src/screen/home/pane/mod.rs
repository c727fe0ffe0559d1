//! What stands in the place of a conversation, until one goes back to it.

mod contact;
mod devices;
mod group;
mod new_group;
mod settings;

use iced::widget::{button, column, container, row, rule, scrollable, text};
use iced::{Center, Element, Fill, Task};
use privmsg_client::{Client, Recipient};

use self::contact::Contact;
use self::group::Group;
use self::new_group::NewGroup;
use self::settings::Settings;
use crate::lang::Lang;
use crate::looks::Looks;
use crate::session::Session;
use crate::theme::{self, gap, type_size};

/// As wide as it is read well.
const WIDEST: f32 = 560.0;

/// One of them.
#[derive(Debug)]
pub(super) enum Pane {
    Contact(Contact),
    Group(Group),
    NewGroup(NewGroup),
    Settings(Settings),
}

/// What happened in one.
#[derive(Debug, Clone)]
pub enum Message {
    /// About a person.
    Contact(contact::Message),
    /// About a group.
    Group(group::Message),
    /// Where one is begun.
    NewGroup(new_group::Message),
    /// In the settings.
    Settings(settings::Message),
    /// The conversation is wanted again.
    Back,
}

/// What is wanted of whoever shows it.
pub(super) enum Action<M = Message> {
    /// Goes on here.
    Run(Task<M>),
    /// It is not wanted any more.
    Back,
    /// A conversation is wanted.
    Open(Recipient),
    /// The window is to look otherwise.
    Look(Looks),
}

impl<M: Send + 'static> Action<M> {
    fn none() -> Self {
        Self::Run(Task::none())
    }

    fn map(self, into: fn(M) -> Message) -> Action {
        match self {
            Self::Run(task) => Action::Run(task.map(into)),
            Self::Back => Action::Back,
            Self::Open(with) => Action::Open(with),
            Self::Look(looks) => Action::Look(looks),
        }
    }
}

impl Pane {
    /// About whom one talks with, or about the settings, where that is oneself.
    pub(super) fn about(session: &Session, with: Recipient, looks: Looks) -> (Self, Task<Message>) {
        match with {
            Recipient::User(user) if user == *session.client().user_id() => Self::settings(session, looks),
            Recipient::User(user) => {
                let (pane, task) = Contact::new(session.clone(), user);
                (Self::Contact(pane), task.map(Message::Contact))
            }
            Recipient::Group(group) => {
                let (pane, task) = Group::new(session.clone(), group);
                (Self::Group(pane), task.map(Message::Group))
            }
        }
    }

    pub(super) fn new_group(session: &Session) -> (Self, Task<Message>) {
        let (pane, task) = NewGroup::new(session.clone());
        (Self::NewGroup(pane), task.map(Message::NewGroup))
    }

    pub(super) fn settings(session: &Session, looks: Looks) -> (Self, Task<Message>) {
        let (pane, task) = Settings::new(session.clone(), looks);
        (Self::Settings(pane), task.map(Message::Settings))
    }

    /// Does what a message asks for. What comes for another pane is passed over.
    pub(super) fn update(&mut self, message: Message) -> Action {
        match (message, self) {
            (Message::Back, _) => Action::Back,
            (Message::Contact(message), Self::Contact(pane)) => pane.update(message).map(Message::Contact),
            (Message::Group(message), Self::Group(pane)) => pane.update(message).map(Message::Group),
            (Message::NewGroup(message), Self::NewGroup(pane)) => pane.update(message).map(Message::NewGroup),
            (Message::Settings(message), Self::Settings(pane)) => pane.update(message).map(Message::Settings),
            _ => Action::none(),
        }
    }

    /// Draws it.
    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let (title, content) = match self {
            Self::Contact(pane) => (pane.title(), pane.view(lang).map(Message::Contact)),
            Self::Group(pane) => (pane.title(lang), pane.view(lang).map(Message::Group)),
            Self::NewGroup(pane) => (lang.text("new-group"), pane.view(lang).map(Message::NewGroup)),
            Self::Settings(pane) => (lang.text("settings"), pane.view(lang).map(Message::Settings)),
        };
        let back = button(text(lang.text("back"))).style(theme::quiet).on_press(Message::Back);
        let bar = row![text(title).size(type_size::HEADING).width(Fill), back].spacing(gap::SMALL).align_y(Center);
        let bar = container(bar).padding(gap::SMALL).width(Fill).style(theme::bar);
        let content = container(content).max_width(WIDEST).padding(gap::MEDIUM);
        column![bar, rule::horizontal(1), scrollable(content).width(Fill).height(Fill)].into()
    }
}

/// Does something with the profile, and says what came of it.
fn perform<F, M>(session: &Session, work: impl FnOnce(Client) -> F, done: fn(Done) -> M) -> Task<M>
where
    F: Future<Output = Result<(), privmsg_client::ClientError>> + Send + 'static,
    M: Send + 'static,
{
    let work = work(session.client().clone());
    Task::perform(async move { work.await.map_err(std::sync::Arc::new) }, done)
}

/// What came of something.
pub(super) type Done = Result<(), std::sync::Arc<privmsg_client::ClientError>>;
