//! The chats at the side, and the one that is open.

mod conversation;
mod drafts;
mod finding;
mod list;
mod marking;
mod naming;
mod new_chat;
mod pane;
mod side;
mod telling;

use std::path::PathBuf;
use std::sync::Arc;

use iced::widget::{container, row, rule};
use iced::{Element, Fill, Subscription, Task};
use privmsg_client::{ChatEntry, ChatId, ClientError, ListDiff, MessageView, Reason, Recipient};

use self::conversation::{Conversation, NotDone, Picked};
use self::finding::Finding;
use self::naming::{group_by_id, name, recipient};
use self::pane::Pane;
use crate::follow;
use crate::lang::Lang;
use crate::looks::Looks;
use crate::session::{Connection, Ended, Session};
use crate::tools::Tools;
use crate::widget::hint;

/// What is shown.
#[derive(Debug)]
pub(crate) struct Home {
    session: Session,
    chats: Vec<ChatEntry>,
    /// They are known.
    has_chats: bool,
    connection: Connection,
    ended: Option<Ended>,
    alarms: Vec<Reason>,
    /// They, or the list of chats, could not be read.
    alarms_trouble: Option<Arc<ClientError>>,
    chats_trouble: Option<Arc<ClientError>>,
    /// What was not done, until somebody has seen it.
    failure: Option<Arc<ClientError>>,
    finding: Finding,
    shows_archive: bool,
    new_chat: String,
    /// Why that is nobody.
    slip: Option<&'static str>,
    open: Option<Conversation>,
    /// What stands in its place, and how many have.
    pane: Option<Pane>,
    panes: u64,
    looks: Looks,
    /// How many were opened: what is still on its way for another one than the last is not for that one.
    opened: u64,
    /// What was to go along in chats that are not open any more.
    left_files: Vec<(Recipient, Vec<Picked>)>,
    /// Drafts of chats that were left, as long as they are being kept.
    left: Vec<(Recipient, String)>,
    /// What was not done in chats that are not open any more.
    failed: Vec<NotDone>,
    has_focus: bool,
    /// The window asks for the passphrase.
    is_locked: bool,
    tools: Tools,
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
    /// The archive is to be shown, or the other chats.
    ArchiveTurned,
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
    /// A group is to be begun.
    NewGroup,
    /// The settings are wanted.
    Settings,
    /// In what stands in the place of the conversation.
    Pane(u64, pane::Message),
    /// A chat was marked, or not.
    Marked(Result<(), Arc<ClientError>>),
    /// What was not done was seen.
    FailedSeen,
    /// A draft was kept: in this chat, this one.
    Kept(Recipient, String, Result<(), Arc<ClientError>>),
    /// What has ended is to begin anew.
    TryAgain,
    /// While something is looked for.
    Finding(finding::Message),
    /// A message has come, in this row.
    Received(i64),
    /// It was looked at, for somebody who does not look.
    Unwatched(Result<Option<Box<MessageView>>, Arc<ClientError>>),
}

/// What the application has to do.
pub(crate) enum Action {
    /// Goes on here.
    Run(Task<Message>),
    /// Somebody is to sign in, as soon as the session is over.
    SignInAgain,
    /// The window is to look otherwise.
    Look(Looks),
    /// It is to be locked.
    Lock,
    /// The session is over, and is to begin anew.
    TryAgain,
}

impl Home {
    /// For a session.
    pub(crate) fn new(session: Session, looks: Looks, tools: Tools) -> Self {
        Self {
            chats: Vec::new(),
            has_chats: false,
            connection: session.connection().borrow().clone(),
            ended: None,
            alarms: Vec::new(),
            failure: None,
            finding: Finding::default(),
            shows_archive: false,
            new_chat: String::new(),
            slip: None,
            open: None,
            pane: None,
            panes: 0,
            looks,
            opened: 0,
            left_files: Vec::new(),
            left: Vec::new(),
            failed: Vec::new(),
            alarms_trouble: None,
            chats_trouble: None,
            has_focus: true,
            is_locked: false,
            tools,
            session,
        }
    }

    /// The session, which is to be left when the window closes.
    pub(crate) const fn session(&self) -> &Session {
        &self.session
    }

    /// Whether it is known which chats there are.
    pub(crate) const fn has_chats(&self) -> bool {
        self.has_chats
    }

