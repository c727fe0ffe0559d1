//! Which chat a group carries, and whether its members are who they were.

use privmsg_e2ee::{Conversation, ConversationKind, Member, Provider};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts::{self, Observation};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::messages::{self, Direction, MessageKind, NewMessage};
use privmsg_store::{Connection, MlsStorage};

use super::schedule;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;
use crate::sending::new_message_id;

/// Notes a joined conversation as active and as the one that carries its chat. Another group of the same chat has lost
/// to it (both sides created one, or the server was set up anew) and is deleted.
pub(super) fn adopt(
    connection: &Connection,
    provider: &Provider<'_, MlsStorage<'_>>,
    identity: &Identity,
    conversation: &Conversation,
    now_ms: i64,
) -> Result<ChatId, ClientError> {
    let group_id = conversation.group_id();
    if let Some(known) = groups::load(connection, &group_id)? {
        groups::set_state(connection, &group_id, GroupState::Active)?;
        groups::set_request(connection, &group_id, None)?;
        return Ok(known.chat);
    }
    let kind = match conversation.info().kind() {
        ConversationKind::SelfNotes => ChatKind::SelfNotes,
        ConversationKind::Group => ChatKind::Group,
        ConversationKind::Direct => {
            let others = conversation.info().participants().iter().find(|user| **user != identity.user_id);
            ChatKind::Direct { peer: others.cloned().unwrap_or_else(|| identity.user_id.clone()) }
        }
    };
    let chat = chats::ensure(connection, &kind, now_ms)?;
    if let Some(loser) = groups::of_chat(connection, chat)? {
        if let Some(old) = Conversation::load(provider, loser.group_id)? {
            old.delete(provider)?;
        }
        groups::remove(connection, &loser.group_id)?;
    }
    groups::insert(connection, &group_id, chat, GroupState::Active, schedule::first_rotation(now_ms))?;
    Ok(chat)
}

/// Compares the identity keys of members with the pinned ones. A change becomes a line in the chat.
pub(super) fn observe(
    connection: &Connection,
    identity: &Identity,
    chat: ChatId,
    members: &[Member],
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let mut events = Vec::new();
    for member in members.iter().filter(|member| member.user_id != identity.user_id) {
        let observation = contacts::observe(connection, &member.user_id, member.identity.as_bytes())?;
        let blocked = match observation {
            Observation::Known | Observation::Pinned => continue,
            Observation::Changed => false,
            Observation::Blocked => true,
        };
        let notice = NewMessage {
            chat,
            message_id: new_message_id(now_ms)?,
            sender_id: &member.user_id,
            sent_at: now_ms,
            received_at: now_ms,
            kind: MessageKind::IdentityChanged,
            content: &[],
        };
        if let Some(id) = messages::insert(connection, &notice, Direction::Incoming)? {
            events.push(Event::Received { id, chat });
        }
        events.push(Event::IdentityChanged { user: member.user_id.clone(), blocked });
    }
    Ok(events)
}
