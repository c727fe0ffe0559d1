//! What happens in an open chat.

use std::sync::Arc;

use iced::widget::text_editor;
use privmsg_client::{ClientError, Cursor, Recipient};
use privmsg_protocol::{MessageId, UserId};
use url::Url;

use super::going_along::Picked;
use super::history::Key;
use super::writing::{About, Said};
use super::{actions, attachments, going_along, picker, standing};
use crate::follow::{Standing, Told};
use crate::widget::Sight;

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// In the history.
    Told(Result<Told, Arc<ClientError>>),
    /// What holds in the chat is another thing.
    Stands(Result<Standing, Arc<ClientError>>),
    /// Whom one talks with is to be shown.
    About,
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
    /// It is to be said in another chat.
    Forward(i64),
    /// It is meant.
    Sure,
    /// All of a long message is wanted.
    Unfolded(i64),
    /// What was written before.
    Drafted(Result<Option<String>, Arc<ClientError>>),
    /// Something is being written.
    Written(text_editor::Action),
    /// A link is to be followed, or not.
    Leads(Option<Url>),
    /// Where it leads was seen.
    Followed,
    /// With the emoji to choose from.
    Picker(picker::Message),
    /// Nothing was written for a moment, since so many strokes.
    Rested(u64),
    /// What is written was kept, or what was seen was told to be read.
    Noted(Result<(), Arc<ClientError>>),
    /// With what is to go along.
    Along(going_along::Message),
    /// With what came with messages.
    Attachments(attachments::Message),
    /// It is to be about nothing.
    AboutNothing,
    /// It is to be sent.
    Submitted,
    /// It is in the outbox, or comes back.
    Queued(Result<Queued, NotDone>),
    /// An answer to what was asked, or to somebody.
    Answer(standing::Answer),
    /// What was asked for is done.
    Done(Result<(), NotDone>),
    /// This message is to be shown where it stands.
    To(i64, Cursor),
}

/// What was asked for in a chat, and was not done.
#[derive(Debug, Clone)]
pub struct NotDone {
    pub(in crate::screen::home) error: Arc<ClientError>,
    pub(in crate::screen::home) with: Recipient,
    /// What could not even be put into the outbox.
    pub(super) said: Option<Said>,
}

impl NotDone {
    /// The files that were to go along.
    pub(in crate::screen::home) fn files(&mut self) -> Vec<Picked> {
        self.said.as_mut().map(|said| std::mem::take(&mut said.files)).unwrap_or_default()
    }
}

pub(super) fn not_done(done: Result<(), ClientError>, with: Recipient) -> Message {
    Message::Done(done.map_err(|error| NotDone { error: Arc::new(error), with, said: None }))
}

/// What is in the outbox.
#[derive(Debug, Clone)]
pub struct Queued {
    pub(in crate::screen::home) with: Recipient,
    pub(super) said: Said,
}

impl Queued {
    /// What was a draft until now.
    pub(in crate::screen::home) fn text(&self) -> Option<&str> {
        (!matches!(self.said.about, Some(About::Edit { .. }))).then_some(&*self.said.text)
    }
}

/// What came of something in a chat that is not open any more.
pub(in crate::screen::home) fn outcome(message: Message) -> Option<Result<Queued, NotDone>> {
    match message {
        Message::Queued(outcome) => Some(outcome),
        Message::Done(Err(not_done)) => Some(Err(not_done)),
        _ => None,
    }
}
