//! What stands in the place of a conversation, until one goes back to it.

mod contact;
mod devices;
mod forward;
mod group;
mod lock;
mod new_contact;
mod new_group;
mod settings;

use std::sync::Arc;

use iced::widget::{button, column, container, row, rule, scrollable, text};
use iced::{Center, Element, Fill, Task};
use privmsg_client::{ChatEntry, Client, ClientError, ContactLink, Mark, Marks, MessageView, Recipient};

use self::contact::Contact;
use self::forward::Forward;
use self::group::Group;
use self::new_contact::NewContact;
use self::new_group::NewGroup;
use self::settings::Settings;
use crate::lang::Lang;
use crate::looks::Looks;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::{alarm, small_button};

/// As wide as it is read well.
const WIDEST: f32 = 560.0;

/// One of them.
#[derive(Debug)]
pub(super) enum Pane {
    Contact(Contact),
    Forward(Forward),
    Group(Group),
    NewGroup(NewGroup),
    NewContact(NewContact),
    Settings(Settings),
}

/// What happened in one.
#[derive(Debug, Clone)]
pub enum Message {
    /// About a person.
    Contact(contact::Message),
    /// Where a message is said elsewhere.
    Forward(forward::Message),
    /// About a group.
    Group(group::Message),
    /// Where one is begun.
    NewGroup(new_group::Message),
    /// Where somebody is added by their link.
    NewContact(new_contact::Message),
    /// In the settings.
    Settings(settings::Message),
    /// The chat is to stand above the others, or not any more; and so on.
    Marked(Mark, bool),
    /// The conversation is wanted again.
    Back,
}

impl Message {
    /// What was not done, if it says so.
    pub(super) fn failure(self) -> Option<Arc<ClientError>> {
        match self {
            Self::Contact(contact::Message::Done(done))
            | Self::Group(group::Message::Done(done))
            | Self::NewContact(new_contact::Message::Done(done))
            | Self::Settings(
                settings::Message::Done(done)
                | settings::Message::Devices(devices::Message::Done(done))
                | settings::Message::Lock(lock::Message::Done(done)),
            ) => done.err(),
            Self::NewGroup(new_group::Message::Made(made)) => made.err(),
            Self::Forward(forward::Message::Done(done)) => done.err(),
            Self::Settings(settings::Message::Devices(devices::Message::CalledBack(called_back))) => {
                called_back.and_then(|called_back| called_back.is_signed_out).err()
            }
            _ => None,
        }
    }

    /// Whether somebody else would hear of it: nobody does of what is done on a device that is signed out.
    pub(super) const fn acts(&self) -> bool {
        matches!(
            self,
            Self::Contact(contact::Message::Asked(_))
                | Self::Forward(forward::Message::Chosen(_))
                | Self::Group(group::Message::TitleSubmitted | group::Message::PeopleSubmitted | group::Message::Sure)
                | Self::NewGroup(new_group::Message::Submitted)
                | Self::Settings(
                    settings::Message::Set(..)
                        | settings::Message::Unblock(_)
                        | settings::Message::SignOutSure
                        | settings::Message::Devices(
                            devices::Message::RemoveOwn | devices::Message::WordsSubmitted | devices::Message::LetIn
                        )
                )
        )
    }
}

/// What is wanted of whoever shows it.
pub(super) enum Action<M = Message> {
    /// Goes on here.
    Run(Task<M>),
    /// It is not wanted any more.
    Back,
    /// A conversation is wanted.
    Open(Recipient),
    /// The open chat is to be marked, or not any more.
    Mark(Mark, bool),
    /// The window is to look otherwise.
    Look(Looks),
    /// It is to be locked.
    Lock,
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
            Self::Mark(mark, is_set) => Action::Mark(mark, is_set),
            Self::Look(looks) => Action::Look(looks),
            Self::Lock => Action::Lock,
        }
    }
}

