//! Encrypting for a conversation.

use openmls::group::CreateMessageError;
use tls_codec::Serialize as _;

use super::Conversation;
use crate::identity::DeviceKeys;
use crate::provider::{Provider, Storage};

/// Why nothing was encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// This device has been removed from the group.
    #[error("this device was removed from the group")]
    Removed,
    /// The storage failed, or OpenMLS has a bug; it does not tell which.
    #[error("OpenMLS encrypted nothing")]
    Mls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Conversation {
    /// Encrypts `plaintext` for all members in the current epoch: a `PrivateMessage` (RFC 9420, section 6.3) in an
    /// `MLSMessage`, padded to a multiple of 128 bytes. The plaintext is usually a [`Content`](crate::Content).
    ///
    /// The server refuses it once the epoch is over; the caller then encrypts again in the new one, under the same
    /// message id.
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt<S: Storage>(
        &mut self,
        provider: &Provider<'_, S>,
        keys: &DeviceKeys,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, EncryptError> {
        let message = self.group.create_message(provider, keys, plaintext).map_err(|error| match error {
            CreateMessageError::GroupStateError(_) => EncryptError::Removed,
            other => EncryptError::Mls(Box::new(other)),
        })?;
        message.tls_serialize_detached().map_err(|error| EncryptError::Mls(Box::new(error)))
    }
}
