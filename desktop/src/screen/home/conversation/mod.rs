//! The chat that is open: its history, and what is being written.

mod actions;
mod bubble;
mod history;
mod standing;
mod writing;

use std::sync::Arc;

use iced::futures::channel::mpsc;
use iced::widget::operation::focus;
use iced::widget::{column, container, rule, text, text_editor};
use iced::{Element, Fill, Task, task};
use privmsg_client::{
    ChatEntry, ChatId, ChatKind, ChatStatus, ClientError, Consent, Cursor, Heading, Recipient, Which,
};
use privmsg_protocol::{MessageId, UserId};

use self::history::{History, Key};
use self::writing::{About, Said, WRITING, Writing};
use super::name;
use crate::failure;
use crate::follow::{self, Standing, Told, Wanted};
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::waiting_for;
use crate::widget::{Sight, alarm, hint};

/// Characters of a group's id, as `privmsg` shows it.
const SHORT_ID: usize = 8;

/// An open chat.
#[derive(Debug)]
pub(crate) struct Conversation {
    session: Session,
    with: Recipient,
    heading: Option<Heading>,
    consent: Consent,
    status: Option<ChatStatus>,
    standing: Standing,
    history: History,
    writing: Writing,
    /// The message with which something can be done.
    chosen: Option<i64>,
    /// Up to where it was said to be read: what fails is not tried again by itself.
    read_to: Option<Cursor>,
    failure: Option<Arc<ClientError>>,
    ask: mpsc::Sender<Wanted>,
    _followed: [task::Handle; 2],
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// In the history.
    Told(Result<Told, Arc<ClientError>>),
    /// What holds in the chat is another thing.
    Stands(Result<Standing, Arc<ClientError>>),
    /// Something else is in sight.
    Sight(Sight<Key>),
    /// So many views further down are wanted.
    Turned(f32),
    /// The end is wanted.
    ToTheEnd,
    /// The message that was answered is wanted: its id, and its author.
    Answered(MessageId, UserId),
    /// It was looked for.
    Found(Result<Option<(i64, Cursor)>, Arc<ClientError>>),
    /// A message was clicked.
    Chosen(i64),
    /// Something is to be done with it.
    Acted(i64, actions::Action),
    /// All of a long message is wanted.
    Unfolded(i64),
    /// Something is being written.
    Written(text_editor::Action),
    /// It is to be about nothing.
    AboutNothing,
    /// It is to be sent.
    Submitted,
    /// It is in the outbox, or comes back.
    Queued(Result<(), NotSent>),
    /// An answer to what was asked, or to somebody.
    Answer(standing::Answer),
    /// What was asked for is done.
    Done(Result<(), Arc<ClientError>>),
}

/// What could not even be put into the outbox.
#[derive(Debug, Clone)]
pub struct NotSent {
    error: Arc<ClientError>,
    with: Recipient,
    said: Said,
}

/// What came back to a chat that is not open any more: it waits there as a draft.
pub(super) fn not_sent(message: Message) -> Option<(Recipient, String)> {
    match message {
        Message::Queued(Err(NotSent { with, said, .. })) => Some((with, said.text)),
        _ => None,
    }
}

impl Conversation {
    /// Begins to follow a chat, where it is new, with what was written before.
    pub(crate) fn new(session: Session, with: Recipient, draft: &str) -> (Self, Task<Message>) {
        let (ask, told) = follow::conversation(session.clone(), with.clone());
        let (task, handle) = Task::run(told, Message::Told).abortable();
        let stands = follow::standing(session.clone(), with.clone());
        let (watch, watching) = Task::run(stands, Message::Stands).abortable();
        let conversation = Self {
            session,
            with,
            heading: None,
            consent: Consent::Unknown,
            status: None,
            standing: Standing::default(),
            history: History::new(),
            writing: Writing::new(draft),
            chosen: None,
            read_to: None,
            failure: None,
            ask,
            _followed: [handle.abort_on_drop(), watching.abort_on_drop()],
        };
        (conversation, Task::batch([task, watch, focus(WRITING)]))
    }

    /// What is written and not sent, if anything.
    pub(crate) fn draft(self) -> Option<(Recipient, String)> {
        self.writing.draft().map(|written| (self.with, written))
    }

    /// With whom.
    pub(crate) const fn with(&self) -> &Recipient {
        &self.with
    }

    /// The chat, if anything has been said in it.
    pub(crate) fn chat(&self) -> Option<ChatId> {
        self.status.as_ref().map(|status| status.summary.chat.id)
    }

    /// Takes from the list of chats what it is called by now.
    pub(crate) fn is_called(&mut self, chats: &[ChatEntry]) {
        let is_this = |chat: &&ChatEntry| match (&chat.summary.chat.kind, &self.with) {
            (ChatKind::Direct { peer }, Recipient::User(user)) => peer == user,
            (ChatKind::SelfNotes, Recipient::User(user)) => user == self.session.client().user_id(),
            (ChatKind::Group { conversation }, Recipient::Group(group)) => conversation == group,
            _ => false,
        };
        if let Some(chat) = chats.iter().find(is_this) {
            (self.heading, self.consent) = (chat.heading.clone(), chat.summary.consent);
        }
    }

    /// What somebody who looks at the window has seen, has been read.
    pub(crate) fn reads(&mut self) -> Task<Message> {
        let unread = self.status.as_ref().filter(|status| status.summary.unread > 0);
        let (Some(status), Some(seen)) = (unread, self.history.seen()) else { return Task::none() };
        if status.first_unread.is_some_and(|first| first > seen) || self.read_to >= Some(seen) {
            return Task::none();
        }
        self.read_to = Some(seen);
        let (client, chat) = (self.session.client().clone(), status.summary.chat.id);
        let read = async move { client.mark_read(chat, Some(seen)).await.map(drop).map_err(Arc::new) };
        Task::perform(read, Message::Done)
    }

