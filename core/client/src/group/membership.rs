//! Which chat a group carries, and whether its members are who they were.

use privmsg_e2ee::{Conversation, ConversationKind, Member};
use privmsg_protocol::Epoch;
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts::{self, Observation};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, outbox};

use super::mls::Step;
use super::schedule;
use crate::content::new_message_id;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;

/// Notes a joined conversation as active and as the one that carries its chat. Another group of the same chat that was
/// not in use has lost to it (both sides created one) and is deleted. One that is in use stays: `None`. A group that
/// the server does not have any more is out of the way before, see `sync_groups`.
pub(crate) fn adopt(step: &Step<'_, '_>, conversation: &Conversation) -> Result<Option<ChatId>, ClientError> {
    let group_id = conversation.group_id();
    if let Some(known) = groups::load(step.tx, &group_id)? {
        groups::set_state(step.tx, &group_id, GroupState::Active)?;
        groups::set_request(step.tx, &group_id, None)?;
        return Ok(Some(known.chat));
    }
    let kind = match conversation.info().kind() {
        ConversationKind::SelfNotes => ChatKind::SelfNotes,
        ConversationKind::Group => ChatKind::Group,
        ConversationKind::Direct => {
            let others = conversation.info().participants().iter().find(|user| **user != step.identity.user_id);
            ChatKind::Direct { peer: others.cloned().unwrap_or_else(|| step.identity.user_id.clone()) }
        }
    };
    let chat = chats::ensure(step.tx, &kind, step.now_ms)?;
    if let Some(loser) = groups::of_chat(step.tx, chat)? {
        if loser.state == GroupState::Active {
            tracing::warn!("refused a second conversation for the same chat");
            return Ok(None);
        }
        outbox::clear_encrypted_before(step.tx, &loser.group_id, Epoch(u64::MAX))?;
        if let Some(old) = Conversation::load(step.mls, loser.group_id)? {
            old.delete(step.mls)?;
        }
        groups::remove(step.tx, &loser.group_id)?;
    }
    groups::insert(step.tx, &group_id, chat, GroupState::Active, schedule::first_rotation(step.now_ms))?;
    Ok(Some(chat))
}

/// Compares the identity keys of members with the pinned ones. A change becomes a line in the chat.
pub(crate) fn observe(step: &Step<'_, '_>, chat: ChatId, members: &[Member]) -> Result<Vec<Event>, ClientError> {
    let mut events = Vec::new();
    for member in members.iter().filter(|member| member.user_id != step.identity.user_id) {
        let observation = contacts::observe(step.tx, &member.user_id, member.identity.as_bytes())?;
        let blocked = match observation {
            Observation::Known | Observation::Pinned => continue,
            Observation::Changed => false,
            Observation::Blocked => true,
        };
        // Devices under the former key have to leave, unless the user takes the change back.
        if let Some(group) = groups::of_chat(step.tx, chat)? {
            groups::set_reconcile(step.tx, &group.group_id)?;
        }
        let notice = NewMessage {
            chat,
            message_id: new_message_id(step.now_ms)?,
            sender_id: &member.user_id,
            sender_device: &member.device_id,
            place: Place::Here,
            expires_at: None,
            sent_at: step.now_ms,
            received_at: step.now_ms,
            kind: Kind::IDENTITY_CHANGED,
            content: &[],
        };
        if let Some(id) = messages::insert(step.tx, &notice, Direction::Incoming)? {
            events.push(Event::Received { id, chat });
        }
        events.push(Event::IdentityChanged { user: member.user_id.clone(), chat, blocked });
    }
    Ok(events)
}

/// Whether the user of a member has the identity that this member's certificate names: our own, or the pinned one.
/// A changed one that waits for the user's word is not pinned.
pub(crate) fn is_trusted(at: &Snapshot<'_>, identity: &Identity, member: &Member) -> Result<bool, ClientError> {
    if member.user_id == identity.user_id {
        return Ok(member.identity == identity.account);
    }
    let contact = contacts::load(at, &member.user_id)?;
    Ok(contact.is_some_and(|contact| contact.identity == *member.identity.as_bytes()))
}
