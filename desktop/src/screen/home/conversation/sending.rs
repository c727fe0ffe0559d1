//! What was written, said and chosen goes to the outbox.

use std::sync::Arc;

use iced::Task;
use privmsg_client::ClientError;

use super::actions::is_made;
use super::writing::About;
use super::{Conversation, Message, NotDone, Queued, not_done};

impl Conversation {
    /// What was to go as soon as it can.
    pub(super) fn sends_if_submitted(&mut self) -> Task<Message> {
        if std::mem::take(&mut self.is_submitted) { self.sends() } else { Task::none() }
    }

    pub(super) fn sends(&mut self) -> Task<Message> {
        // Whoever sends has said it, also where it cannot go yet.
        self.writing.ends_recording();
        if !self.is_known || !self.writing.is_ready() {
            self.is_submitted = true;
            return Task::none();
        }
        let Some(said) = self.writing.takes() else { return Task::none() };
        // A voice goes alone, and what else there is behind it.
        self.is_submitted = self.writing.has_more();
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
                        Err(ClientError::Unchanged) => Ok(None),
                        edited => edited,
                    }
                }
                Some(About::Answer { .. }) | None => client.send(&with, said.draft()).await.map(|_| None),
            }
        };
        let client = self.session.client().clone();
        Task::future(queued).then(move |queued| {
            let (with, said) = (whose.clone(), kept.clone());
            match queued {
                Ok(edit) => {
                    let whose = whose.clone();
                    let made = Task::perform(is_made(client.clone(), edit), move |made| not_done(made, whose.clone()));
                    Task::done(Message::Queued(Ok(Queued { with, said }))).chain(made)
                }
                Err(error) => {
                    let error = Arc::new(error);
                    Task::done(Message::Queued(Err(NotDone { error, with, said: Some(said) })))
                }
            }
        })
    }
}
