//! What was written, said and chosen goes to the outbox.

use std::sync::Arc;

use iced::Task;
use privmsg_client::ClientError;

use super::writing::About;
use super::{Conversation, Message, NotDone, Queued};

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
}
