//! The chats at the side, and the one that is open.

mod conversation;
mod list;

use std::sync::Arc;

use iced::widget::{button, column, container, row, rule, text, text_input};
use iced::{Element, Fill, Subscription, Task};
use privmsg_client::{ChatEntry, ChatId, ChatKind, ClientError, EngineError, Heading, ListDiff, Reason, Recipient};
use privmsg_protocol::UserId;

use self::conversation::Conversation;
use crate::failure;
use crate::follow;
use crate::lang::Lang;
use crate::session::{Connection, Ended, Line, Session};
use crate::theme::{self, gap, type_size};
use crate::waiting_for;
use crate::widget::{alarm, hint};

const NEW_CHAT: &str = "new-chat";
const SIDEBAR: f32 = 300.0;

/// What is shown.
#[derive(Debug)]
pub(crate) struct Home {
    session: Session,
    chats: Vec<ChatEntry>,
    connection: Connection,
    ended: Option<Ended>,
    alarms: Vec<Reason>,
    failure: Option<Arc<ClientError>>,
    new_chat: String,
    is_slip: bool,
    open: Option<Conversation>,
    /// How many were opened: what is still on its way for another one than the last is not for that one.
    opened: u64,
    /// What is written and not sent in the chats that are not open.
    drafts: Vec<(Recipient, String)>,
    has_focus: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// In the list of chats.
    Chats(follow::Chats),
    /// It stands otherwise with the server.
    Connection(Connection),
    /// What is wrong with the account.
    Alarms(Result<Vec<Reason>, Arc<ClientError>>),
    /// The engine has ended.
    Ended(Option<Ended>),
    /// A chat was chosen.
    Chosen(ChatId),
    /// A user id is being typed, to whom something is to be said.
    NewChat(String),
    /// It is typed.
    NewChatSubmitted,
    /// In the chat that was the so many-th to be opened.
    Conversation(u64, conversation::Message),
    /// The window has the keyboard, or not any more.
    Focus(bool),
    /// The device was signed out, and is to come back.
    SignInAgain,
}

/// What the application has to do.
pub(crate) enum Action {
    /// Goes on here.
    Run(Task<Message>),
    /// Somebody is to sign in, as soon as the session is over.
    SignInAgain,
}

impl Home {
    /// For a session.
    pub(crate) fn new(session: Session) -> Self {
        Self {
            chats: Vec::new(),
            connection: session.connection().borrow().clone(),

            ended: None,
            alarms: Vec::new(),
            failure: None,
            new_chat: String::new(),
            is_slip: false,
            open: None,
            opened: 0,
            drafts: Vec::new(),
            has_focus: true,
            session,
        }
    }

