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
use privmsg_store::position::{self, Place};
use privmsg_store::{Snapshot, StoreError, Tx, leaf_dates, settings};

use super::mls::Step;
use crate::clock::seconds;
use crate::error::ClientError;

/// Notes the leaves of a tree in which this device stands, or that have come into it, with what stands at that place.
pub(crate) fn note(tx: &Tx<'_>, chat: ChatId, dates: &[LeafDate], place: Place) -> Result<(), ClientError> {
    let seen = leaf_dates::seen(tx, position::of(tx, chat, place)?)?;
    for LeafDate { user_id, device_key, made_at } in dates {
        leaf_dates::note(tx, chat, user_id, device_key.as_bytes(), *made_at, seen)?;
    }
    Ok(())
}

/// The latest number that this device has given to a leaf, in whatever chat.
const LAST: &str = "last_leaf_made_at";

/// When the next leaf of this device in a chat is made. By its own clock, whatever the server says the time is.
pub(crate) fn next(step: &Step<'_, '_>, chat: Option<ChatId>) -> Result<u64, ClientError> {
    let (own, key) = (&step.identity.user_id, step.identity.device.public());
    let known = chat.map_or(Ok(None), |chat| leaf_dates::of(step.tx, chat, own, key.as_bytes()))?;
    Ok(give(step.tx, known.unwrap_or(0), seconds(step.now_ms))?)
}

/// A number for a leaf, or for a key package that may become one: above those of all that this device has made. It may be a leaf
/// where this device does not know of it, by a key package, and what it makes there next has to be later, though the clock was
/// set back since.
pub(crate) fn give(tx: &Tx<'_>, known: u64, now_s: u64) -> Result<u64, StoreError> {
    let last = settings::get(tx, LAST)?.and_then(|last| u64::try_from(last).ok()).unwrap_or(0);
    // What comes after the last number is refused by everybody, and a clock that goes there is none.
    let next = following(known.max(last), now_s).unwrap_or(MAX_COUNTER);
    settings::set(tx, LAST, i64::try_from(next).unwrap_or(i64::MAX))?;
    Ok(next)
}

/// Whether this device is about to be in a chat again for the first time since the server was restored.
pub(crate) fn comes_back(step: &Step<'_, '_>, chat: ChatId) -> Result<bool, StoreError> {
    let (own, key) = (&step.identity.user_id, step.identity.device.public());
    leaf_dates::comes_back(step.tx, chat, own, key.as_bytes())
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

#[cfg(test)]
mod tests {
    use privmsg_store::Store;
    use privmsg_store::key::DatabaseKey;

    use super::*;

    #[tokio::test]
    async fn a_clock_that_is_set_back_makes_no_leaf_older_than_any_before() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let given = store.write(|tx| {
            Ok::<_, StoreError>([
                give(tx, 0, 9_000)?,
                give(tx, 0, 1_000)?,
                give(tx, 9_500, 1_000)?,
                give(tx, 0, 9_900)?,
            ])
        });
        assert_eq!(given.await.unwrap(), [9_000, 9_001, 9_501, 9_900]);
    }
}