/// One of several things of which one holds.
fn choice<'a, M: Clone + 'a>(name: impl text::IntoFragment<'a>, is_chosen: bool, then: M) -> Element<'a, M> {
    let style = if is_chosen { button::primary } else { theme::quiet };
    button(text(name).size(type_size::BODY)).style(style).on_press(then).into()
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

    pub(super) fn forward(
        session: &Session,
        message: Box<MessageView>,
        chats: Vec<ChatEntry>,
    ) -> (Self, Task<Message>) {
        let (pane, task) = Forward::new(session.clone(), message, chats);
        (Self::Forward(pane), task.map(Message::Forward))
    }

    pub(super) fn new_group(session: &Session) -> (Self, Task<Message>) {
        let (pane, task) = NewGroup::new(session.clone());
        (Self::NewGroup(pane), task.map(Message::NewGroup))
    }

    pub(super) fn new_contact(session: &Session, link: ContactLink) -> (Self, Task<Message>) {
        (Self::NewContact(NewContact::new(session.clone(), link)), Task::none())
    }

    pub(super) fn settings(session: &Session, looks: Looks) -> (Self, Task<Message>) {
        let (pane, task) = Settings::new(session.clone(), looks);
        (Self::Settings(pane), task.map(Message::Settings))
    }

    /// Does what a message asks for. What comes for another pane is passed over.
    pub(super) fn update(&mut self, message: Message) -> Action {
        match (message, self) {
            (Message::Back, _) => Action::Back,
            (Message::Marked(mark, is_set), _) => Action::Mark(mark, is_set),
            (Message::Contact(message), Self::Contact(pane)) => pane.update(message).map(Message::Contact),
            (Message::Forward(message), Self::Forward(pane)) => pane.update(message).map(Message::Forward),
            (Message::Group(message), Self::Group(pane)) => pane.update(message).map(Message::Group),
            (Message::NewGroup(message), Self::NewGroup(pane)) => pane.update(message).map(Message::NewGroup),
            (Message::NewContact(message), Self::NewContact(pane)) => pane.update(message).map(Message::NewContact),
            (Message::Settings(message), Self::Settings(pane)) => pane.update(message).map(Message::Settings),
            _ => Action::none(),
        }
    }

    /// Draws it, with the marks of the open chat. Where the session is `over`, for this reason nothing can be done any more.
    pub(super) fn view(
        &self,
        lang: Lang,
        now_ms: i64,
        over: Option<&'static str>,
        marks: Option<Marks>,
    ) -> Element<'_, Message> {
        let (title, content) = match self {
            Self::Contact(pane) => (pane.title(), pane.view(lang).map(Message::Contact)),
            Self::Forward(pane) => (lang.text("forward"), pane.view(lang, now_ms).map(Message::Forward)),
            Self::Group(pane) => (pane.title(lang), pane.view(lang).map(Message::Group)),
            Self::NewGroup(pane) => (lang.text("new-group"), pane.view(lang).map(Message::NewGroup)),
            Self::NewContact(pane) => (pane.title(lang), pane.view(lang).map(Message::NewContact)),
            Self::Settings(pane) => (lang.text("settings"), pane.view(lang).map(Message::Settings)),
        };
        let back = button(text(lang.text("back"))).style(theme::quiet).on_press(Message::Back);
        let bar = row![text(title).size(type_size::HEADING).width(Fill), back].spacing(gap::SMALL).align_y(Center);
        let bar = container(bar).padding(gap::SMALL).width(Fill).style(theme::bar);
        let over = over.map(|why| alarm(lang.text(why)));
        let marks =
            marks.filter(|_| matches!(self, Self::Contact(_) | Self::Group(_))).map(|marks| marked(lang, marks));
        let content = container(column![].push(over).push(marks).push(content).spacing(gap::MEDIUM))
            .max_width(WIDEST)
            .padding(gap::MEDIUM);
        column![bar, rule::horizontal(1), scrollable(content).width(Fill).height(Fill)].into()
    }
}

/// What the user wants of the chat in the list.
fn marked<'a>(lang: Lang, marks: Marks) -> Element<'a, Message> {
    let one = |mark, is_set: bool, [set, unset]: [&str; 2]| {
        small_button(lang.text(if is_set { unset } else { set }), Message::Marked(mark, !is_set))
    };
    row![
        one(Mark::Pinned, marks.pinned, ["pin-chat", "unpin-chat"]),
        one(Mark::Muted, marks.muted, ["mute", "unmute"]),
        one(Mark::Archived, marks.archived, ["to-archive", "from-archive"]),
    ]
    .spacing(gap::SMALL)
    .into()
}

/// Does something with the profile, and says what came of it.
fn perform<F, M>(session: &Session, work: impl FnOnce(Client) -> F, done: fn(Done) -> M) -> Task<M>
where
    F: Future<Output = Result<(), ClientError>> + Send + 'static,
    M: Send + 'static,
{
    let work = work(session.client().clone());
    Task::perform(async move { work.await.map_err(Arc::new) }, done)
}

/// What came of something.
pub(super) type Done = Result<(), Arc<ClientError>>;