    /// The session, which is to be left when the window closes.
    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    /// How many messages are new, in all chats.
    pub(crate) fn unread(&self) -> u64 {
        self.chats.iter().filter(|chat| !chat.is_kept_away).map(|chat| chat.summary.unread).sum()
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::SignInAgain => Action::SignInAgain,
            message => Action::Run(self.goes_on(message)),
        }
    }

    fn goes_on(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::SignInAgain => {}
            Message::Chats(Ok(diffs)) => {
                self.failure = None;
                diffs.into_iter().for_each(|diff: ListDiff<ChatEntry>| diff.apply(&mut self.chats));
                if let Some(open) = &mut self.open {
                    open.is_called(&self.chats);
                }
            }
            Message::Chats(Err(error)) | Message::Alarms(Err(error)) => self.failure = Some(error),
            Message::Connection(connection) => self.connection = connection,
            Message::Alarms(Ok(alarms)) => self.alarms = alarms,
            Message::Ended(ended) => self.ended = ended,
            Message::Chosen(id) => {
                let chat = self.chats.iter().find(|chat| chat.summary.chat.id == id);
                if let Some(with) = chat.map(|chat| recipient(&chat.summary.chat.kind, self.session.client().user_id()))
                {
                    return self.opens(with);
                }
            }
            Message::NewChat(text) => (self.new_chat, self.is_slip) = (text, false),
            Message::NewChatSubmitted => match self.new_chat.trim().parse::<UserId>() {
                Ok(user) => {
                    self.new_chat.clear();
                    return self.opens(Recipient::User(user));
                }
                Err(_) => self.is_slip = true,
            },
            Message::Focus(has_focus) => {
                self.has_focus = has_focus;
                return self.reads();
            }
            Message::Conversation(number, message) if number == self.opened => {
                let Some(open) = &mut self.open else { return Task::none() };
                let task = open.update(message).map(move |message| Message::Conversation(number, message));
                return Task::batch([task, self.reads()]);
            }
            Message::Conversation(_, message) => {
                if let Some(draft) = conversation::not_sent(message) {
                    self.drafts.push(draft);
                }
            }
        }
        Task::none()
    }

    fn opens(&mut self, with: Recipient) -> Task<Message> {
        if self.open.as_ref().is_some_and(|open| *open.with() == with) {
            return Task::none();
        }
        if let Some(left) = self.open.take() {
            self.drafts.extend(left.draft());
        }
        let at = self.drafts.iter().position(|(to, _)| *to == with);
        let draft = at.map(|at| self.drafts.swap_remove(at).1).unwrap_or_default();
        let (mut conversation, task) = Conversation::new(self.session.clone(), with, &draft);
        conversation.is_called(&self.chats);
        self.open = Some(conversation);
        self.opened += 1;
        let number = self.opened;
        task.map(move |message| Message::Conversation(number, message))
    }

    /// What is on the screen, in a window that somebody looks at, has been read.
    fn reads(&mut self) -> Task<Message> {
        match &mut self.open {
            Some(open) if self.has_focus => {
                let number = self.opened;
                open.reads().map(move |message| Message::Conversation(number, message))
            }
            _ => Task::none(),
        }
    }

    /// What is followed.
    pub(crate) fn subscription(&self) -> Subscription<Message> {
        let session = || self.session.clone();
        Subscription::batch([
            Subscription::run_with(session(), |session| follow::chats(session.clone())).map(Message::Chats),
            Subscription::run_with(session(), |session| follow::connection(session.clone())).map(Message::Connection),
            Subscription::run_with(session(), |session| follow::alarms(session.clone())).map(Message::Alarms),
            Subscription::run_with(session(), |session| follow::end(session.clone())).map(Message::Ended),
        ])
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang, now_ms: i64) -> Element<'_, Message> {
        let open = self.open.as_ref().and_then(Conversation::chat);
        let mut side = column![self.line(lang)].spacing(gap::SMALL).padding(gap::SMALL);
        if let Some(ended) = &self.ended {
            side = side.push(alarm(failure::engine(lang, ended)));
            let again = button(text(lang.text("sign-in-again"))).on_press(Message::SignInAgain);
            side = side.push(matches!(**ended, EngineError::SignedOut(_)).then_some(again));
        }
        side = side.extend(self.warnings(lang).into_iter().map(alarm));
        side = side.extend(self.alarms.iter().filter_map(|reason| waiting_for::said(lang, reason)).map(alarm));
        side = side.push(self.failure.as_ref().map(|error| alarm(failure::client(lang, error))));
        side = side.push(
            text_input(&lang.text("new-chat"), &self.new_chat)
                .id(NEW_CHAT)
                .padding(gap::SMALL)
                .size(type_size::BODY)
                .on_input(Message::NewChat)
                .on_submit(Message::NewChatSubmitted),
        );
        side = side.push(self.is_slip.then(|| hint(lang.text("slip-user"))));
        side = side.push(list::view(lang, &self.chats, open, self.session.client().user_id(), now_ms));
        let main = match &self.open {
            Some(open) => {
                let number = self.opened;
                open.view(lang, now_ms, self.ended.is_some()).map(move |message| Message::Conversation(number, message))
            }
            None => container(hint(lang.text("choose-a-chat"))).center(Fill).into(),
        };
        row![container(side).width(SIDEBAR).height(Fill).style(theme::sidebar), rule::vertical(1), main].into()
    }

    /// What the user is to know of the machine and the server.
    fn warnings(&self, lang: Lang) -> Vec<String> {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        let mut said = Vec::new();
        if let Some(ahead_ms) = self.connection.clock_ahead_ms {
            let days = (ahead_ms.unsigned_abs() + DAY_MS / 2) / DAY_MS;
            let name = if ahead_ms > 0 { "clock-is-behind" } else { "clock-is-ahead" };
            said.push(lang.with(name, &[("days", days.into())]));
        }
        if self.connection.is_set_back {
            said.push(lang.text("set-back"));
        }
        said
    }

    fn line(&self, lang: Lang) -> Element<'_, Message> {
        let said = match &self.connection.line {
            Line::Connecting => lang.text("connecting"),
            Line::Up => lang.text("connected"),
            Line::Down(reason) => lang.with("disconnected", &[("why", failure::disconnection(lang, reason).into())]),
            Line::Elsewhere => lang.text("connected-elsewhere"),
            Line::Ended => lang.text("not-connected"),
        };
        column![text(self.session.client().user_id().as_str().to_owned()).size(type_size::HEADING), hint(said)].into()
    }
}

/// With whom one talks in a chat.
fn recipient(kind: &ChatKind, own: &UserId) -> Recipient {
    match kind {
        ChatKind::Direct { peer } => Recipient::User(peer.clone()),
        ChatKind::SelfNotes => Recipient::User(own.clone()),
        ChatKind::Group { conversation } => Recipient::Group(*conversation),
    }
}

/// What a chat is called.
fn name(lang: Lang, with: &Recipient, heading: Option<&Heading>, own: &UserId) -> String {
    match with {
        Recipient::User(user) if user == own => lang.text("notes"),
        Recipient::User(user) => user.to_string(),
        Recipient::Group(_) => match heading.map(|heading| heading.title.as_str()) {
            None | Some("") => lang.text("untitled"),
            Some(title) => privmsg_client::foreign::line(title),
        },
    }
}
