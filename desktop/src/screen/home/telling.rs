//! Whether, and how, somebody who does not look at the window is told of a message.

use privmsg_client::{ChatEntry, Consent, MessageView};
use privmsg_protocol::UserId;

use super::{Home, list, name, recipient};
use crate::lang::Lang;
use crate::notice;
use crate::notifications::Notification;

impl Home {
    /// Tells somebody who does not look of a message.
    pub(super) fn tells(&self, message: &MessageView) {
        let own = self.session.client().user_id();
        let chat = self.chats.iter().find(|chat| chat.summary.chat.id == message.chat.id);
        let hides = self.looks.hides_content || self.is_locked;
        let told = chat.and_then(|chat| of(self.looks.lang(), message, chat, own, hides));
        if let Some(told) = told {
            self.tools.notifier.tell(told);
        }
    }
}

/// What is told of a message, if anything is. Where the content is hidden, it is only that there is one.
fn of(lang: Lang, message: &MessageView, chat: &ChatEntry, own: &UserId, hides_content: bool) -> Option<Notification> {
    let happened = notice::said(lang, message, own);
    let is_told = match &happened {
        Some(_) => notice::is_alarm(message) && !notice::is_about_a_namesake(message),
        None => message.sender_id != *own,
    };
    // Whoever wants to hear nothing of a chat still hears that somebody speaks to them, and what is wrong there.
    let is_muted = chat.summary.marks.muted && !message.mentions.contains(own) && !notice::is_alarm(message);
    if !is_told || is_muted || chat.is_kept_away || chat.summary.consent == Consent::Declined {
        return None;
    }
    let title = name(lang, &recipient(&chat.summary.chat.kind, own), chat.heading.as_ref(), own);
    let (title, text) = if hides_content {
        ("PrivMsg".to_owned(), lang.text("told-hidden"))
    } else if chat.summary.consent == Consent::Asked {
        // What strangers say is not shown before somebody has looked at who they are.
        (title, lang.text("is-request"))
    } else {
        let happened = happened.map(|said| said.join(" "));
        (title, happened.unwrap_or_else(|| list::said(lang, message, own)))
    };
    Some(Notification { chat: chat.summary.chat.id, title, text })
}
