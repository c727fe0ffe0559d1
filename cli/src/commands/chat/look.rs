//! What a message on the screen looked like, and what has changed since.

use privmsg_client::MessageView;

use crate::foreign;
use crate::lang::Lang;

use super::super::message::excerpt;

/// A message as it stands on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    text: String,
    edited_at: Option<i64>,
    deleted: bool,
    reactions: Vec<(String, String)>,
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changed {
    /// It says something else: to be shown anew.
    Text,
    /// A line says it all.
    Line(String),
}

impl Look {
    pub(super) fn of(lang: Lang, message: &MessageView) -> Self {
        let reactions = message.reactions.iter();
        Self {
            text: excerpt(lang, message),
            edited_at: message.edited_at,
            deleted: message.deleted,
            reactions: reactions
                .flat_map(|reaction| reaction.users.iter().map(|user| (reaction.emoji.clone(), user.to_string())))
                .collect(),
        }
    }

    /// What has changed from this look to that of `message`.
    pub(super) fn changes(&self, lang: Lang, message: &MessageView) -> Vec<Changed> {
        let now = Self::of(lang, message);
        if now.deleted {
            let said = lang.took_back_message(message.sender_id.as_str(), &self.text);
            return if self.deleted { Vec::new() } else { vec![Changed::Line(said)] };
        }
        let mut changes = Vec::new();
        if now.edited_at != self.edited_at || self.deleted {
            changes.push(Changed::Text);
        }
        for (emoji, user) in now.reactions.iter().filter(|new| !self.reactions.contains(new)) {
            changes.push(Changed::Line(lang.reacted(user, &foreign::line(emoji), &now.text)));
        }
        for (emoji, user) in self.reactions.iter().filter(|old| !now.reactions.contains(old)) {
            changes.push(Changed::Line(lang.took_back(user, &foreign::line(emoji), &now.text)));
        }
        changes
    }
}
