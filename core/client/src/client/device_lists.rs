//! Other people's devices.

use privmsg_e2ee::AccountPublicKey;
use privmsg_mls_public::Device;
use privmsg_protocol::UserId;
use privmsg_store::contacts;

use super::Client;
use crate::device_lists;
use crate::error::ClientError;

impl Client {
    /// The devices of a contact, as the newest list has them that is known under the contact's pinned key; none where no list
    /// is known.
    ///
    /// # Errors
    /// [`ClientError::UnknownContact`]; [`ClientError`] of the database.
    pub async fn devices_of(&self, user: &UserId) -> Result<Vec<Device>, ClientError> {
        let user = user.clone();
        let look = move |at: &privmsg_store::Snapshot<'_>| {
            let contact = contacts::load(at, &user)?.ok_or_else(|| ClientError::UnknownContact(user.clone()))?;
            let identity = AccountPublicKey::from_bytes(contact.identity);
            let identity = identity.map_err(|_| ClientError::Damaged("identity of a contact"))?;
            Ok(device_lists::load(at, &user, identity)?.devices().to_vec())
        };
        self.context.store.read(look).await
    }
}
