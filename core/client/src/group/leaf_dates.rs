//! When devices have made their leaves. A leaf that is older than one that was seen of the same device in the chat came back: with
//! a backup of the server's, or because the server leads back to it. Whoever has had its key since reads what is encrypted for
//! it, so nothing is, before it has gone or was made anew.

use std::collections::HashSet;

use privmsg_e2ee::{Conversation, LeafDate};
use privmsg_mls_public::DevicePublicKey;
use privmsg_mls_public::numbers::{following, is_stale};
use privmsg_protocol::limits::MAX_COUNTER;
use privmsg_store::chats::ChatId;
use privmsg_store::groups::StoredGroup;
use privmsg_store::{Snapshot, Tx, leaf_dates};

use super::mls::Step;
use crate::error::ClientError;

/// Notes the leaves of a tree in which this device stands, or that have come into it.
pub(crate) fn note(tx: &Tx<'_>, chat: ChatId, dates: &[LeafDate]) -> Result<(), ClientError> {
    for LeafDate { user_id, device_key, made_at } in dates {
        leaf_dates::note(tx, chat, user_id, device_key.as_bytes(), *made_at)?;
    }
    Ok(())
}

/// When the next leaf of this device in a chat is made. By its own clock, whatever the server says the time is.
pub(crate) fn next(step: &Step<'_, '_>, chat: Option<ChatId>) -> Result<u64, ClientError> {
    let own = step.identity.device.public();
    let known = match chat {
        Some(chat) => leaf_dates::all(step.tx, chat)?.remove(own.as_bytes()),
        None => None,
    };
    // What comes after the last number is refused by everybody, and a clock that goes there is none.
    Ok(following(known.unwrap_or(0), now_s(step.now_ms)).unwrap_or(MAX_COUNTER))
}

/// Seconds since 1970.
pub(crate) fn now_s(now_ms: i64) -> u64 {
    (now_ms / 1000).try_into().unwrap_or(0)
}

/// The devices whose leaves are older than what was seen of them. Whoever is alone has nobody to keep a secret from.
pub(crate) fn stale(
    at: &Snapshot<'_>,
    group: &StoredGroup,
    conversation: &Conversation,
) -> Result<HashSet<DevicePublicKey>, ClientError> {
    let seen = leaf_dates::all(at, group.chat)?;
    if seen.is_empty() || conversation.leaves() == 1 {
        return Ok(HashSet::new());
    }
    let is_stale =
        |date: &LeafDate| seen.get(date.device_key.as_bytes()).is_some_and(|seen| is_stale(date.made_at, *seen));
    let stale = conversation.dates().into_iter().filter(is_stale);
    Ok(stale.map(|date| date.device_key).collect())
}
