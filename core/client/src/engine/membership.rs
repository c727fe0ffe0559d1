//! Which chat a group carries, and whether its members are who they were.

use privmsg_e2ee::{Conversation, ConversationKind, Member, Provider};
use privmsg_protocol::Epoch;
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts::{self, Observation};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::messages::{self, Direction, MessageKind, NewMessage};
use privmsg_store::{Connection, MlsStorage, outbox};

use super::schedule;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;
use crate::sending::new_message_id;

/// Notes a joined conversation as active and as the one that carries its chat. Another group of the same chat that was
/// not in use has lost to it (both sides created one) and is deleted. One that is in use stays: `None`. A group that
/// the server does not have any more is out of the way before, see `sync_groups`.
pub(super) fn adopt(
    connection: &Connection,
    provider: &Provider<'_, MlsStorage<'_>>,
    identity: &Identity,
    conversation: &Conversation,
    now_ms: i64,
) -> Result<Option<ChatId>, ClientError> {
    let group_id = conversation.group_id();
    if let Some(known) = groups::load(connection, &group_id)? {
        groups::set_state(connection, &group_id, GroupState::Active)?;
        groups::set_request(connection, &group_id, None)?;
        return Ok(Some(known.chat));
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
        if loser.state == GroupState::Active {
            tracing::warn!("refused a second conversation for the same chat");
            return Ok(None);
        }
        outbox::clear_encrypted_before(connection, &loser.group_id, Epoch(u64::MAX))?;
        if let Some(old) = Conversation::load(provider, loser.group_id)? {
            old.delete(provider)?;
        }
        groups::remove(connection, &loser.group_id)?;
    }
    groups::insert(connection, &group_id, chat, GroupState::Active, schedule::first_rotation(now_ms))?;
    Ok(Some(chat))
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
        // Devices under the former key have to leave, unless the user takes the change back.
        if let Some(group) = groups::of_chat(connection, chat)? {
            groups::set_reconcile(connection, &group.group_id, true)?;
        }
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

/// Whether the user of a member has the identity that this member's certificate names: our own, or the pinned one.
/// A changed one that waits for the user's word is not pinned.
pub(super) fn is_trusted(connection: &Connection, identity: &Identity, member: &Member) -> Result<bool, ClientError> {
    if member.user_id == identity.user_id {
        return Ok(member.identity == identity.account);
    }
    let contact = contacts::load(connection, &member.user_id)?;
    Ok(contact.is_some_and(|contact| contact.identity == *member.identity.as_bytes()))
}
