//! Other people's identities.

use privmsg_e2ee::SafetyNumber;
use privmsg_protocol::UserId;
use privmsg_store::{Tx, contacts};

use super::Client;
use crate::contacts::{ContactInfo, info};
use crate::error::ClientError;

impl Client {
    /// What is known of a contact's identity.
    ///
    /// # Errors
    /// [`ClientError::UnknownContact`] before the first message in either direction.
    pub async fn contact(&self, user: &UserId) -> Result<ContactInfo, ClientError> {
        let user = user.clone();
        self.context.store.read(move |at| info(at, &user)).await
    }

    /// Whether sending to a user waits until the change of a verified key is accepted.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_held(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        self.read(move |at| contacts::is_held(at, &user)).await
    }

    /// Remembers that the user is shown this number to compare: that of the new key, where the contact has one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn remember_shown(&self, contact: &ContactInfo) -> Result<(), ClientError> {
        let (user, number) = (contact.user_id.clone(), contact.to_compare().clone());
        Ok(self.context.store.write(move |tx| contacts::note_shown(tx, &user, number.digits())).await?)
    }

    /// Whether this number is the one that the user was last shown, by whichever program.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn was_shown(&self, user: &UserId, number: &SafetyNumber) -> Result<bool, ClientError> {
        let user = user.clone();
        let shown = self.context.store.read(move |at| contacts::shown(at, &user)).await?;
        Ok(shown.as_deref() == Some(number.digits()))
    }

    /// Notes that the user has compared the safety number of a contact's pinned key. What they have `seen` is what is
    /// verified, and nothing else: a key can change between showing and comparing.
    ///
    /// # Errors
    /// [`ClientError::AnotherNumber`] if the contact's number is another one; [`ClientError`] of the database.
    pub async fn mark_verified(&self, user: &UserId, seen: &SafetyNumber) -> Result<(), ClientError> {
        let (user, seen) = (user.clone(), seen.clone());
        let mark = move |tx: &Tx<'_>| match info(tx, &user)?.safety_number == seen {
            true => Ok(contacts::set_verified(tx, &user, true)?),
            false => Err(ClientError::AnotherNumber(user)),
        };
        self.context.store.write(mark).await
    }

    /// Takes back that a contact's safety number was compared.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn unmark_verified(&self, user: &UserId) -> Result<(), ClientError> {
        let user = user.clone();
        Ok(self.context.store.write(move |tx| contacts::set_verified(tx, &user, false)).await?)
    }

    /// Accepts the changed identity of a verified contact, as the user has `seen` its number; what waited for it is sent.
    /// Returns whether there was one.
    ///
    /// # Errors
    /// [`ClientError::AnotherNumber`] if the new key is another one by now; [`ClientError`] of the database.
    pub async fn accept_identity_change(&self, user: &UserId, seen: &SafetyNumber) -> Result<bool, ClientError> {
        let (user, seen) = (user.clone(), seen.clone());
        let accept = move |tx: &Tx<'_>| match info(tx, &user)?.changed {
            None => Ok(false),
            Some(changed) if changed == seen => Ok(contacts::accept_change(tx, &user)?),
            Some(_) => Err(ClientError::AnotherNumber(user)),
        };
        self.context.store.write(accept).await
    }
}
