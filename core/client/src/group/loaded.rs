//! Conversations that stay in memory between transactions.
//!
//! Reading a group of a thousand leaves takes a hundred times as long as encrypting for it. So what a transaction has worked
//! with is kept for the next one, with the stamp that the store had given its state ([`mls_stamp`]). **The database decides**:
//! what is kept is taken only while that stamp is still the one in the database, as the transaction that takes it sees it.
//! Whatever else has written to the group since, here or in another process, and whatever was rolled back after it had been
//! kept, shows as another stamp, and the group is read anew. So nothing has to be told of a rollback, a savepoint that was
//! undone, or a commit that the disk refused, and a ratchet never goes on from a state that was not stored.
//!
//! Who takes a conversation has it alone, and keeps it only if all went well: after an error it may be ahead of the storage.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use privmsg_e2ee::{AccountPublicKey, Conversation};
use privmsg_protocol::GroupId;
use privmsg_store::{Stamp, groups, mls_stamp};

use super::mls::Step;
use super::rosters;
use crate::error::ClientError;

/// Conversations that are kept at most: as many as people write in within minutes.
const MOST: usize = 32;

/// Leaves that they have together at most: of a thousand it takes some 10 MB, by far most of it public keys. One that has more by
/// itself is kept alone.
const MOST_LEAVES: usize = 3_000;

/// What stays in memory.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The one used last behind. What is dropped wipes its secrets (OpenMLS).
    kept: Mutex<VecDeque<Kept>>,
    /// Groups of people that may be written to, as far as this goes, one each.
    in_order: Mutex<VecDeque<LookedAt>>,
}

/// All that decides whether a group of people may be written to, but for its devices.
#[derive(PartialEq, Eq)]
pub(crate) struct LookedAt {
    pub(crate) group: GroupId,
    /// In its GroupContext.
    pub(crate) roster: Vec<u8>,
    /// What is known of its rosters.
    pub(crate) view: Vec<u8>,
    /// Whom the user knows by which key.
    pub(crate) contacts: Stamp,
    /// The user's own key.
    pub(crate) own: AccountPublicKey,
}

struct Kept {
    id: GroupId,
    stamp: Stamp,
    leaves: usize,
    conversation: Conversation,
}

impl Loaded {
    fn kept(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, id: GroupId, stamp: Stamp) -> Option<Conversation> {
        let mut kept = self.kept();
        let at = kept.iter().position(|kept| kept.id == id)?;
        let found = kept.remove(at).filter(|kept| kept.stamp == stamp)?;
        Some(found.conversation)
    }

    fn put(&self, one: Kept) {
        let mut kept = self.kept();
        kept.retain(|other| other.id != one.id);
        let mut leaves = one.leaves + kept.iter().map(|kept| kept.leaves).sum::<usize>();
        kept.push_back(one);
        while kept.len() > MOST || (leaves > MOST_LEAVES && kept.len() > 1) {
            leaves -= kept.pop_front().map_or(0, |gone| gone.leaves);
        }
    }

    /// Whether just this was in order.
    pub(crate) fn was_in_order(&self, looked_at: &LookedAt) -> bool {
        self.in_order.lock().unwrap_or_else(PoisonError::into_inner).contains(looked_at)
    }

    pub(crate) fn is_in_order(&self, looked_at: LookedAt) {
        let mut in_order = self.in_order.lock().unwrap_or_else(PoisonError::into_inner);
        in_order.retain(|other| other.group != looked_at.group);
        in_order.push_back(looked_at);
        if in_order.len() > MOST {
            in_order.pop_front();
        }
    }

    /// How many are kept.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.kept().len()
    }
}

impl Step<'_, '_> {
    /// The conversation of a group, with the roster that counts in it if it is one of several people: the one that is kept, or
    /// as it is stored. `None` if this device does not have it.
    pub(crate) fn take(&self, id: GroupId) -> Result<Option<Conversation>, ClientError> {
        let stamp = mls_stamp(self.tx, &Conversation::storage_key(id))?;
        let kept = stamp.and_then(|stamp| self.loaded.take(id, stamp));
        let found = match kept {
            Some(conversation) => Some(conversation),
            None => Conversation::load(self.mls, id)?,
        };
        let Some(conversation) = found else { return Ok(None) };
        if conversation.info().roster().is_none() || conversation.roster().is_some() {
            return Ok(Some(conversation));
        }
        let roster = groups::load(self.tx, &id)?.and_then(|group| group.roster);
        let roster = roster.map(|roster| rosters::stored(&roster)).transpose()?;
        conversation.with_roster(roster).map(Some).map_err(|_| ClientError::Damaged("roster"))
    }

    /// Keeps a conversation for the next who takes it. It is as it is stored: nothing that was done with it has failed.
    pub(crate) fn keep(&self, conversation: Conversation) -> Result<(), ClientError> {
        let id = conversation.group_id();
        let stamp = mls_stamp(self.tx, &Conversation::storage_key(id))?;
        if let Some(stamp) = stamp.filter(|_| conversation.is_active()) {
            self.loaded.put(Kept { id, stamp, leaves: conversation.leaves(), conversation });
        }
        Ok(())
    }

    /// Looks at the conversation of a group, if this device has it, and keeps it.
    pub(crate) fn look<T>(&self, id: GroupId, at: impl FnOnce(&Conversation) -> T) -> Result<Option<T>, ClientError> {
        let Some(conversation) = self.take(id)? else { return Ok(None) };
        let seen = at(&conversation);
        self.keep(conversation)?;
        Ok(Some(seen))
    }
}

#[cfg(test)]
#[path = "loaded_tests.rs"]
mod tests;
