//! How a chat is named by people and scripts: a user's id, `self` for one's own notes, or `group:` and a group's id, of
//! which a beginning is enough that fits no other group.
//!
//! Titles name no chat: whoever has the right to gives a group any title, also that of another one.

use std::str::FromStr;

use privmsg_client::{ChatKind, Client, Recipient};
use privmsg_protocol::{ConversationId, UserId};

use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;

/// In front of a group's id. No user's id has a colon.
const GROUP: &str = "group:";

/// As much of a group's id as makes it likely that it is meant.
const LEAST_ALIKE: usize = 4;

/// One's own notes.
const OWN: &str = "self";

/// Which chat is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatName {
    User(UserId),
    Own,
    /// Its id, or the beginning of it.
    Group(String),
    /// Nothing that names a chat: perhaps a group's title.
    Other(String),
}

impl ChatName {
    /// Whether a text that names no chat may be a group's title.
    pub(crate) fn may_be_a_title(text: &str) -> bool {
        !text.trim().is_empty() && !text.starts_with(GROUP)
    }
}

impl FromStr for ChatName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix(GROUP) {
            Some(id) => Ok(Self::Group(group_id(id)?)),
            None if text == OWN => Ok(Self::Own),
            None => text.parse().map(Self::User).map_err(|_| ()),
        }
    }
}

/// A group where nothing else can be meant: with `group:` in front or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupName(pub(crate) String);

impl GroupName {
    /// Nothing that names a group: perhaps its title.
    pub(crate) const fn title(text: String) -> Self {
        Self(text)
    }

    /// Finds the group. Of a title it is said which groups have it.
    pub(crate) async fn find(&self, client: &Client, lang: Lang) -> Result<ConversationId, Failure> {
        let Self(name) = self;
        if group_id(name).is_err() {
            let groups = groups_like(client, name).await?;
            return Err(Failure::Usage(lang.or_a_group(lang.bad_group(&foreign::line(name)), &groups)));
        }
        Ok(client.find_group(name).await?)
    }
}

impl FromStr for GroupName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        group_id(text.strip_prefix(GROUP).unwrap_or(text)).map(Self)
    }
}

fn group_id(text: &str) -> Result<String, ()> {
    let fits = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if fits { Ok(text.to_owned()) } else { Err(()) }
}

/// A chat that was named.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) recipient: Recipient,
    /// As scripts know it.
    pub(crate) id: String,
    /// As people know it: a group by its title, if it has one. Foreign.
    pub(crate) label: String,
}

impl ChatName {
    /// Finds the chat.
    pub(crate) async fn find(&self, client: &Client, lang: Lang) -> Result<Named, Failure> {
        let (recipient, id) = match self {
            Self::User(user) => (Recipient::User(user.clone()), user.to_string()),
            Self::Own => (Recipient::User(client.user_id().clone()), client.user_id().to_string()),
            Self::Other(name) => {
                let groups = groups_like(client, name).await?;
                return Err(Failure::Usage(lang.or_a_group(lang.bad_chat(&foreign::line(name)), &groups)));
            }
            Self::Group(id) => {
                let found = client.find_group(id).await?;
                (Recipient::Group(found), name_of(&found))
            }
        };
        let title = match (&recipient, client.chat_with(&recipient).await?) {
            (Recipient::Group(_), Some(chat)) => client.group_title(chat).await?,
            _ => None,
        };
        Ok(Named { label: title.unwrap_or_else(|| short(&id).to_owned()), recipient, id })
    }
}

/// Groups that somebody may mean by a name: by their title, or by an id without its `group:`.
pub(crate) async fn groups_like(client: &Client, name: &str) -> Result<Vec<String>, Failure> {
    let wanted = name.to_lowercase();
    let mut found = Vec::new();
    for (group, title) in client.groups().await? {
        let begins = name.len() >= LEAST_ALIKE && group.to_string().starts_with(name);
        if begins || (!title.is_empty() && title.to_lowercase() == wanted) {
            found.push(short(&name_of(&group)).to_owned());
        }
    }
    Ok(found)
}

impl Named {
    /// The other user of a direct chat, and oneself for notes.
    pub(crate) const fn user(&self) -> Option<&UserId> {
        match &self.recipient {
            Recipient::User(user) => Some(user),
            Recipient::Group(_) => None,
        }
    }
}

/// What a group is called by scripts.
pub(crate) fn name_of(conversation: &ConversationId) -> String {
    format!("{GROUP}{conversation}")
}

/// Characters of a group's id that people are shown.
const SHORT: usize = GROUP.len() + 8;

/// As much of a chat's id as tells it from others, as a rule.
pub(crate) fn short(id: &str) -> &str {
    if id.starts_with(GROUP) { id.get(..SHORT).unwrap_or(id) } else { id }
}

/// What a chat is called by scripts: the other user's name; one's own for notes.
pub(crate) fn chat_id(kind: &ChatKind, own: &UserId) -> String {
    match kind {
        ChatKind::Direct { peer } => peer.to_string(),
        ChatKind::SelfNotes => own.to_string(),
        ChatKind::Group { conversation } => name_of(conversation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_means_one_kind_of_chat() {
        let user = |name: &str| Ok(ChatName::User(UserId::new(name).unwrap()));
        assert_eq!("bob".parse(), user("bob"));
        assert_eq!("self".parse(), Ok(ChatName::Own));
        assert_eq!("group:Y2bPIE".parse(), Ok(ChatName::Group("Y2bPIE".into())));
        assert_eq!(
            "Y2bPIEb1nYalph4Z5Hn29gf2oUSg3XGLHzvC5ww0AoM".parse(),
            user("Y2bPIEb1nYalph4Z5Hn29gf2oUSg3XGLHzvC5ww0AoM")
        );
        for bad in ["", "group:", "group:a b", "group:a/b", "a b"] {
            assert_eq!(bad.parse::<ChatName>(), Err(()), "{bad:?}");
        }
        assert_eq!("Y2bPIE".parse(), Ok(GroupName("Y2bPIE".into())));
        assert_eq!("group:Y2bPIE".parse(), Ok(GroupName("Y2bPIE".into())));
    }
}
