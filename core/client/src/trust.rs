//! Which key of somebody counts.
//!
//! One rule, for whatever shows a key under somebody's name: the profile that the server has, a roster, a conversation, a link.
//! What it means for the writing of messages, for whom a chat is opened with, for whom a roster names, and for what somebody says,
//! follows from it.
//!
//! | pinned here | the key that is shown | |
//! |---|---|---|
//! | none | none | [`Nobody`](Trust::Nobody) |
//! | none | any | [`First`](Trust::First): will be pinned, if the profile says so too |
//! | one | the same, or none | [`Pinned`](Trust::Pinned); [`Doubted`](Trust::Doubted) while another one waits for the user's decision |
//! | one | another that the user has refused | [`Refused`](Trust::Refused) |
//! | one that something else than the server vouches for, or beside which another waits | another | [`ToBeAsked`](Trust::ToBeAsked) |
//! | one that only the server has vouched for | another | [`Taken`](Trust::Taken): shown to the user |

use privmsg_e2ee::AccountPublicKey;
use privmsg_protocol::UserId;
use privmsg_store::contacts::{self, Contact};
use privmsg_store::{Snapshot, StoreError};

type Key = [u8; 32];

/// What a key is that is shown under somebody's name, and which one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// There is no key.
    Nobody,
    /// No other one is known.
    First(Key),
    /// It is the pinned one.
    Pinned(Key),
    /// It is the pinned one, and the user has to decide between that and another.
    Doubted(Key),
    /// It takes the place of the pinned one.
    Taken(Key),
    /// It does not before the user has said so.
    ToBeAsked {
        /// The one that counts.
        pinned: Key,
    },
    /// The user has said that it is not theirs.
    Refused {
        /// The one that counts.
        pinned: Key,
    },
}

impl Trust {
    /// The key that counts, if there is one.
    pub(crate) const fn key(self) -> Option<Key> {
        match self {
            Self::Nobody => None,
            Self::First(key) | Self::Pinned(key) | Self::Doubted(key) | Self::Taken(key) => Some(key),
            Self::ToBeAsked { pinned } | Self::Refused { pinned } => Some(pinned),
        }
    }

    /// Whether the key that is shown is the pinned one.
    pub(crate) const fn is_pinned(self) -> bool {
        matches!(self, Self::Pinned(_) | Self::Doubted(_))
    }

    /// Whether a group in which somebody has the key that is shown may be written to: whom the user does not know under any key, they
    /// know by the group's.
    pub(crate) const fn is_as_known(self) -> bool {
        matches!(self, Self::First(_) | Self::Pinned(_))
    }

    /// Whether it is another key than the one that is known: whoever has it is perhaps not who the name says, whatever they say or do.
    pub(crate) const fn is_namesakes(self) -> bool {
        matches!(self, Self::Taken(_) | Self::ToBeAsked { .. } | Self::Refused { .. })
    }

    /// Whether the user has to decide about the key that is shown, or has decided against it.
    pub(crate) const fn is_held_back(self) -> bool {
        matches!(self, Self::ToBeAsked { .. } | Self::Refused { .. })
    }
}

/// The rule. `is_refused`: the user has said of the key that is `shown` that it is not the contact's.
pub(crate) fn judge(contact: Option<&Contact>, is_refused: bool, shown: Option<Key>) -> Trust {
    let Some(contact) = contact else { return shown.map_or(Trust::Nobody, Trust::First) };
    let (pinned, waits) = (contact.identity, contact.changed_identity.is_some());
    match shown.filter(|shown| *shown != pinned) {
        None if waits => Trust::Doubted(pinned),
        None => Trust::Pinned(pinned),
        Some(_) if is_refused => Trust::Refused { pinned },
        Some(_) if waits || contact.is_held_fast() => Trust::ToBeAsked { pinned },
        Some(other) => Trust::Taken(other),
    }
}

/// What a key is that is shown under a user's name, by what is known of them.
pub(crate) fn of(at: &Snapshot<'_>, user: &UserId, shown: Option<Key>) -> Result<Trust, StoreError> {
    let is_refused = shown.map_or(Ok(false), |key| contacts::is_refused(at, user, &key))?;
    Ok(judge(contacts::load(at, user)?.as_ref(), is_refused, shown))
}

/// The same where it may be the user's own name: that has the one key, and another one is nothing that was refused.
pub(crate) fn of_anybody(
    at: &Snapshot<'_>,
    own: (&UserId, Option<Key>),
    user: &UserId,
    shown: Key,
) -> Result<Trust, StoreError> {
    if user != own.0 {
        return of(at, user, Some(shown));
    }
    Ok(match own.1 {
        None => Trust::Nobody,
        Some(pinned) if shown == pinned => Trust::Pinned(pinned),
        Some(pinned) => Trust::ToBeAsked { pinned },
    })
}

/// Whether somebody is known by another key than this one.
pub(crate) fn is_namesake(
    at: &Snapshot<'_>,
    own: (&UserId, Option<Key>),
    user: &UserId,
    shown: &AccountPublicKey,
) -> Result<bool, StoreError> {
    Ok(of_anybody(at, own, user, *shown.as_bytes())?.is_namesakes())
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
