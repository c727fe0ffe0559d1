//! What a message says of its author's device list, and what its device is by the newest that is known.

use privmsg_e2ee::{Content, Member};
use privmsg_mls_public::numbers::is_acceptable;
use privmsg_mls_public::{DeviceList, KnownDevices, ListNumber};
use privmsg_store::chats::ChatId;
use privmsg_store::{blocks, known_devices, wanted_lists};

use super::learn::Learning;
use super::{load, read_told, stored};
use crate::clock::seconds;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::mls::Step;

/// What the device is that has said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It stands in its account's list, or none is known.
    Listed,
    /// It does not: its account has signed it out.
    Unlisted,
    /// It does not stand in the list that is known, and names a newer one, which is being asked for.
    Unknown,
}

/// Learns what a message says of its author's list, and says what its device is by it.
pub(crate) fn hear(
    step: &Step<'_, '_>,
    chat: ChatId,
    sender: &Member,
    content: &Content,
) -> Result<(Standing, Vec<Event>), ClientError> {
    let mut events = Vec::new();
    if let Some(told) = &content.list {
        match read_told(&sender.user_id, told) {
            Ok(list)
                if *list.certificate().identity_key() == sender.identity && !is_one_of_many(step, sender, &list)? =>
            {
                let learning = Learning { tx: step.tx, own: step.identity, chat, now_ms: step.now_ms };
                events = learning.list(&sender.user_id, sender.identity, list)?;
            }
            // The number is asked for, as if the message had brought none.
            Ok(_) | Err(ClientError::Protocol(_) | ClientError::UpdateNeeded(_)) => {
                tracing::warn!(sender = %sender.user_id, "passed over a device list in a message");
            }
            Err(error) => return Err(error),
        }
    }
    let known = load(step.tx, &sender.user_id, sender.identity)?;
    let awaited = note_number(step, chat, sender, &known, content.list_number)?;
    let standing = match known.number() {
        None => Standing::Listed,
        Some(_) if known.counts(&sender.device_id, &sender.device_key) => Standing::Listed,
        Some(_) if awaited => Standing::Unknown,
        Some(_) => Standing::Unlisted,
    };
    Ok((standing, events))
}

/// Whether a newer list is one of more than an account has in a day: each would be a line for each device, and wake everything that
/// depends on lists.
fn is_one_of_many(step: &Step<'_, '_>, sender: &Member, list: &DeviceList) -> Result<bool, ClientError> {
    let known = load(step.tx, &sender.user_id, sender.identity)?;
    if known.number().is_some_and(|known| list.number() <= known) {
        return Ok(false);
    }
    let begins = list.number().generation > known.generation();
    let identity = sender.identity.as_bytes();
    Ok(!known_devices::note_told(step.tx, &sender.user_id, identity, begins, step.now_ms)?)
}

/// Asks for a list that was named and is not known. Returns whether it is worth waiting for.
fn note_number(
    step: &Step<'_, '_>,
    chat: ChatId,
    sender: &Member,
    known: &KnownDevices,
    named: Option<ListNumber>,
) -> Result<bool, ClientError> {
    let Some(number) = named.filter(|number| known.misses(Some(*number)) && is_likely(*number, known, step.now_ms))
    else {
        return Ok(false);
    };
    if sender.user_id == step.identity.user_id {
        // One's own list is asked for like all that concerns one's own account, too.
        blocks::note_news(step.tx)?;
    }
    let account = (&sender.user_id, sender.identity.as_bytes());
    wanted_lists::want(step.tx, account, stored(number), chat, true, step.now_ms)?;
    let wanted = wanted_lists::of(step.tx, account.0, account.1)?;
    Ok(wanted.is_some_and(|wanted| wanted.is_awaited(step.now_ms)))
}

/// What is further ahead names nothing: honest numbers follow the time, and servers take none either.
fn is_likely(number: ListNumber, known: &KnownDevices, now_ms: i64) -> bool {
    let before = known.number().unwrap_or(ListNumber { generation: 0, counter: 0 });
    let is_near = |number, before| is_acceptable(number, before, seconds(now_ms));
    is_near(number.generation, before.generation) && is_near(number.counter, before.counter)
}
