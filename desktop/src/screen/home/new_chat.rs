//! Somebody is named by their id or their link, to talk with.

use iced::Task;
use privmsg_client::{ContactLink, ContactLinkError, Recipient};
use privmsg_protocol::UserId;

use super::{Home, Message, Pane};

impl Home {
    /// Opens the chat with whom the field names, or asks where a link has come from.
    pub(super) fn begins_chat(&mut self) -> Task<Message> {
        if let Ok(user) = self.new_chat.trim().parse::<UserId>() {
            self.new_chat.clear();
            return self.opens(Recipient::User(user));
        }
        match self.new_chat.parse::<ContactLink>() {
            Ok(link) => {
                self.new_chat.clear();
                return self.shows(Pane::new_contact(&self.session, link));
            }
            Err(ContactLinkError::NotALink) => self.slip = Some("slip-user"),
            Err(ContactLinkError::Server | ContactLinkError::UserId | ContactLinkError::Key) => {
                self.slip = Some("slip-contact-link");
            }
        }
        Task::none()
    }
}
