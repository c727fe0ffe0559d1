//! The open chat, and what somebody wants of it in the list: above the others, quiet, out of sight.

use std::sync::Arc;

use iced::Task;
use privmsg_client::{ChatEntry, Mark};

use super::{Conversation, Home, Message};

impl Home {
    /// The open chat, as the list has it.
    pub(super) fn open_chat(&self) -> Option<&ChatEntry> {
        let open = self.open.as_ref()?.chat()?;
        self.chats.iter().find(|chat| chat.summary.chat.id == open)
    }

    /// Something else stands in its place.
    pub(super) fn covers(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_covered();
        }
    }

    /// Nothing is heard any more.
    pub(super) fn hushes(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_silent();
        }
    }

    /// Whether somebody is recording, or hears something.
    pub(crate) fn is_heard_or_said(&self) -> bool {
        self.open.as_ref().is_some_and(Conversation::is_heard_or_said)
    }

    /// Marks it, or takes the mark away.
    pub(super) fn marks(&self, mark: Mark, is_set: bool) -> Task<Message> {
        let Some(chat) = self.open_chat().map(|chat| chat.summary.chat.id) else { return Task::none() };
        let client = self.session.client().clone();
        let marked = async move { client.mark_chat(chat, mark, is_set).await.map_err(Arc::new) };
        Task::perform(marked, Message::Marked)
    }
}
