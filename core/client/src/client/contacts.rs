//! Other people's identities.

use std::sync::Arc;

use privmsg_e2ee::{AccountPublicKey, SafetyNumber};
use privmsg_mls_public::ContactLink;
use privmsg_protocol::UserId;
use privmsg_store::{Snapshot, Tx, contacts};

use super::Client;
use crate::contact_links::{self, LinkFrom};
use crate::contacts::{ContactInfo, all, info, refused_key};
use crate::error::ClientError;
use crate::group::membership;
use crate::group::mls::Step;
use crate::identity::Identity;

impl Client {
    /// What is known of a contact's identity.
    ///
    /// # Errors
    /// [`ClientError::UnknownContact`] before the first message in either direction, unless they were added by a link.
    pub async fn contact(&self, user: &UserId) -> Result<ContactInfo, ClientError> {
        let user = user.clone();
        self.context.store.read(move |at| info(at, &user)).await
    }

    /// All contacts whose key is known, by name.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn contacts(&self) -> Result<Vec<ContactInfo>, ClientError> {
        self.context.store.read(all).await
    }

    /// The account's own contact link: who it is, for others to add.
    ///
    /// # Errors
    /// [`ClientError::NotSignedIn`] before the account has an identity here; [`ClientError`] of the database.
    pub async fn contact_link(&self) -> Result<ContactLink, ClientError> {
        self.context.store.read(contact_links::own_link).await
    }

    /// Whether a contact link names the address at which this profile reaches its server.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_at_our_address(&self, link: &ContactLink) -> Result<bool, ClientError> {
        Ok(contact_links::is_alike(&self.context.account().await?.server_url, &link.server))
    }

    /// The identity key that the server has for a user, if it has one that can be a key.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn published_key(&self, user: &UserId) -> Result<Option<AccountPublicKey>, ClientError> {
        let profile = self.context.api.user(user).await?;
        Ok(profile.public_key.and_then(|key| key.parse().ok()))
    }

    /// Adds a contact by their link: its key is the only one that is written to from now on. Another one that is pinned
    /// already, or that the server has `published`, is noted as a change, which holds up what is sent until the user has
    /// accepted or refused it. Of a link that was taken in person, device lists of an earlier generation do not count any
    /// more.
    ///
    /// # Errors
    /// [`ClientError::AnotherServer`] if the link is for a server that is not this one, [`ClientError::OwnLink`],
    /// [`ClientError::AnotherKey`] if it names another key for this very account; then nothing has changed. [`ClientError`] of
    /// the database.
    pub async fn add_contact(
        &self,
        link: &ContactLink,
        from: LinkFrom,
        published: Option<AccountPublicKey>,
    ) -> Result<ContactInfo, ClientError> {
        let link = link.clone();
        self.context.store.write(move |tx| contact_links::add(tx, &link, from, published.as_ref())).await
    }

    /// Whether sending to a user waits until the change of a key that is held fast is accepted.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_held(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        self.read(move |at| contacts::is_held(at, &user)).await
    }

    /// Remembers that the user is shown this number to compare: that of the new key, where the contact has one; else also those
    /// of the keys that they have refused.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn remember_shown(&self, contact: &ContactInfo) -> Result<(), ClientError> {
        let (user, number) = (contact.user_id.clone(), contact.to_compare().clone());
        let waits = contact.changed.is_some();
        let shown = move |tx: &Tx<'_>| {
            contacts::note_shown(tx, &user, number.digits())?;
            if waits { Ok(()) } else { contacts::note_refused_shown(tx, &user) }
        };
        Ok(self.context.store.write(shown).await?)
    }

    /// Whether this number is the one that the user was last shown, by whichever program; or that of a key that they have refused,
    /// shown since.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn was_shown(&self, user: &UserId, number: &SafetyNumber) -> Result<bool, ClientError> {
        let (user, number) = (user.clone(), number.clone());
        let look = move |at: &Snapshot<'_>| match refused_key(at, &user, &number)? {
            Some(key) => Ok(contacts::was_refused_shown(at, &user, &key)?),
            None => Ok::<_, ClientError>(contacts::shown(at, &user)?.as_deref() == Some(number.digits())),
        };
        self.context.store.read(look).await
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

    /// Accepts the changed identity of a contact whose key is held fast, or one that the user has refused before, as they have `seen`
    /// its number; what waited for it is sent. With who has the key that counted before the chat does not go on. Returns whether there
    /// was one.
    ///
    /// # Errors
    /// [`ClientError::AnotherNumber`] if the new key is another one by now; [`ClientError`] of the database.
    pub async fn accept_identity_change(&self, user: &UserId, seen: &SafetyNumber) -> Result<bool, ClientError> {
        let (user, seen) = (user.clone(), seen.clone());
        let Ok(identity) = Identity::of(&self.context.account().await?) else {
            // A device that is signed out is in no group.
            return self.context.store.write(move |tx| accept(tx, &user, &seen)).await;
        };
        let accepted = move |step: &Step<'_, '_>| {
            let is_accepted = accept(step.tx, &user, &seen)?;
            if is_accepted {
                membership::part_from_namesake(step, &user)?;
            }
            Ok(is_accepted)
        };
        self.context.step(&Arc::new(identity), accepted).await
    }

    /// Refuses another identity of a contact, as the user has `seen` its number: the pinned key stays, and what waited is sent
    /// to it. That the refused one is seen again says nothing new. Returns whether there was one.
    ///
    /// # Errors
    /// [`ClientError::AnotherNumber`] if the other key is another one by now; [`ClientError`] of the database.
    pub async fn refuse_identity_change(&self, user: &UserId, seen: &SafetyNumber) -> Result<bool, ClientError> {
        let (user, seen) = (user.clone(), seen.clone());
        let refuse = move |tx: &Tx<'_>| match info(tx, &user)?.changed {
            None => Ok(false),
            Some(changed) if changed == seen => Ok(contacts::refuse_change(tx, &user)?),
            Some(_) => Err(ClientError::AnotherNumber(user)),
        };
        self.context.store.write(refuse).await
    }
}

fn accept(tx: &Tx<'_>, user: &UserId, seen: &SafetyNumber) -> Result<bool, ClientError> {
    match info(tx, user)?.changed {
        Some(changed) if changed == *seen => Ok(contacts::accept_change(tx, user)?),
        changed => match refused_key(tx, user, seen)? {
            Some(key) => Ok(contacts::accept_refused(tx, user, &key)?),
            None if changed.is_none() => Ok(false),
            None => Err(ClientError::AnotherNumber(user.clone())),
        },
    }
}
