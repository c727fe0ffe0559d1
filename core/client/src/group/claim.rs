//! What the server says that a group is: which conversation, which incarnation, and whose name stands for which identity.
//! Nothing is granted on its word. It names the conversation that the group's id must be that of, and without it, or against
//! it, nobody's identity is pinned or changed.

use privmsg_mls_public::{direct_chat_id, group_id, self_chat_id};
use privmsg_protocol::rest::{Group, GroupKind, GroupStateAt};
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, Incarnation, UserId};
use privmsg_store::chats::ChatKind;

use super::rosters::{self, Shown};
use crate::engine::Link;
use crate::engine::tasks::groups::is_dead;
use crate::error::ClientError;

/// What the server says of a group.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) kind: ChatKind,
    pub(crate) conversation: ConversationId,
    pub(crate) incarnation: Incarnation,
    /// The identity that the other user of a direct conversation has published.
    pub(crate) published: Option<[u8; 32]>,
    /// Of a group of people: the rosters that came with its public state.
    pub(crate) shown: Shown,
}

impl Claim {
    /// The same with the rosters that came with the group's public state.
    ///
    /// # Errors
    /// [`ClientError`] for what is none.
    pub(crate) fn with_state(mut self, state: &GroupStateAt) -> Result<Self, ClientError> {
        let read = |roster: &Option<_>| roster.as_ref().map(rosters::read).transpose();
        self.shown = Shown { roster: read(&state.roster)?, founding: read(&state.founding_roster)?, added_by: None };
        Ok(self)
    }

    /// Asks for it. `None`: there is no such group (any more).
    ///
    /// # Errors
    /// [`ClientError::Unjoinable`] if the group has not the id that its conversation gives it, or is none of a kind that
    /// this version knows.
    pub(crate) async fn ask(link: &Link, id: &GroupId) -> Result<Option<Self>, ClientError> {
        let theirs = match link.context.api.group(id).await {
            Ok(theirs) if !is_dead(&theirs) => theirs,
            Err(error) if !error.is(&ErrorCode::UnknownGroup) => return Err(error),
            Ok(_) | Err(_) => return Ok(None),
        };
        let own = &link.identity.user_id;
        let kind = kind_of(&theirs, own).ok_or(ClientError::Unjoinable)?;
        let conversation = conversation_of(&kind, own).ok_or(ClientError::Unjoinable)?;
        if group_id(&conversation, theirs.incarnation) != *id {
            return Err(ClientError::Unjoinable);
        }
        let published = match &kind {
            ChatKind::Direct { peer } => published(link, peer).await?,
            ChatKind::SelfNotes | ChatKind::Group { .. } => None,
        };
        Ok(Some(Self { kind, conversation, incarnation: theirs.incarnation, published, shown: Shown::default() }))
    }
}

fn kind_of(theirs: &Group, own: &UserId) -> Option<ChatKind> {
    match (theirs.kind, &*theirs.participants) {
        (GroupKind::SelfNotes, [user]) if user == own => Some(ChatKind::SelfNotes),
        (GroupKind::Direct, [a, b]) if a == own => Some(ChatKind::Direct { peer: b.clone() }),
        (GroupKind::Direct, [a, b]) if b == own => Some(ChatKind::Direct { peer: a.clone() }),
        (GroupKind::Group, people) if people.contains(own) => Some(ChatKind::Group { conversation: theirs.chat_id }),
        _ => None,
    }
}

/// The conversation of a chat, where its kind and people say which that is.
pub(crate) fn conversation_of(kind: &ChatKind, own: &UserId) -> Option<ConversationId> {
    match kind {
        ChatKind::Direct { peer } => Some(direct_chat_id(own, peer)),
        ChatKind::SelfNotes => Some(self_chat_id(own)),
        ChatKind::Group { conversation } => Some(*conversation),
    }
}

/// The identity key in a user's profile.
pub(crate) async fn published(link: &Link, user: &UserId) -> Result<Option<[u8; 32]>, ClientError> {
    let profile = link.context.api.user(user).await?;
    let key = profile.public_key.and_then(|key| key.parse::<privmsg_e2ee::AccountPublicKey>().ok());
    Ok(key.map(|key| *key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{Epoch, Seq};

    use super::*;

    fn group(kind: GroupKind, users: &[&str]) -> Group {
        Group {
            group_id: GroupId::from_bytes([0; 16]),
            kind,
            chat_id: ConversationId::from_bytes([0; 32]),
            incarnation: Incarnation::FIRST,
            epoch: Epoch(1),
            seq: Seq(1),
            participants: users.iter().map(|user| UserId::new(user).unwrap()).collect(),
            devices: Vec::new(),
            roster: None,
            steps: Vec::new(),
        }
    }

    #[test]
    fn a_chat_is_between_whom_its_kind_says() {
        let own = UserId::new("alice").unwrap();
        let peer = |name| Some(ChatKind::Direct { peer: UserId::new(name).unwrap() });
        for (claimed, expected) in [
            (group(GroupKind::Direct, &["alice", "bob"]), peer("bob")),
            (group(GroupKind::Direct, &["bob", "alice"]), peer("bob")),
            (group(GroupKind::SelfNotes, &["alice"]), Some(ChatKind::SelfNotes)),
            (group(GroupKind::Direct, &["bob", "carol"]), None),
            (group(GroupKind::Direct, &["alice", "bob", "carol"]), None),
            (group(GroupKind::SelfNotes, &["bob"]), None),
            (
                group(GroupKind::Group, &["alice", "bob"]),
                Some(ChatKind::Group { conversation: ConversationId::from_bytes([0; 32]) }),
            ),
            (group(GroupKind::Group, &["carol", "bob"]), None),
        ] {
            assert_eq!(kind_of(&claimed, &own), expected, "{claimed:?}");
        }
    }
}
