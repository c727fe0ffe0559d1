//! The chat that is open: its history, and what is being written.

mod actions;
mod bubble;
mod history;
mod message;
mod standing;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use iced::futures::channel::mpsc;
use iced::widget::operation::focus;
use iced::widget::{button, column, container, row, rule, text, text_editor};
use iced::{Center, Element, Fill, Task, task};
use privmsg_client::{
    ChatEntry, ChatId, ChatStatus, ClientError, Consent, Cursor, Heading, MessageView, Recipient, Which,
};
use privmsg_protocol::{MessageId, UserId};

use self::actions::Chosen;
use self::history::History;
pub(super) use self::message::Message;
use self::message::not_done;
pub(super) use self::message::{NotDone, Queued, outcome};
pub(super) use self::writing::since;
use self::writing::{About, WRITING, Writing};
use super::{name, recipient};
use crate::failure;
use crate::follow::{self, Standing, Wanted};
use crate::lang::Lang;
use crate::notice;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::waiting_for;
use crate::widget::{alarm, hint};

/// How long nothing is written until what is written is kept.
const REST: Duration = Duration::from_millis(400);

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
    chosen: Option<Chosen>,
    /// Whether the standing is known: as long as it is not, nothing goes out.
    is_known: bool,
    /// What is written is to go as soon as it is.
    is_submitted: bool,
    /// How often it was written on: what is written is kept once nothing was for a moment.
    strokes: u64,
    /// Up to where it was said to be read: what fails is not tried again by itself.
    read_to: Option<Cursor>,
    /// What somebody has asked for was not done.
    failure: Option<Arc<ClientError>>,
    /// The history, or the standing, cannot be read.
    troubles: [Option<Arc<ClientError>>; 2],
    ask: mpsc::Sender<Wanted>,
    _followed: [task::Handle; 2],
}

impl Conversation {
    /// Begins to follow a chat, where it is new.
    pub(crate) fn new(session: Session, with: Recipient) -> (Self, Task<Message>) {
        let (ask, told) = follow::conversation(session.clone(), with.clone());
        let (task, handle) = Task::run(told, Message::Told).abortable();
        let stands = follow::standing(session.clone(), with.clone());
        let (watch, watching) = Task::run(stands, Message::Stands).abortable();
        let (client, whose) = (session.client().clone(), with.clone());
        let draft = async move { client.draft(&whose).await.map_err(Arc::new) };
        let draft = Task::perform(draft, Message::Drafted);
        let conversation = Self {
            session,
            with,
            heading: None,
            consent: Consent::Unknown,
            status: None,
            standing: Standing::default(),
            history: History::new(),
            writing: Writing::new(),
            chosen: None,
            is_known: false,
            is_submitted: false,
            strokes: 0,
            read_to: None,
            failure: None,
            troubles: [None, None],
            ask,
            _followed: [handle.abort_on_drop(), watching.abort_on_drop()],
        };
        (conversation, Task::batch([task, watch, draft, focus(WRITING)]))
    }

    /// Keeps what is written and not sent.
    pub(crate) fn keeps_the_draft(&self) -> Task<Message> {
        if !self.writing.is_loaded() {
            return Task::none();
        }
        let (client, with, draft) = (self.session.client().clone(), self.with.clone(), self.writing.draft());
        let kept = async move { client.keep_draft(&with, &draft).await.map_err(Arc::new) };
        Task::perform(kept, Message::Noted)
    }

    /// A draft of it was sent before it was open.
    pub(crate) fn was_sent(&mut self, text: &str) -> Task<Message> {
        self.writing.was_sent(text);
        self.keeps_the_draft()
    }

    /// Whether something is on its way to the outbox.
    pub(crate) const fn is_sending(&self) -> bool {
        self.writing.is_sending()
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
        let own = self.session.client().user_id();
        let is_this = |chat: &&ChatEntry| recipient(&chat.summary.chat.kind, own) == self.with;
        if let Some(chat) = chats.iter().find(is_this) {
            (self.heading, self.consent) = (chat.heading.clone(), chat.summary.consent);
        }
    }

