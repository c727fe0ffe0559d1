//! What the user's devices know of contacts' keys, and what of that waits to be confirmed.

use privmsg_e2ee::{AccountPublicKey, SafetyNumber, safety_number};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::account::Account;
use privmsg_store::contacts::words::{self, Marks, Weight, Word};
use privmsg_store::{Snapshot, Tx, account};

use super::Client;
use crate::contacts::Known;
use crate::error::ClientError;
use crate::identity::public_identity;

/// What one device of the user's knows of a contact's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactWord {
    /// The contact.
    pub user_id: UserId,
    /// The number of the key as that device has met it.
    pub safety_number: SafetyNumber,
    /// How that device knows it.
    pub known: Known,
    /// The device; `None` for this one.
    pub said_by: Option<DeviceId>,
    /// Whether it counts.
    pub weight: Weight,
}

impl Client {
    /// What the user's devices say of a contact, this one's own word first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn contact_words(&self, user: &UserId) -> Result<Vec<ContactWord>, ClientError> {
        let user = user.clone();
        let look = move |at: &Snapshot<'_>| {
            let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
            words::of(at, &user)?.into_iter().map(|(word, weight)| described(&own, word, weight)).collect()
        };
        self.context.store.read(look).await
    }

    /// What devices knew that were removed as stolen, and that nobody else has vouched for.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn contacts_to_confirm(&self) -> Result<Vec<ContactWord>, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
            let waiting = words::to_confirm(at)?.into_iter();
            waiting.map(|word| described(&own, word, Weight::ToConfirm)).collect()
        };
        self.context.store.read(look).await
    }

    /// Remembers that the user is shown the numbers of a contact that wait to be confirmed.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn remember_to_confirm_shown(&self, user: &UserId) -> Result<(), ClientError> {
        let user = user.clone();
        Ok(self.context.store.write(move |tx| words::note_shown(tx, &user)).await?)
    }

    /// Whether the user was shown what waits to be confirmed of a contact, as it is now.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn was_to_confirm_shown(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        Ok(self.context.store.read(move |at| words::was_shown(at, &user)).await?)
    }

    /// The user says that a key that a removed device knew is the contact's, as they have `seen` its number. Returns whether
    /// it is the pinned one now; if not, another one is, and the user has to decide between the two.
    ///
    /// # Errors
    /// [`ClientError::AnotherNumber`] if no such key waits to be confirmed; [`ClientError`] of the database.
    pub async fn confirm_contact(&self, user: &UserId, seen: &SafetyNumber) -> Result<bool, ClientError> {
        let (user, seen) = (user.clone(), seen.clone());
        let confirm = move |tx: &Tx<'_>| {
            let own = account::load(tx)?.ok_or(ClientError::NotSignedIn)?;
            for word in words::to_confirm(tx)?.into_iter().filter(|word| word.user == user) {
                if number(&own, &word)? == seen {
                    return Ok(words::confirm(tx, &word)?);
                }
            }
            Err(ClientError::AnotherNumber(user))
        };
        self.context.store.write(confirm).await
    }

    /// What removed devices knew of a contact is not asked about any more, and counts for nothing. Returns whether there was
    /// anything.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn put_contact_words_aside(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        Ok(self.context.store.write(move |tx| words::put_aside(tx, &user)).await?)
    }
}

fn described(own: &Account, word: Word, weight: Weight) -> Result<ContactWord, ClientError> {
    let known = match word.marks {
        marks if marks.has(Marks::VERIFIED) => Known::Verified,
        marks if marks.has(Marks::BY_LINK) => Known::ByLink,
        _ => Known::SeenFirst,
    };
    let safety_number = number(own, &word)?;
    Ok(ContactWord { user_id: word.user, safety_number, known, said_by: word.said_by, weight })
}

fn number(own: &Account, word: &Word) -> Result<SafetyNumber, ClientError> {
    let theirs = AccountPublicKey::from_bytes(word.identity).map_err(|_| ClientError::Damaged("identity keys"))?;
    Ok(safety_number((&own.user_id, &public_identity(own)?), (&word.user, &theirs)))
}