    /// The window asks for the passphrase, or not any more: nothing goes on that somebody would have to see or hear.
    pub(crate) fn locks(&mut self, is_locked: bool) {
        self.is_locked = is_locked;
        if is_locked {
            self.covers();
            self.hushes();
        }
    }

    /// How many messages are new, in all chats.
    pub(crate) fn unread(&self) -> u64 {
        self.chats
            .iter()
            .filter(|chat| !chat.is_kept_away && !chat.summary.marks.muted)
            .map(|chat| chat.summary.unread)
            .sum()
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::SignInAgain => Action::SignInAgain,
            Message::TryAgain => Action::TryAgain,
            Message::Pane(number, message) => self.in_pane(number, message),
            message => Action::Run(self.goes_on(message)),
        }
    }

    fn in_pane(&mut self, number: u64, message: pane::Message) -> Action {
        if number != self.panes || self.pane.is_none() {
            // What was asked for in another one, and not done, is told all the same.
            self.failure = message.failure().or_else(|| self.failure.take());
            return Action::Run(Task::none());
        }
        let is_over = self.over().is_some();
        let Some(pane) = self.pane.as_mut().filter(|_| !(is_over && message.acts())) else {
            return Action::Run(Task::none());
        };
        match pane.update(message) {
            pane::Action::Run(task) => return Action::Run(task.map(move |message| Message::Pane(number, message))),
            pane::Action::Back => self.pane = None,
            pane::Action::Open(with) => return Action::Run(self.opens(with)),
            pane::Action::Mark(mark, is_set) => return Action::Run(self.marks(mark, is_set)),
            pane::Action::Lock => return Action::Lock,
            pane::Action::Look(looks) => {
                self.looks = looks;
                return Action::Look(looks);
            }
        }
        Action::Run(self.reads())
    }

    fn shows(&mut self, (pane, task): (Pane, Task<pane::Message>)) -> Task<Message> {
        (self.pane, self.panes) = (Some(pane), self.panes + 1);
        self.covers();
        let number = self.panes;
        task.map(move |message| Message::Pane(number, message))
    }

    fn goes_on(&mut self, message: Message) -> Task<Message> {
        match message {
            // They are answered before.
            Message::SignInAgain | Message::TryAgain | Message::Pane(..) => {}
            Message::FailedSeen => {
                self.failed.clear();
                self.failure = None;
            }
            Message::Marked(marked) => self.failure = marked.err().or_else(|| self.failure.take()),
            Message::Kept(with, text, kept) => {
                self.left.retain(|left| *left != (with.clone(), text.clone()));
                self.failure = kept.err().or_else(|| self.failure.take());
            }
            Message::NewGroup => return self.shows(Pane::new_group(&self.session)),
            Message::Settings => return self.shows(Pane::settings(&self.session, self.looks)),
            Message::Chats(Ok(diffs)) => {
                (self.chats_trouble, self.has_chats) = (None, true);
                diffs.into_iter().for_each(|diff: ListDiff<ChatEntry>| diff.apply(&mut self.chats));
                if let Some(open) = &mut self.open {
                    open.is_called(&self.chats);
                }
            }
            Message::Received(id) if !self.has_focus && self.looks.notifies => {
                let client = self.session.client().clone();
                let message = async move { client.message(id).await.map(|it| it.map(Box::new)).map_err(Arc::new) };
                return Task::perform(message, Message::Unwatched);
            }
            Message::Received(_) | Message::Unwatched(Ok(None)) => {}
            Message::Unwatched(Err(error)) => tracing::warn!(%error, "nobody is told of a message"),
            Message::Unwatched(Ok(Some(message))) => self.tells(&message),
            Message::Chats(Err(error)) => self.chats_trouble = Some(error),
            Message::Alarms(Err(error)) => self.alarms_trouble = Some(error),
            Message::Connection(connection) => self.connection = connection,
            Message::Alarms(Ok(alarms)) => (self.alarms, self.alarms_trouble) = (alarms, None),
            Message::Ended(ended) => {
                self.ended = ended;
                self.covers();
            }
            Message::Chosen(id) => {
                let chat = self.chats.iter().find(|chat| chat.summary.chat.id == id);
                if let Some(with) = chat.map(|chat| recipient(&chat.summary.chat.kind, self.session.client().user_id()))
                {
                    return self.opens(with);
                }
            }
            Message::Finding(finding::Message::ChatChosen(with)) => return self.opens(with),
            Message::Finding(finding::Message::Chosen(with, id, cursor)) => {
                let opened = self.opens(with);
                let number = self.opened;
                let Some(open) = &mut self.open else { return opened };
                let gone_to = open.update(conversation::Message::To(id, cursor), true);
                return Task::batch([opened, gone_to.map(move |message| Message::Conversation(number, message))]);
            }
            Message::Finding(message) => {
                return self.finding.update(self.session.client(), message).map(Message::Finding);
            }
            Message::ArchiveTurned => self.shows_archive = !self.shows_archive,
            Message::NewChat(text) => (self.new_chat, self.slip) = (text, None),
            Message::NewChatSubmitted => return self.begins_chat(),
            Message::Focus(has_focus) => {
                self.has_focus = has_focus;
                return self.reads();
            }
            Message::Conversation(number, message) if number == self.opened => {
                let Some(open) = &mut self.open else { return Task::none() };
                match message {
                    conversation::Message::About => {
                        let with = open.with().clone();
                        return self.shows(Pane::about(&self.session, with, self.looks));
                    }
                    conversation::Message::Forward(id) => {
                        let Some(message) = open.message(id) else { return Task::none() };
                        return self.shows(Pane::forward(&self.session, message, self.chats.clone()));
                    }
                    _ => {}
                }
                let is_watched = self.has_focus && self.pane.is_none();
                let task = open.update(message, is_watched).map(move |message| Message::Conversation(number, message));
                return Task::batch([task, self.reads()]);
            }
            Message::Conversation(_, message) => {
                return match conversation::outcome(message) {
                    Some(Ok(queued)) => self.was_sent(&queued),
                    // What was not sent is still the draft there.
                    Some(Err(mut failed)) => {
                        self.keeps_files(failed.with.clone(), failed.files());
                        self.failed.push(failed);
                        Task::none()
                    }
                    None => Task::none(),
                };
            }
        }
        Task::none()
    }

    fn opens(&mut self, with: Recipient) -> Task<Message> {
        self.pane = None;
        if let Some(open) = self.open.as_mut().filter(|open| *open.with() == with) {
            open.shows_itself();
            return Task::none();
        }
        let number = self.opened + 1;
        let left = self.open.take().and_then(|left| self.leaves(left));
        let files = self.files_left_in(&with);
        // What is being kept may not be there yet for whoever reads it.
        let draft = self.left.iter().rfind(|(whose, _)| *whose == with).map(|(_, text)| text.clone());
        let (mut conversation, task) =
            Conversation::new(self.session.clone(), with, self.tools.clone(), (draft, files));
        conversation.is_called(&self.chats);
        (self.open, self.opened) = (Some(conversation), number);
        Task::batch(left.into_iter().chain([task.map(move |message| Message::Conversation(number, message))]))
    }

    /// Files were dropped on the window: they are for the chat that is open, where something can be said.
    pub(crate) fn drops(&mut self, paths: Vec<PathBuf>) -> Task<Message> {
        if self.over().is_some() || self.pane.is_some() {
            return Task::none();
        }
        let number = self.opened;
        let task = self.open.as_mut().map_or_else(Task::none, |open| open.drops(paths));
        task.map(move |message| Message::Conversation(number, message))
    }

    /// What is on the screen, in a window that somebody looks at, has been read.
    fn reads(&mut self) -> Task<Message> {
        match &mut self.open {
            Some(open) if self.has_focus && self.pane.is_none() => {
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
            Subscription::run_with(session(), follow::received).map(Message::Received),
        ])
    }

    /// Draws it.
    pub(crate) fn view(&self, lang: Lang, now_ms: i64) -> Element<'_, Message> {
        let side = self.side(lang, now_ms);
        let main = match (&self.pane, &self.open) {
            (Some(pane), _) => {
                let number = self.panes;
                pane.view(lang, now_ms, self.over(), self.open_chat().map(|chat| chat.summary.marks))
                    .map(move |message| Message::Pane(number, message))
            }
            (None, Some(open)) => {
                let number = self.opened;
                open.view(lang, now_ms, self.over()).map(move |message| Message::Conversation(number, message))
            }
            (None, None) => container(hint(lang.text("choose-a-chat"))).center(Fill).into(),
        };
        row![side, rule::vertical(1), main].into()
    }
}
