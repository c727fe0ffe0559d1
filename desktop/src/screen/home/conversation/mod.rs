//! The chat that is open: its history, and what is being written.

mod actions;
mod attachments;
mod bubble;
mod going_along;
mod hearing;
mod history;
mod leading;
mod message;
mod picker;
mod player;
mod recording;
mod sending;
mod standing;
mod view;
mod voices;
mod writing;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use iced::futures::channel::mpsc;
use iced::widget::operation::focus;
use iced::widget::text_editor;
use iced::{Task, task};
use privmsg_client::{
    ChatEntry, ChatId, ChatStatus, ClientError, Consent, Cursor, Heading, MessageView, Recipient, Which,
};
use privmsg_protocol::{MessageId, UserId};
use url::Url;

use self::actions::Chosen;
use self::attachments::Attachments;
pub(super) use self::going_along::Picked;
use self::history::History;
pub(super) use self::message::Message;
use self::message::not_done;
pub(super) use self::message::{NotDone, Queued, outcome};
use self::picker::Picker;
pub(super) use self::writing::since;
use self::writing::{WRITING, Writing};
use super::recipient;
use crate::follow::{self, Standing, Wanted};
use crate::session::Session;
use crate::tools::Tools;

/// How long nothing is written until what is written is kept.
const REST: Duration = Duration::from_millis(400);

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
    attachments: Attachments,
    /// A link that somebody may follow.
    leads_to: Option<Url>,
    /// Emoji are to be chosen from.
    picker: Option<Picker>,
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
    _followed: [task::Handle; 3],
}

impl Conversation {
    /// Begins to follow a chat, where it is new. Its draft is read, unless it is given; what was to go along is given.
    pub(crate) fn new(
        session: Session,
        with: Recipient,
        tools: Tools,
        (draft, files): (Option<String>, Vec<Picked>),
    ) -> (Self, Task<Message>) {
        let (ask, told) = follow::conversation(session.clone(), with.clone());
        let (task, handle) = Task::run(told, Message::Told).abortable();
        let stands = follow::standing(session.clone(), with.clone());
        let (watch, watching) = Task::run(stands, Message::Stands).abortable();
        let (moves, moving) =
            Task::run(follow::files(&session), |moved| Message::Attachments(attachments::Message::Moved(moved)))
                .abortable();
        let (client, whose) = (session.client().clone(), with.clone());
        let draft = async move {
            match draft {
                Some(draft) => Ok(Some(draft)),
                None => client.draft(&whose).await.map_err(Arc::new),
            }
        };
        let draft = Task::perform(draft, Message::Drafted);
        let writing = Writing::new(&tools, files);
        let attachments = Attachments::new(session.client().clone(), tools);
        let conversation = Self {
            session,
            with,
            heading: None,
            consent: Consent::Unknown,
            status: None,
            standing: Standing::default(),
            history: History::new(),
            writing,
            attachments,
            leads_to: None,
            picker: None,
            chosen: None,
            is_known: false,
            is_submitted: false,
            strokes: 0,
            read_to: None,
            failure: None,
            troubles: [None, None],
            ask,
            _followed: [handle.abort_on_drop(), watching.abort_on_drop(), moving.abort_on_drop()],
        };
        (conversation, Task::batch([task, watch, moves, draft, focus(WRITING)]))
    }

    /// The chat is left: these files were to go along.
    pub(crate) fn leaves_files(&mut self) -> Vec<Picked> {
        self.writing.leaves_files()
    }

    /// What is written and not sent, if it is known by now.
    pub(crate) fn draft(&self) -> Option<String> {
        self.writing.is_loaded().then(|| self.writing.draft())
    }

    /// Keeps what is written and not sent.
    pub(crate) fn keeps_the_draft(&self) -> Task<Message> {
        let Some(draft) = self.draft() else { return Task::none() };
        let (client, with) = (self.session.client().clone(), self.with.clone());
        let kept = async move { client.keep_draft(&with, &draft).await.map_err(Arc::new) };
        Task::perform(kept, Message::Noted)
    }

    /// The chat itself is wanted, and not what stands in its place.
    pub(crate) fn shows_itself(&mut self) {
        self.attachments.is_enough();
    }

    /// Files are to go along with what is written.
    pub(crate) fn drops(&mut self, paths: Vec<PathBuf>) -> Task<Message> {
        self.attachments.is_enough();
        self.writing.goes_along(going_along::Message::Dropped(paths)).map(Message::Along)
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
        if standing::nothing_to_say(self.heading.as_ref(), &self.standing).is_some() {
            self.is_covered();
        }
    }