    /// Does what a message asks for.
    pub(crate) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Told(Ok(mut told)) => {
                self.status = told.status.take();
                self.history.hears(told, self.status.as_ref());
            }
            Message::Stands(Ok(standing)) => self.standing = standing,
            Message::Told(Err(error))
            | Message::Stands(Err(error))
            | Message::Found(Err(error))
            | Message::Done(Err(error)) => self.failure = Some(error),
            Message::Sight(sight) => {
                let wanted = self.history.sees(sight);
                self.asks(wanted);
            }
            Message::Turned(views) => self.history.turns(views),
            Message::ToTheEnd => self.goes_to_the_end(),
            Message::Answered(message, author) => return self.looks_for(message, author),
            Message::Found(Ok(Some((id, cursor)))) => {
                let wanted = self.history.goes_to(id, cursor);
                self.asks(wanted);
                self.chosen = Some(id);
            }
            Message::Chosen(id) => self.chosen = (self.chosen != Some(id)).then_some(id),
            Message::Acted(id, action) => return self.acts(id, &action),
            Message::Unfolded(id) => self.history.unfolds(id),
            Message::Written(action) => self.writing.is_changed(action),
            Message::AboutNothing => self.writing.is_about_nothing(),
            Message::Submitted => return self.sends(),
            Message::Queued(Ok(())) => {
                self.writing.is_sent();
                self.goes_to_the_end();
            }
            Message::Queued(Err(not_sent)) => {
                self.failure = Some(not_sent.error);
                self.writing.comes_back(&not_sent.said);
            }
            Message::Answer(answer) => return standing::perform(&self.session, &self.with, self.chat(), answer),
            Message::Found(Ok(None)) | Message::Done(Ok(())) => {}
        }
        Task::none()
    }

    fn goes_to_the_end(&mut self) {
        let wanted = self.history.goes_to_the_end();
        self.asks(wanted);
    }

    fn asks(&mut self, wanted: Option<Wanted>) {
        // If so much is asked already, the same is asked when it is scrolled next.
        if wanted.is_some_and(|wanted| self.ask.try_send(wanted).is_ok()) {
            self.history.loads();
        }
    }

    fn looks_for(&self, message: MessageId, author: UserId) -> Task<Message> {
        let (client, chat) = (self.session.client().clone(), self.chat());
        let which = Which { message, from: Some(author), chat };
        let found = async move {
            let mut found = client.find(message).await.map_err(Arc::new)?;
            found.retain(|it| which.may_be(&it.sender_id, it.chat.id));
            Ok(found.first().map(|it| (it.id, it.cursor)))
        };
        Task::perform(found, Message::Found)
    }

    fn acts(&mut self, id: i64, action: &actions::Action) -> Task<Message> {
        let Some(message) = self.history.message(id) else { return Task::none() };
        (self.chosen, self.failure) = (None, None);
        match action {
            actions::Action::Answer => self.writing.answers(message),
            actions::Action::Edit => self.writing.edits(message),
            _ => return actions::perform(&self.session, message, action),
        }
        focus(WRITING)
    }

    fn sends(&mut self) -> Task<Message> {
        let Some(said) = self.writing.takes() else { return Task::none() };
        self.failure = None;
        self.history.forgets_what_was_new();
        let (client, with) = (self.session.client().clone(), self.with.clone());
        let queued = async move {
            let queued = match &said.about {
                Some(About::Edit { which, .. }) => {
                    client.edit(which.clone(), said.text.trim_end().to_owned()).await.map(drop)
                }
                Some(About::Answer { .. }) | None => client.send(&with, said.draft()).await.map(drop),
            };
            queued.map_err(|error| NotSent { error: Arc::new(error), with, said })
        };
        Task::perform(queued, Message::Queued)
    }

    /// Draws it. Nothing can be written any more where all `is_over`.
    pub(crate) fn view(&self, lang: Lang, now_ms: i64, is_over: bool) -> Element<'_, Message> {
        let own = self.session.client().user_id();
        let title = name(lang, &self.with, self.heading.as_ref(), own);
        // Others have named the group, and may have named it like a person.
        let group = match &self.with {
            Recipient::Group(group) => {
                let id: String = group.to_string().chars().take(SHORT_ID).collect();
                Some(hint(lang.with("group-of-id", &[("id", id.into())])))
            }
            Recipient::User(_) => None,
        };
        let heading = column![text(title).size(type_size::HEADING)].push(group);
        let bar = container(heading).padding(gap::MEDIUM).width(Fill).style(theme::bar);
        let history = self.history.view(lang, own, now_ms, self.chosen);
        // What comes and goes is in a part of its own: the field below it keeps the keyboard.
        let waits = self.standing.waits_for.iter().filter_map(|reason| waiting_for::said(lang, reason)).map(alarm);
        let decisions = (!is_over).then(|| standing::view(lang, &self.with, &self.standing, self.consent)).flatten();
        let said = column![]
            .extend(self.failure.as_ref().map(|error| alarm(failure::client(lang, error))))
            .extend(waits)
            .extend(decisions);
        let over = is_over.then(|| lang.text("over"));
        let below = match over.or_else(|| standing::nothing_to_say(lang, self.heading.as_ref(), &self.standing)) {
            Some(why) => container(hint(why)).padding(gap::MEDIUM).into(),
            None => self.writing.view(lang),
        };
        column![bar, rule::horizontal(1), history, rule::horizontal(1), said, below].width(Fill).height(Fill).into()
    }
}
