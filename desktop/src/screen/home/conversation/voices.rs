//! What is heard and what is recorded in the open chat: one thing at a time, and nothing that nobody sees.

use iced::Task;
use privmsg_client::Consent;

use super::{Conversation, Message, attachments, hearing};

impl Conversation {
    /// Something else stands in its place: what is being said is said, and waits there to be sent.
    pub(crate) fn is_covered(&mut self) {
        self.writing.ends_recording();
        self.attachments.waits();
    }

    /// Nothing is heard any more.
    pub(crate) fn is_silent(&mut self) {
        self.attachments.is_silent();
        self.writing.is_silent();
    }

    /// Whether somebody is recording, or hears something.
    pub(crate) const fn is_heard_or_said(&self) -> bool {
        self.writing.is_recording() || self.attachments.is_playing() || self.writing.is_playing()
    }

    /// Does what a message about what came along asks for.
    pub(super) fn attaches(&mut self, message: attachments::Message, is_watched: bool) -> Task<Message> {
        match &message {
            attachments::Message::Heard(id) => {
                // Of a stranger nothing is fetched unasked, nor of somebody else than who was to be heard.
                let own = self.session.client().user_id();
                let next = (self.consent == Consent::Open).then(|| self.history.next_voice(*id, own)).flatten();
                let Some(next) = next.filter(|_| !self.writing.is_recording()) else { return Task::none() };
                return self.attachments.hears(next).map(Message::Attachments);
            }
            attachments::Message::Voice(hearing::Message::Toggled(_)) if self.writing.is_recording() => {
                return Task::none();
            }
            attachments::Message::Voice(hearing::Message::Toggled(_)) => self.writing.is_silent(),
            // It has come too late to be expected.
            attachments::Message::Voice(hearing::Message::Came(..)) if !is_watched => self.attachments.waits(),
            attachments::Message::View(..) => self.is_covered(),
            _ => {}
        }
        self.attachments.update(message).map(Message::Attachments)
    }

    /// What was taken back is not heard any more.
    pub(super) fn hushes_what_is_gone(&mut self) {
        let is_gone = |id| self.history.message(id).is_some_and(|message| message.deleted || message.is_doubtful());
        if self.attachments.is_heard().is_some_and(is_gone) {
            self.attachments.is_silent();
        }
    }
}