    /// What somebody who looks at the window has seen, has been read.
    pub(crate) fn reads(&mut self) -> Task<Message> {
        self.history.is_looked_at();
        let unread = self.status.as_ref().filter(|status| status.summary.unread > 0);
        let (Some(status), Some(seen)) = (unread, self.history.seen()) else { return Task::none() };
        if status.first_unread.is_some_and(|first| first > seen) || self.read_to >= Some(seen) {
            return Task::none();
        }
        self.read_to = Some(seen);
        let (client, chat) = (self.session.client().clone(), status.summary.chat.id);
        let read = async move { client.mark_read(chat, Some(seen)).await.map(drop).map_err(Arc::new) };
        Task::perform(read, Message::Noted)
    }

    /// Does what a message asks for. Somebody looks at it, or not.
    pub(crate) fn update(&mut self, message: Message, is_watched: bool) -> Task<Message> {
        match message {
            Message::Told(Ok(mut told)) => {
                (self.status, self.troubles[0]) = (told.status.take(), None);
                self.history.hears(told, self.status.as_ref(), is_watched);
            }
            Message::Stands(Ok(standing)) => {
                (self.standing, self.is_known, self.troubles[1]) = (standing, true, None);
                if std::mem::take(&mut self.is_submitted) {
                    return self.sends();
                }
            }
            Message::Told(Err(error)) => self.troubles[0] = Some(error),
            Message::Stands(Err(error)) => self.troubles[1] = Some(error),
            Message::Found(Err(error)) => self.failure = Some(error),
            Message::Drafted(Err(error)) => {
                self.failure = Some(error);
                self.writing.goes_on_with("");
            }
            Message::Done(Err(not_done)) => self.failure = Some(not_done.error),
            Message::Noted(Err(error)) => tracing::warn!(%error, "something was not noted"),
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
                self.chosen = Some(Chosen { id, sure: None });
            }
            Message::ToAlarm(id, cursor) => {
                let wanted = self.history.goes_to(id, cursor);
                self.asks(wanted);
            }
            Message::Chosen(id) => {
                let is_it = self.chosen.as_ref().is_some_and(|chosen| chosen.id == id);
                self.chosen = (!is_it).then_some(Chosen { id, sure: None });
            }
            Message::Acted(id, action) if action.is_final() => self.chosen = Some(Chosen { id, sure: Some(action) }),
            Message::Acted(id, action) => return self.acts(id, &action),
            Message::Sure => {
                let Some(Chosen { id, sure: Some(action) }) = self.chosen.take() else { return Task::none() };
                return self.acts(id, &action);
            }
            Message::Unfolded(id) => self.history.unfolds(id),
            Message::Drafted(Ok(draft)) => {
                self.writing.goes_on_with(draft.as_deref().unwrap_or_default());
                // What was to go is another text now, if there is a draft.
                if std::mem::take(&mut self.is_submitted) && draft.is_none() {
                    return self.sends();
                }
            }
            Message::Written(action) => return self.is_written(action),
            Message::Rested(strokes) if strokes == self.strokes => return self.keeps_the_draft(),
            Message::AboutNothing => self.writing.is_about_nothing(),
            Message::Submitted => return self.sends(),
            Message::Queued(Ok(_)) => {
                self.writing.is_sent();
                self.goes_to_the_end();
                return self.keeps_the_draft();
            }
            Message::Queued(Err(not_done)) => {
                self.failure = Some(not_done.error);
                if let Some(said) = not_done.said {
                    self.writing.comes_back(&said);
                }
                return self.keeps_the_draft();
            }
            Message::Answer(answer) => {
                self.failure = None;
                return standing::perform(&self.session, &self.with, self.chat(), &self.standing, answer);
            }
            // The first one is for whoever shows this.
            Message::About
            | Message::Found(Ok(None))
            | Message::Done(Ok(()))
            | Message::Noted(Ok(()))
            | Message::Rested(_) => {}
        }
        Task::none()
    }

    fn is_written(&mut self, action: text_editor::Action) -> Task<Message> {
        let is_edit = action.is_edit();
        self.is_submitted &= !is_edit;
        self.writing.is_changed(action);
        if !is_edit {
            return Task::none();
        }
        self.strokes += 1;
        let strokes = self.strokes;
        Task::perform(tokio::time::sleep(REST), move |()| Message::Rested(strokes))
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
        // Until what is on its way has come there, or comes back, the field is its.
        let is_for_the_field = matches!(action, actions::Action::Answer | actions::Action::Edit);
        if is_for_the_field && self.writing.is_sending() {
            return Task::none();
        }
        let Some(message) = self.history.message(id) else { return Task::none() };
        (self.chosen, self.failure) = (None, None);
        match action {
            actions::Action::Answer => self.writing.answers(message),
            actions::Action::Edit => self.writing.edits(message),
            _ => {
                let said = self.history.said(id).unwrap_or_default();
                return actions::perform(&self.session, message, said, action);
            }
        }
        focus(WRITING)
    }

    fn sends(&mut self) -> Task<Message> {
        if !self.is_known || !self.writing.is_loaded() {
            self.is_submitted = true;
            return Task::none();
        }
        let Some(said) = self.writing.takes() else { return Task::none() };
        self.failure = None;
        self.history.forgets_what_was_new();
        let (client, with) = (self.session.client().clone(), self.with.clone());
        let (whose, kept) = (with.clone(), said.clone());
        let draft = self.writing.draft();
        let queued = async move {
            // Whatever ends the program before it is in the outbox.
            client.keep_draft(&with, &draft).await?;
            match &said.about {
                Some(About::Edit { which, .. }) => {
                    match client.edit(which.clone(), said.text.trim_end().to_owned()).await {
                        Err(ClientError::Unchanged) => Ok(()),
                        edited => edited.map(drop),
                    }
                }
                Some(About::Answer { .. }) | None => client.send(&with, said.draft()).await.map(drop),
            }
        };
        let queued = async move {
            match queued.await {
                Ok(()) => Ok(Queued { with: whose, said: kept }),
                Err(error) => Err(NotDone { error: Arc::new(error), with: whose, said: Some(kept) }),
            }
        };
        Task::perform(queued, Message::Queued)
    }

    /// Draws it. Where the session is `over`, for this reason nothing can be said any more.
    pub(crate) fn view(&self, lang: Lang, now_ms: i64, over: Option<&'static str>) -> Element<'_, Message> {
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
        let about = button(text(lang.text("about-chat"))).style(theme::quiet).on_press(Message::About);
        let bar = row![heading.width(Fill), about].align_y(Center);
        let bar = container(bar).padding(gap::SMALL).width(Fill).style(theme::bar);
        let history = self.history.view(lang, own, now_ms, self.chosen.as_ref(), over.is_some());
        // What comes and goes is in a part of its own: the field below it keeps the keyboard.
        let waits = self.standing.waits_for.iter().filter_map(|reason| waiting_for::said(lang, reason)).map(alarm);
        let decisions =
            over.is_none().then(|| standing::view(lang, &self.with, &self.standing, self.consent)).flatten();
        let said = column![]
            .extend(
                self.troubles.iter().flatten().chain(&self.failure).map(|error| alarm(failure::client(lang, error))),
            )
            .extend(waits)
            .extend(decisions);
        let why = over.map(|why| lang.text(why));
        let below = match why.or_else(|| standing::nothing_to_say(lang, self.heading.as_ref(), &self.standing)) {
            Some(why) => container(hint(why)).padding(gap::MEDIUM).into(),
            None => self.writing.view(lang),
        };
        let alarm = self.history.unseen_alarm().map(|message| self.unseen(lang, message));
        let bar = column![bar].push(alarm);
        column![bar, rule::horizontal(1), history, rule::horizontal(1), said, below].width(Fill).height(Fill).into()
    }

    /// An alarm that has not been in sight.
    fn unseen<'a>(&self, lang: Lang, message: &MessageView) -> Element<'a, Message> {
        let said = notice::said(lang, message, self.session.client().user_id()).unwrap_or_default();
        let said = said.into_iter().next().unwrap_or_default();
        let show = button(text(lang.text("show")).size(type_size::SMALL)).style(button::danger);
        let show = show.on_press(Message::ToAlarm(message.id, message.cursor));
        let said = container(text(said).size(type_size::SMALL)).width(Fill);
        container(row![said, show].spacing(gap::SMALL).align_y(Center)).padding(gap::SMALL).style(theme::alarm).into()
    }
}