    /// A message that is shown.
    pub(crate) fn message(&self, id: i64) -> Option<Box<MessageView>> {
        self.history.message(id).cloned().map(Box::new)
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
                self.hushes_what_is_gone();
            }
            Message::Stands(Ok(standing)) => {
                (self.standing, self.is_known, self.troubles[1]) = (standing, true, None);
                if standing::nothing_to_say(self.heading.as_ref(), &self.standing).is_some() {
                    self.is_covered();
                }
                return self.sends_if_submitted();
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
                // Of a stranger, nothing is fetched unasked.
                if self.consent == Consent::Open {
                    return self.attachments.see(self.history.in_sight()).map(Message::Attachments);
                }
            }
            Message::Turned(views) => self.history.turns(views),
            Message::ToTheEnd => self.goes_to_the_end(),
            Message::Answered(message, author) => return self.looks_for(message, author),
            Message::Found(Ok(Some((id, cursor)))) | Message::To(id, cursor) => self.goes_to(id, cursor),
            Message::Chosen(id) => {
                let is_it = self.chosen.as_ref().is_some_and(|chosen| chosen.id == id);
                self.chosen = (!is_it).then_some(Chosen { id, sure: None });
                // An answer by an emoji is for the message that is marked.
                self.picker.take_if(|picker| !is_it && picker.is_for_another(id));
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
                if std::mem::take(&mut self.is_submitted) && draft.is_none_or(|draft| draft.is_empty()) {
                    return self.sends();
                }
            }
            Message::Written(action) => return self.is_written(action),
            Message::Picker(message) => return self.picks(message),
            Message::Leads(link) => self.leads_to = link,
            Message::Followed => leading::follows(self.leads_to.take()),
            Message::Rested(strokes) if strokes == self.strokes => return self.keeps_the_draft(),
            Message::Along(message) => {
                // What goes otherwise than somebody may think is seen first.
                self.is_submitted &= !matches!(&message, going_along::Message::Looked(looked) if looked.is_doubtful());
                if message.is_recording_begun() {
                    // What was to go does not go with half of what is said now; and nobody wants to record what they hear.
                    self.is_submitted = false;
                    self.attachments.is_silent();
                }
                if message.is_to_be_heard() {
                    self.attachments.is_silent();
                }
                let task = self.writing.goes_along(message).map(Message::Along);
                return Task::batch([task, self.sends_if_submitted()]);
            }
            Message::Attachments(message) => return self.attaches(message, is_watched),
            Message::AboutNothing => self.writing.is_about_nothing(),
            Message::Submitted => return self.sends(),
            Message::Queued(Ok(_)) => {
                self.writing.is_sent();
                self.goes_to_the_end();
                return Task::batch([self.keeps_the_draft(), self.sends_if_submitted()]);
            }
            Message::Queued(Err(not_done)) => {
                (self.failure, self.is_submitted) = (Some(not_done.error), false);
                if let Some(said) = not_done.said {
                    self.writing.comes_back(&said);
                }
                return self.keeps_the_draft();
            }
            Message::Answer(answer) => {
                self.failure = None;
                return standing::perform(&self.session, &self.with, self.chat(), &self.standing, answer);
            }
            // The first two are for whoever shows this.
            Message::About
            | Message::Forward(_)
            | Message::Found(Ok(None))
            | Message::Done(Ok(()))
            | Message::Noted(Ok(()))
            | Message::Rested(_) => {}
        }
        Task::none()
    }

    fn is_written(&mut self, action: text_editor::Action) -> Task<Message> {
        let is_edit = action.is_edit();
        self.writing.is_changed(action);
        if is_edit { self.is_changed() } else { Task::none() }
    }

    /// Something else is written: it is not what was to go, and is kept in a moment.
    fn is_changed(&mut self) -> Task<Message> {
        self.is_submitted = false;
        self.strokes += 1;
        let strokes = self.strokes;
        Task::perform(tokio::time::sleep(REST), move |()| Message::Rested(strokes))
    }

    /// Shows a message where it stands, and marks it.
    fn goes_to(&mut self, id: i64, cursor: Cursor) {
        self.attachments.is_enough();
        let wanted = self.history.goes_to(id, cursor);
        self.asks(wanted);
        self.chosen = Some(Chosen { id, sure: None });
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
        if is_for_the_field {
            // The field is to be seen.
            self.writing.ends_recording();
        }
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
}
