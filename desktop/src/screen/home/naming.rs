//! What chats are called, and with whom they are.

use privmsg_client::{ChatKind, Heading, Recipient, foreign};
use privmsg_protocol::{ConversationId, UserId};

use crate::lang::Lang;

/// With whom one talks in a chat.
pub(super) fn recipient(kind: &ChatKind, own: &UserId) -> Recipient {
    match kind {
        ChatKind::Direct { peer } => Recipient::User(peer.clone()),
        ChatKind::SelfNotes => Recipient::User(own.clone()),
        ChatKind::Group { conversation } => Recipient::Group(*conversation),
    }
}

/// A group by the beginning of its id, as `privmsg` shows it: nobody can give it another one.
pub(super) fn group_by_id(lang: Lang, group: &ConversationId) -> String {
    const SHOWN: usize = 8;
    let id: String = group.to_string().chars().take(SHOWN).collect();
    lang.with("group-of-id", &[("id", id.into())])
}

/// What a chat is called.
pub(super) fn name(lang: Lang, with: &Recipient, heading: Option<&Heading>, own: &UserId) -> String {
    match with {
        Recipient::User(user) if user == own => lang.text("notes"),
        Recipient::User(user) => user.to_string(),
        Recipient::Group(_) => match heading.map(|heading| heading.title.as_str()) {
            None | Some("") => lang.text("untitled"),
            Some(title) => foreign::line(title),
        },
    }
}
