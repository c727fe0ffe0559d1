//! Other people's identities.

use privmsg_protocol::UserId;
use privmsg_store::contacts;

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

    /// Notes that the user has compared the safety number of a contact, or takes that back.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn set_verified(&self, user: &UserId, verified: bool) -> Result<(), ClientError> {
        let user = user.clone();
        Ok(self.context.store.write(move |tx| contacts::set_verified(tx, &user, verified)).await?)
    }

    /// Accepts the changed identity of a verified contact; what waited for it is sent. Returns whether there was one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn accept_identity_change(&self, user: &UserId) -> Result<bool, ClientError> {
        let user = user.clone();
        Ok(self.context.store.write(move |tx| contacts::accept_change(tx, &user)).await?)
    }
}
